/** A disk of memory with little room, to be filled and freed. */
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface SmallDisk extends Disposable {
  readonly directory: string;
  /** Uses all the room, then gives so many bytes back. */
  fill(butBytes?: number): void;
  /** Gives the room back. */
  free(): void;
}

/** Mounts one; null with a printed reason where that is not allowed. */
export function smallDisk(megabytes: number): SmallDisk | null {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'none', directory], { stdio: 'pipe' });
  } catch (error) {
    rmSync(directory, { recursive: true });
    console.log(`skipped: a small disk cannot be mounted (${String(error).split('\n')[0]})`);
    return null;
  }
  const filler = join(directory, 'filler');
  return {
    directory,
    fill(butBytes = 0) {
      const file = openSync(filler, 'a');
      let bytes = 0;
      for (const piece of [Buffer.alloc(65_536), Buffer.alloc(4_096)])
        try {
          for (;;) bytes += writeSync(file, piece);
        } catch {
          // No room for another one.
        }
      if (butBytes > 0) ftruncateSync(file, Math.max(0, bytes - butBytes));
      closeSync(file);
    },
    free: () => rmSync(filler, { force: true }),
    [Symbol.dispose]() {
      execFileSync('umount', ['-l', directory]);
      rmSync(directory, { recursive: true });
    },
  };
}
