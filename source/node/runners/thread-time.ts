/** Threads of this process as the system counts them. */
import { readFileSync, readlinkSync } from 'node:fs';
import { parseProcessStat } from '../process-stat.ts';

/** Returns the system's id of the thread that asks; null where the system has none to tell. */
export function systemThreadId(): number | null {
  try {
    return Number(readlinkSync('/proc/thread-self').split('/').at(-1));
  } catch {
    return null;
  }
}

/** Returns the CPU time in ms of the thread that asks. */
export function ownThreadMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}

/** Returns the CPU time in ms of a thread by the system's id; 0 where it is not there (any more). */
export function threadMs(id: number | null): number {
  if (id === null) return 0;
  try {
    return parseProcessStat(readFileSync(`/proc/self/task/${id}/stat`, 'latin1'))?.ownMs ?? 0;
  } catch {
    return 0;
  }
}
