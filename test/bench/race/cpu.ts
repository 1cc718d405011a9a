/** CPU time of processes with all that they started. */
import { descendants, processStat } from '../../../source/node/process-stat.ts';

/** Returns ms of CPU of these processes and their descendants, those that ended included, in steps of 10 ms. */
export function treeCpuMs(pids: readonly number[]): number {
  const all = new Set(pids.flatMap((pid) => [pid, ...descendants(pid)]));
  let ms = 0;
  for (const pid of all) {
    const stat = processStat(pid);
    if (stat !== null) ms += stat.ownMs + stat.childrenMs;
  }
  return ms;
}
