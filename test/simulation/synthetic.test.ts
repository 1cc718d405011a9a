import { describe, expect, test } from 'vitest';
import { parseArrivals, parseService, serviceSource } from '../../source/simulation/distributions.ts';
import { eventHeap } from '../../source/simulation/event-heap.ts';
import { randomStream } from '../../source/simulation/random.ts';
import { standardError, summarise } from '../../source/simulation/statistics.ts';
import { type Plan, runSynthetic } from '../../source/simulation/synthetic.ts';

const plan: Plan = {
  nodes: 2,
  slots: 1,
  policy: 'least-load',
  queue: 'fifo',
  arrivals: { kind: 'batch' },
  service: { kind: 'constant', meanMs: 1_000 },
  tasks: 10,
  seed: 1,
  reportAgeMs: 0,
  speeds: [1],
  queueing: 'central',
  failuresPerSecond: 0,
};

function figures(given: Partial<Plan>, warmup = 0) {
  const of = { ...plan, ...given };
  const run = { policy: of.policy, queue: of.queue, slots: of.nodes * of.slots, seed: of.seed, warmup, dropped: 0 };
  return summarise(runSynthetic(of), run);
}

test('a batch of equal tasks on two slots', () => {
  expect(figures({})).toEqual({
    policy: 'least-load',
    queue: 'fifo',
    tasks: 10,
    makespan: 5,
    meanWait: 2,
    maxWait: 4,
    meanResponse: 3,
    stderrResponse: expect.closeTo(Math.sqrt((2 * (4 + 1 + 0 + 1 + 4)) / 9 / 10), 10),
    p50Wait: 2,
    p99Wait: 4,
    meanBoundedSlowdown: 1,
    utilization: 1,
    seed: 1,
    dropped: 0,
  });
});

test('speeds, warm-up and constant arrivals', () => {
  // Tasks come at 2.5, 5, …: each finds both nodes idle, and the first, slow one is the first in order.
  const arrivals = parseArrivals('constant:0.4');
  expect(figures({ arrivals, speeds: [0.5, 1] }, 4)).toMatchObject({ tasks: 6, meanResponse: 2, maxWait: 0 });
  expect(figures({ arrivals: { kind: 'batch' }, speeds: [0.5, 1], tasks: 3 })).toMatchObject({ makespan: 2 });
});

test('tasks on nodes that fail run again, and all end', () => {
  const given = { nodes: 5, tasks: 2_000, arrivals: parseArrivals('poisson:3'), failuresPerSecond: 0.01 };
  const failing = figures(given);
  expect(failing).toMatchObject({ tasks: 2_000, dropped: 0 });
  expect(failing.meanResponse).toBeGreaterThan(figures({ ...given, failuresPerSecond: 0 }).meanResponse);
  expect(figures({ ...given, queueing: 'node' })).toMatchObject({ tasks: 2_000, dropped: 0 });
});

test('the same seed gives the same, another another', () => {
  const given = { service: parseService('exp:1'), arrivals: parseArrivals('poisson:1'), tasks: 500 };
  expect(figures(given)).toEqual(figures(given));
  expect(figures({ ...given, seed: 2 }).meanResponse).not.toBe(figures(given).meanResponse);
});

describe('distributions', () => {
  test.each(['exp:2', 'constant:2', 'pareto:2,1.5,100', 'pareto:2,1,50', 'pareto:2,0.8,1000'])(
    '%s has mean 2',
    (text) => {
      const draw = serviceSource(parseService(text), randomStream(1));
      let sum = 0;
      let longest = 0;
      for (let i = 0; i < 400_000; i++) {
        const value = draw();
        sum += value;
        longest = Math.max(longest, value);
      }
      expect(sum / 400_000 / 2_000).toBeCloseTo(1, text.includes('0.8') ? 0 : 1);
      if (text.startsWith('pareto')) expect(longest).toBe(Number(text.split(',')[2]) * 1_000);
    },
  );

  test.each(['exp', 'exp:', 'exp:0', 'exp:1,2', 'pareto:1,2', 'pareto:3,2,1', 'normal:1'])('%s is refused', (text) => {
    expect(() => parseService(text)).toThrow('--service: expected');
  });

  test.each(['poisson', 'poisson:-1', 'batch:1', 'constant:x'])('%s is refused', (text) => {
    expect(() => parseArrivals(text)).toThrow('--arrivals: expected');
  });
});

test('the heap gives events in order of time, kind and number', () => {
  const random = randomStream(3);
  const heap = eventHeap();
  const put = Array.from(
    { length: 500 },
    () => [random.below(20), random.below(3), random.below(4_000_000_000)] as const,
  );
  for (const [at, kind, number] of put) heap.push(at, kind, number);
  const got: (readonly [number, number, number])[] = [];
  while (heap.pop()) got.push([heap.at, heap.kind, heap.number]);
  expect(got).toEqual([...put].sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]));
});

test('the standard error of values that depend on those before them is not that of as many independent ones', () => {
  const random = randomStream(1);
  let value = 0;
  const values = Array.from({ length: 32_000 }, () => (value = 0.9 * value + random.unit() - 0.5));
  // AR(1): the variance of the mean is that of the noise over (1 - 0.9)^2.
  const expected = Math.sqrt(1 / 12 / 0.1 ** 2 / values.length);
  expect(standardError(values) / expected).toBeGreaterThan(0.7);
  expect(standardError(values) / expected).toBeLessThan(1.3);
});
