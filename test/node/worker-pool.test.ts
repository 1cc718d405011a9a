import { expect, test } from 'vitest';
import { systemClock } from '../../source/node/clock.ts';
import { type Computed, workerPool } from '../../source/node/runners/worker-pool.ts';
import { until } from './fake-coordinator.ts';

test('never more threads than allowed; each request is answered; stopped ones are not', async () => {
  const pool = workerPool(2, systemClock);
  const told: Computed[] = [];
  const endless = pool.compute(
    { task: 'sum-up', input: 1e14 },
    () => {},
    (how) => told.push(how),
  );
  const waiting = pool.compute(
    { task: 'sum-up', input: 1e14 },
    () => {},
    (how) => told.push(how),
  );
  for (let i = 1; i <= 5; i++)
    pool.compute(
      { task: 'sum-up', input: i },
      () => {},
      (how) => told.push(how),
    );
  await until(() => [...pool.threads()].length === 2);
  expect(told).toEqual([]);
  endless.stop();
  await until(() => told.length === 5);
  expect(told.map((how) => ('result' in how ? how.result : how.error))).toEqual(['1', '3', '6', '10', '15']);
  expect([...pool.threads()].length).toBe(2);
  expect(pool.endedMs).toBeGreaterThan(0);
  waiting.stop();
  endless.stop();
  pool.close();
  expect([...pool.threads()]).toEqual([]);
});

test('a thread that breaks down costs its task alone', async () => {
  const pool = workerPool(1, systemClock);
  const told: Computed[] = [];
  // A function cannot be sent to a thread; a vector that is too long for the result cannot come back.
  pool.compute(
    { task: 'increment', input: new Array(600_000).fill(1) },
    () => {},
    (how) => told.push(how),
  );
  pool.compute(
    { task: 'nonsense', input: null },
    () => {},
    (how) => told.push(how),
  );
  pool.compute(
    { task: 'sum-up', input: 3 },
    () => {},
    (how) => told.push(how),
  );
  await until(() => told.length === 3);
  expect(told.map((how) => ('result' in how ? how.result : how.error))).toEqual([
    'increment: the result is larger than 1048576 bytes',
    'no task named nonsense',
    '6',
  ]);
  pool.close();
});

/** A clock whose timers fire when they are told to. */
function heldClock() {
  const timers = new Set<() => void>();
  return {
    now: () => 0,
    after(_ms: number, callback: () => void) {
      timers.add(callback);
      return () => void timers.delete(callback);
    },
    fireAll() {
      const due = [...timers];
      timers.clear();
      for (const callback of due) callback();
    },
  };
}

const sumUp = (input: number) => ({ task: 'sum-up', input });

test('whoever asks for the next computation when it is told of an end gets its own result, and so do those that wait', async () => {
  const pool = workerPool(1, heldClock());
  const results = new Map<number, Computed>();
  const all = Promise.withResolvers<void>();
  const order = (input: number, then: () => void): void => {
    pool.compute(
      sumUp(input),
      () => {},
      (how) => {
        results.set(input, how);
        then();
        if (results.size === 4) all.resolve();
      },
    );
  };
  order(10, () => order(20, () => {}));
  order(30, () => {});
  order(40, () => {});
  await all.promise;
  pool.close();
  for (const [input, sum] of [10, 20, 30, 40].map((n) => [n, (n * (n + 1)) / 2] as const))
    expect(results.get(input)).toMatchObject({ result: expect.stringContaining(String(sum)) });
});

test('a thread that computes is not put away for having been idle once', async () => {
  const clock = heldClock();
  const pool = workerPool(1, clock);
  const run = (input: number, then: () => void = () => {}) => {
    const ended = Promise.withResolvers<Computed>();
    const computing = pool.compute(
      sumUp(input),
      () => {},
      (how) => {
        then();
        ended.resolve(how);
      },
    );
    return { ended: ended.promise, computing };
  };
  const second = Promise.withResolvers<Computed>();
  await run(1, () => void run(2).ended.then(second.resolve)).ended;
  await second.promise;
  const third = run(3);
  third.computing.hold();
  clock.fireAll(); // whatever was to happen after the thread had been idle
  third.computing.release();
  expect(await third.ended).toMatchObject({ result: expect.stringContaining('6') });
  pool.close();
});
