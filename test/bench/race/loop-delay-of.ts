import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** Asks a process that loads loop-delay.mjs, which says it in `files`-PID, how late its loop was since it was asked last. */
export async function loopDelayOf(pid: number, files: string): Promise<{ p99Ms: number }> {
  const file = `${files}-${pid}`;
  rmSync(file, { force: true });
  process.kill(pid, 'SIGUSR2');
  for (;;)
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as { p99Ms: number };
    } catch {
      await sleep(10); // not there yet, or not whole
    }
}
