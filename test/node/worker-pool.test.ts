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
