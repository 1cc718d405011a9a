import { describe, expect, test } from 'vitest';
import type { DisciplineName } from '../../source/model/job.ts';
import { dice } from './dice.ts';
import { expectFolded, type Fleet, fleet } from './fleet.ts';
import { rigidJobs, startsOfReference, startsOfScheduler } from './pool.ts';

function easy(discipline: DisciplineName = 'easy'): Fleet {
  const on = fleet('first');
  on.tell({ kind: 'set-policy', policy: 'first', discipline, by: 'ana' });
  return on;
}

describe('one pool of slots: as a naive EASY would', () => {
  test.each([
    ['easy', 8],
    ['easy', 37],
    ['sjbf', 8],
    ['sjbf', 37],
  ] as const)('%s, %i slots', (discipline, slots) => {
    let differs = 0;
    for (let seed = 1; seed <= 25; seed++) {
      const jobs = rigidJobs(dice(seed), 150, slots);
      const starts = startsOfScheduler(jobs, slots, discipline);
      expect(starts, `seed ${seed}`).toEqual(startsOfReference(jobs, slots, discipline === 'sjbf'));
      const fifo = startsOfScheduler(jobs, slots, 'fifo');
      if (fifo.some((start, job) => start !== starts[job])) differs++;
    }
    expect(differs).toBe(25);
  });
});

describe('easy', () => {
  test('later tasks run ahead where they end before the first one can start, or leave room for it', () => {
    const on = easy();
    on.join('a', { slots: 4 });
    on.submit(1, { cpus: 3, timeoutMs: 10_000 });
    on.dispatch();
    on.submit(1, { cpus: 3, timeoutMs: 10_000 });
    on.submit(1, { timeoutMs: 10_001 }); // has the slot that job 2 leaves
    expect(on.dispatch()).toEqual(['3.0#1 assigned a']);
    on.end('a', '3.0#1');
    on.submit(1, { cpus: 2, timeoutMs: 1 }); // does not fit
    on.submit(1, { timeoutMs: 10_000 });
    expect(on.dispatch()).toEqual(['5.0#1 assigned a']);
    on.end('a', '1.0#1');
    expect(on.dispatch()).toEqual(['2.0#1 assigned a']);
    expectFolded(on);
  });

  test('a reservation holds on its node alone', () => {
    const on = easy();
    on.join('a', { slots: 2 });
    on.join('b', { slots: 2 });
    on.submit(2, { timeoutMs: 5_000 });
    on.submit(1, { timeoutMs: 9_000 });
    on.dispatch(); // a: two until 5 s; b: one until 9 s
    on.end('a', '1.0#1');
    on.submit(1, { cpus: 2 });
    on.submit(2);
    expect(on.dispatch()).toEqual(['4.0#1 assigned b']);
  });

  test('who does not say how long it takes never runs ahead on the reserved room', () => {
    const on = easy();
    on.join('a', { slots: 2 });
    on.submit(1);
    on.dispatch();
    on.submit(1, { cpus: 2 });
    on.submit(1);
    on.submit(1, { timeoutMs: 60_000 });
    // Nobody knows when job 1 ends: job 4 ends before that, as far as anybody said.
    expect(on.dispatch()).toEqual(['4.0#1 assigned a']);
    on.end('a', '1.0#1');
    expect(on.dispatch()).toEqual([]);
    on.end('a', '4.0#1');
    expect(on.dispatch()).toEqual(['2.0#1 assigned a']);
  });

  test('memory and resources are reserved as slots are', () => {
    const on = easy();
    on.join('a', { slots: 8, memoryTotal: 100, resources: { gpu: 2 } });
    on.submit(1, { memoryBytes: 60, resources: { gpu: 1 }, timeoutMs: 10_000 });
    on.dispatch();
    on.submit(1, { memoryBytes: 80, timeoutMs: 10_000 });
    on.submit(1, { memoryBytes: 30, timeoutMs: 20_000 });
    on.submit(1, { memoryBytes: 20, timeoutMs: 20_000 });
    expect(on.dispatch()).toEqual(['4.0#1 assigned a']);
    on.submit(1, { resources: { gpu: 1 } });
    expect(on.dispatch()).toEqual(['5.0#1 assigned a']);
  });

  test('priority first: lower ones only run ahead', () => {
    const on = easy();
    on.join('a', { slots: 2 });
    on.submit(1, { timeoutMs: 1_000 });
    on.dispatch();
    on.submit(1, { timeoutMs: 2_000 });
    on.submit(1, { cpus: 2, priority: 1 });
    expect(on.dispatch()).toEqual([]);
    on.submit(1, { timeoutMs: 500 });
    expect(on.dispatch()).toEqual(['4.0#1 assigned a']);
  });

  test('what nothing could take, and jobs at their limit, have no reservation', () => {
    const on = easy();
    on.join('a', { slots: 2 });
    on.submit(1, { cpus: 3 });
    on.submit(2, { limit: 1 });
    on.submit(1);
    expect(on.dispatch()).toEqual(['2.0#1 assigned a', '3.0#1 assigned a']);
  });

  test('nothing waits at nodes, also short tasks', () => {
    const on = easy();
    on.join('a', { slots: 1 });
    on.submit(5);
    on.dispatch();
    on.end('a', '1.0#1', { runMs: 1 });
    expect(on.dispatch()).toHaveLength(1);
    expect(on.dispatch()).toHaveLength(0);
  });
});

test('sjbf: the shortest runs ahead first', () => {
  const on = easy('sjbf');
  on.join('a', { slots: 4 });
  on.submit(1, { cpus: 2, timeoutMs: 10_000 });
  on.dispatch();
  on.submit(1, { cpus: 4 });
  for (const timeoutMs of [9_000, 3_000, 6_000]) on.submit(1, { timeoutMs });
  expect(on.dispatch()).toEqual(['4.0#1 assigned a', '5.0#1 assigned a']);
});
