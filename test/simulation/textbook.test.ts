/** The simulated scheduler against queueing theory: mean time in the system within 3 standard errors of replications. */
import { describe, expect, test } from 'vitest';
import { summarise } from '../../source/simulation/statistics.ts';
import { type Plan, runSynthetic } from '../../source/simulation/synthetic.ts';
import { inTurn, manyServers, oneServer, shortestOf } from './textbook.ts';

const replications = 10;
const warmup = 2_000;

function plan(given: Partial<Plan> & { load: number }): Plan {
  const { load, ...rest } = given;
  const nodes = given.nodes ?? 10;
  const slots = given.slots ?? 1;
  return {
    nodes,
    slots,
    policy: 'least-load',
    queue: 'fifo',
    arrivals: { kind: 'poisson', perSecond: load * nodes * slots },
    service: { kind: 'exp', meanMs: 1_000 },
    tasks: 14_000,
    seed: 1,
    reportAgeMs: 0,
    speeds: [1],
    queueing: 'central',
    failuresPerSecond: 0,
    ...rest,
  };
}

function measure(of: Plan): { mean: number; error: number } {
  const means = Array.from({ length: replications }, (_, i) => {
    const run = { policy: of.policy, queue: of.queue, slots: of.nodes * of.slots, seed: of.seed, warmup, dropped: 0 };
    return summarise(runSynthetic({ ...of, seed: 100 + i }), run).meanResponse;
  });
  const mean = means.reduce((a, b) => a + b) / replications;
  const variance = means.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (replications - 1);
  return { mean, error: Math.sqrt(variance / replications) };
}

function expectMean(of: Plan, expected: number): void {
  const { mean, error } = measure(of);
  // A wide error would let anything pass.
  expect(error / mean, 'standard error').toBeLessThan(0.03);
  expect(Math.abs(mean - expected) / error, `${mean} ± ${error}, expected ${expected}`).toBeLessThan(3);
}

describe('the theory is known', () => {
  test('Erlang C of textbooks', () => {
    expect(manyServers(1, 0.9)).toBeCloseTo(10, 10);
    expect(manyServers(2, 0.75)).toBeCloseTo(1 / (1 - 0.75 ** 2), 10);
    expect(manyServers(10, 0.9)).toBeCloseTo(1.6687, 4);
    expect(manyServers(100, 0.9)).toBeCloseTo(1.0217, 3);
  });

  test('the Markov chain is M/M/1 where nothing is chosen', () => {
    expect(inTurn(1, 0.8)).toBeCloseTo(5, 6);
    expect(shortestOf(1, 1, 0.8, 200)).toBeCloseTo(5, 3);
    expect(shortestOf(1, 2, 0.5, 40)).toBeCloseTo(2, 3);
  });
});

describe('central', () => {
  test.each([
    [10, 1, 0.85],
    [5, 4, 0.8],
    [1, 3, 0.7],
  ])('%i nodes of %i slots at load %f are M/M/k', (nodes, slots, load) => {
    expectMean(plan({ nodes, slots, load }), manyServers(nodes * slots, load));
  });

  test('every policy is M/M/k where all nodes are alike', () => {
    for (const policy of ['first', 'random', 'round-robin', 'power-of-two', 'fewest-running'] as const)
      expect(measure(plan({ policy, load: 0.8, tasks: 4_000 }))).toEqual(measure(plan({ load: 0.8, tasks: 4_000 })));
  });

  test('reports that are 5 task lengths old cost least-load at most 10 %', () => {
    for (const [speeds, slots] of [
      [[1], 1],
      [[1, 0.5], 4],
    ] as const) {
      const base = plan({ slots, speeds, load: 0.6, tasks: 8_000 });
      const exact = measure(base);
      const old = measure({ ...base, reportAgeMs: 5_000 });
      expect(old.mean / exact.mean).toBeLessThan(1.1);
    }
  });
});

describe('each node its own queue', () => {
  const split = { queueing: 'node', load: 0.8 } as const;

  test('random: M/M/1 each', () => {
    expectMean(plan({ ...split, load: 0.75, policy: 'random' }), oneServer(0.75));
  });

  test('round-robin: GI/M/1 with Erlang arrivals each', () => {
    expectMean(plan({ ...split, policy: 'round-robin' }), inTurn(10, 0.8));
  });

  test('power-of-two: the shorter of two different queues', () => {
    expectMean(plan({ ...split, nodes: 3, policy: 'power-of-two' }), shortestOf(2, 3, 0.8, 40));
  });

  test('fewest-running: the shortest queue', () => {
    expectMean(plan({ ...split, nodes: 3, policy: 'fewest-running' }), shortestOf(3, 3, 0.8, 30));
  });
});
