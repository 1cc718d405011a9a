import { expect, test } from 'vitest';
import { liveThrough } from './world.ts';

/** Seeds that failed once. */
const kept: [seed: number, steps: number][] = [];

function live(seed: number, steps: number) {
  try {
    return liveThrough(seed, steps);
  } catch (error) {
    throw new Error(`seed ${seed}, ${steps} steps: ${(error as Error).message}`, { cause: error });
  }
}

test.each(kept)('seed %i, %i steps', (seed, steps) => {
  live(seed, steps);
});

test('whatever happens, every task ends once and the journal knows it', () => {
  const happened = new Map<string, number>();
  for (let seed = 1; seed <= 250; seed++)
    for (const [what, count] of live(seed, 800).ledger.counts) happened.set(what, (happened.get(what) ?? 0) + count);
  // All that can happen did.
  for (const what of [
    'adopted',
    'believed',
    'late',
    'crashed',
    'recalled',
    'stop-asked',
    'released',
    'due',
    'job-closed',
    'job-purged',
    'node-health',
    'node-drained',
    'node-overloaded',
    'node-forgotten',
    'succeeded',
    'failed',
    'cancelled',
    'lost',
    'requeued node-lost',
    'requeued node-left',
    'requeued recalled',
    'requeued drained',
    'requeued unfit',
    'requeued retry',
    'requeued retried',
  ])
    expect(happened.get(what) ?? 0, what).toBeGreaterThan(2);
});

test('the same seed gives the same facts', () => {
  expect(live(1, 500).hash).toBe(live(1, 500).hash);
  expect(live(2, 500).hash).not.toBe(live(1, 500).hash);
});
