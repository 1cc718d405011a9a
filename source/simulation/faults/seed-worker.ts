/** Lives through seeds that it is told, one after the other: a thread of `npm run simulate`. */
import { parentPort } from 'node:worker_threads';
import { liveThroughFaults, type WorldOptions, type WorldReport } from './fault-world.ts';

/** What came of a seed. */
export type SeedResult =
  | { readonly seed: number; readonly report: WorldReport }
  | { readonly seed: number; readonly error: string };

parentPort?.on('message', (options: WorldOptions) => {
  parentPort?.postMessage(live(options));
});

function live(options: WorldOptions): SeedResult {
  try {
    return { seed: options.seed, report: liveThroughFaults(options) };
  } catch (error) {
    return { seed: options.seed, error: (error as Error).message };
  }
}
