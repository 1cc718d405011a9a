/**
 * What a process had of the machine's cores. On a machine that others use too, wall time says more about them than about
 * us: the kernel tells how long a thread ran, and how long it was ready to run and had no core.
 */
import { readdirSync, readFileSync } from 'node:fs';

export interface CoreTime {
  /** ms that it ran. */
  ranMs: number;
  /** ms that it could have run, had there been a core. */
  waitedMs: number;
}

/** Returns the times of a process's first thread, which runs its loop; zeros where the kernel does not tell. */
export function loopTime(pid: number | 'self'): CoreTime {
  return read(`/proc/${pid}/schedstat`);
}

/** Returns the times of all of a process's threads together. */
export function processTime(pid: number): CoreTime {
  let [ranMs, waitedMs] = [0, 0];
  for (const thread of threadsOf(pid)) {
    const one = read(`/proc/${pid}/task/${thread}/schedstat`);
    ranMs += one.ranMs;
    waitedMs += one.waitedMs;
  }
  return { ranMs, waitedMs };
}

function threadsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

function read(file: string): CoreTime {
  try {
    const [ran = 0, waited = 0] = readFileSync(file, 'latin1').split(' ').map(Number);
    return { ranMs: ran / 1e6, waitedMs: waited / 1e6 };
  } catch {
    return { ranMs: 0, waitedMs: 0 };
  }
}
