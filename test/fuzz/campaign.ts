/** Many cases, one after the other: what each must not do is to throw, to take long, or to leave memory behind. */

import { setImmediate } from 'node:timers/promises';

/** What is fuzzed. */
export interface Target<C> {
  name: string;
  /** The same seed gives the same case. */
  make(seed: number): C;
  /** Takes the case as the program would. Returns what became of it in a word; whatever it throws is a crash. */
  take(called: C): string | Promise<string>;
  /** For reports, and to be kept. */
  hex(called: C): string;
}

export interface Campaign {
  name: string;
  cases: number;
  tookMs: number;
  /** How many ended how. */
  outcomes: Record<string, number>;
  crashes: { seed: number; error: string; hex: string }[];
  /** Those that took longer than `longestMs`, three times. */
  hangs: { seed: number; ms: number; hex: string }[];
  slowestMs: number;
  /** Memory of the process at its end, above that after the first tenth of the cases: until then code and heaps warm up. */
  grownBytes: number;
}

export const longestMs = 50;
/** Where more go wrong, the first tell. */
const mostKept = 20;

/** Goes through cases `first` to `first + count - 1`, or until `signal` says that it is enough. */
export async function campaign<C>(
  target: Target<C>,
  count: number,
  first = 1,
  signal?: AbortSignal,
): Promise<Campaign> {
  const seen: Campaign = {
    name: target.name,
    cases: count,
    tookMs: 0,
    outcomes: {},
    crashes: [],
    hangs: [],
    slowestMs: 0,
    grownBytes: 0,
  };
  const began = performance.now();
  let warm = 0;
  for (let i = 0; i < count; i++) {
    const seed = first + i;
    const one = target.make(seed);
    try {
      const { outcome, ms } = await timed(target, one);
      seen.outcomes[outcome] = (seen.outcomes[outcome] ?? 0) + 1;
      // It may have had to collect what others left: it is slow if it always is.
      let least = ms;
      for (let again = 0; again < 2 && least > longestMs; again++)
        least = Math.min(least, (await timed(target, one)).ms);
      seen.slowestMs = Math.max(seen.slowestMs, least);
      if (least > longestMs && seen.hangs.length < mostKept) seen.hangs.push({ seed, ms: least, hex: target.hex(one) });
    } catch (error) {
      if (seen.crashes.length < mostKept)
        seen.crashes.push({
          seed,
          error: error instanceof Error ? (error.stack ?? String(error)) : String(error),
          hex: target.hex(one),
        });
    }
    if (i === Math.floor(count / 10)) warm = memory();
    if (i % 500 === 499) await setImmediate();
    if (signal?.aborted) {
      seen.cases = i + 1;
      break;
    }
  }
  seen.grownBytes = memory() - warm;
  seen.tookMs = performance.now() - began;
  return seen;
}

/** The time is that of the processor for this thread: a busy machine makes nothing slow. */
async function timed<C>(target: Target<C>, one: C): Promise<{ outcome: string; ms: number }> {
  const before = process.threadCpuUsage();
  const taken = target.take(one);
  const outcome = typeof taken === 'string' ? taken : await taken;
  const { user, system } = process.threadCpuUsage(before);
  return { outcome, ms: (user + system) / 1_000 };
}

/** After a collection that gives back what is free: else what V8 keeps for later counts as well. */
function memory(): number {
  globalThis.gc?.({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  return process.memoryUsage().rss;
}
