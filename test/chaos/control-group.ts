/** Control groups of version 1 in which a node is short of something: the machine itself is not. It takes root. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '../helpers/lbtop.ts';

type Kind = 'memory' | 'pids';

export interface ControlGroup {
  /** Puts a process into it, whose children will be in it too. */
  enter(pid: number): void;
  set(file: string, value: string): void;
  get(file: string): string;
  /** Removes it once the last processes have left. */
  remove(): Promise<void>;
}

const pathOf = (kind: Kind, name: string): string => join('/sys/fs/cgroup', kind, `lbtop-${name}-${process.pid}`);

/** Returns why no group of this kind can be made here, or null. */
export function groupMissing(kind: Kind): string | null {
  if (process.getuid?.() !== 0 || !existsSync(join('/sys/fs/cgroup', kind, 'tasks')))
    return `it takes root and control groups of version 1 with ${kind}`;
  const tried = pathOf(kind, 'try');
  try {
    mkdirSync(tried);
    rmdirSync(tried);
    return null;
  } catch (error) {
    return `no group of ${kind} can be made: ${(error as Error).message}`;
  }
}

/** Makes one. */
export function controlGroup(kind: Kind): ControlGroup {
  const group = pathOf(kind, 'short');
  mkdirSync(group);
  const set = (file: string, value: string): void => writeFileSync(join(group, file), value);
  return {
    enter: (pid) => set('cgroup.procs', String(pid)),
    set,
    get: (file) => readFileSync(join(group, file), 'utf8').trim(),
    remove: () =>
      until(() => {
        try {
          rmdirSync(group);
          return true;
        } catch {
          return false; // the last processes are on their way out
        }
      }),
  };
}
