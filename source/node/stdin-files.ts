/** What the tasks of a job read as stdin: one private file for all of them, there while some of them run. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JobSpec } from '../model/job.ts';

export interface StdinFiles {
  /** Returns the file's path (null: the job gives no stdin) and what says that it is needed no more. Throws where it cannot be written. */
  take(spec: JobSpec): { path: string | null; over(): void };
}

/** `dir` is private (0700). */
export function stdinFiles(dir: string): StdinFiles {
  const files = new Map<JobSpec, { path: string; users: number }>();
  let count = 0;
  return {
    take(spec) {
      if (spec.stdin === null || spec.stdin.length === 0) return { path: null, over() {} };
      let file = files.get(spec);
      if (file === undefined) {
        file = { path: join(dir, `stdin-${count++}`), users: 0 };
        writeFileSync(file.path, spec.stdin, { mode: 0o600, flag: 'wx' });
        files.set(spec, file);
      }
      const taken = file;
      taken.users++;
      return {
        path: taken.path,
        over() {
          if (--taken.users > 0) return;
          files.delete(spec);
          rmSync(taken.path, { force: true });
        },
      };
    },
  };
}
