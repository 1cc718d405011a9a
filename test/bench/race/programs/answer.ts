/** The other end of `startDriver`, for programs in this language. */
import { createInterface } from 'node:readline';

type Work = (count: number) => Promise<Record<string, number>>;

/** Says that it is ready, then carries out each command (`NAME COUNT`) and answers with a line of JSON; ends with its input. */
export async function answer(works: Readonly<Record<string, Work>>): Promise<void> {
  console.log('ready');
  for await (const line of createInterface({ input: process.stdin })) {
    const [name = '', count = '0'] = line.split(' ');
    const work = works[name];
    if (work === undefined) throw new Error(`what is ${name}?`);
    console.log(JSON.stringify(await work(Number(count))));
  }
}

/** A burst: how long all of it took, in ms. */
export function timed(run: (count: number) => Promise<void>): Work {
  return async (count) => {
    const from = performance.now();
    await run(count);
    return { ms: performance.now() - from };
  };
}

/** One after the other: ms of all, and quantiles of each. */
export function each(run: () => Promise<void>): Work {
  return async (count) => {
    const took = new Float64Array(count);
    const from = performance.now();
    for (let i = 0; i < count; i++) {
      const at = performance.now();
      await run();
      took[i] = performance.now() - at;
    }
    const ms = performance.now() - from;
    took.sort();
    const quantile = (share: number): number => took[Math.floor(share * (count - 1))] ?? Number.NaN;
    return { ms, p50: quantile(0.5), p99: quantile(0.99) };
  };
}
