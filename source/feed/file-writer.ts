/** Who has a file open for writing, as the Linux kernel tells under /proc (proc(5)); elsewhere nobody is found. */
import { readdirSync, readFileSync, statSync } from 'node:fs';

/** Of `flags` in fdinfo: how the file is open. */
const accessMode = 0o3;

/** Returns the process that has the file open for writing, one of those whose files we may look at; null: none. */
export function writerOf(file: string): number | null {
  const { dev, ino } = statSync(file);
  for (const pid of names('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    for (const handle of names(`/proc/${pid}/fd`)) {
      try {
        const found = statSync(`/proc/${pid}/fd/${handle}`);
        if (found.dev !== dev || found.ino !== ino) continue;
        const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${handle}`, 'latin1'))?.[1] ?? '0';
        if ((Number.parseInt(flags, 8) & accessMode) !== 0) return Number(pid);
      } catch {
        // It was closed meanwhile.
      }
    }
  }
  return null;
}

/** Nothing where the directory is not there, or not ours to read. */
function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
