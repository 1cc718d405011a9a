import { readFileSync } from 'node:fs';

/** Returns a question: has the system killed a process for want of memory since it was last asked? Always false where that is not known. */
export function outOfMemoryWatch(): () => boolean {
  let before = kills();
  return () => {
    const now = kills();
    const some = now > before;
    before = now;
    return some;
  };
}

function kills(): number {
  try {
    return Number(/^oom_kill (\d+)/m.exec(readFileSync('/proc/vmstat', 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
