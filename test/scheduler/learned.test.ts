import { describe, expect, test } from 'vitest';
import {
  expectedMs,
  kindOfWork,
  learn,
  nothingLearned,
  pairsOf,
  quantileMs,
  remainingMs,
  speedOf,
} from '../../source/scheduler/learned.ts';
import { makespans } from '../bench/makespan.ts';
import { dice } from './dice.ts';
import { expectFolded, fleet, spec } from './fleet.ts';
import { type Machine, shop } from './shop.ts';

function program(name: string, shell = false) {
  return { work: { kind: 'command' as const, argv: [name], shell, task: '', input: null } };
}

test('a kind is the name of the program, or of the task', () => {
  expect(kindOfWork(spec(1, program('/usr/bin/make')))).toBe('make');
  expect(kindOfWork(spec(1, program('A=1 BC=2 ./run.sh --fast | tee log', true)))).toBe('run.sh');
  const work = { kind: 'task' as const, argv: [], shell: false, task: 'sum-up', input: 7 };
  expect(kindOfWork(spec(1, { work }))).toBe('task sum-up');
});

describe('what is learned', () => {
  test('nothing is made up', () => {
    const learned = nothingLearned();
    const job = spec(1);
    expect(expectedMs(learned, job)).toBe(null);
    expect(quantileMs(learned, job, 'a', 0.9)).toBe(null);
    expect(remainingMs(learned, job, 'a', 5)).toBe(null);
    expect(speedOf(learned, 'a')).toBe(1);
    learn(learned, job, 'a', 1_000);
    expect(speedOf(learned, 'a')).toBe(1);
    expect(expectedMs(learned, spec(1, program('other')))).toBe(null);
  });

  test('durations and speeds, apart, although fast nodes get other work than slow ones', () => {
    const learned = nothingLearned();
    const { below, pick } = dice(1);
    const speeds = { a: 1, b: 1, c: 0.5, d: 0.25 };
    for (let round = 0; round < 2_000; round++) {
      const kind = below(10);
      // Long ones go to the fast nodes for the most part.
      const node = kind > 6 && below(20) > 0 ? pick(['a', 'b'] as const) : pick(['a', 'b', 'c', 'd'] as const);
      learn(
        learned,
        spec(1, program(`p${kind}`)),
        node,
        (1_000 * 2 ** kind * (0.8 + below(400) / 1_000)) / speeds[node],
      );
    }
    const base = speedOf(learned, 'a');
    for (const [node, speed] of Object.entries(speeds)) {
      expect(speedOf(learned, node) / base / speed).toBeGreaterThan(0.85);
      expect(speedOf(learned, node) / base / speed).toBeLessThan(1.18);
      for (let kind = 0; kind < 10; kind++) {
        const expected = quantileMs(learned, spec(1, program(`p${kind}`)), node, 0.5) as number;
        expect(expected / ((1_000 * 2 ** kind) / speed)).toBeGreaterThan(0.8);
        expect(expected / ((1_000 * 2 ** kind) / speed)).toBeLessThan(1.25);
      }
    }
    // Nothing drives the scale away, however long it goes on.
    expect(base).toBeGreaterThan(0.7);
    expect(base).toBeLessThan(3);
  });

  test('what is left of a run: what longer ones took; beyond all of them as long again', () => {
    const learned = nothingLearned();
    const job = spec(1);
    for (const ms of [1_000, 1_000, 1_000, 1_000, 8_000, 8_000]) learn(learned, job, 'a', ms);
    const near = (ms: number | null, wanted: number) => expect(Math.abs((ms ?? 0) / wanted - 1)).toBeLessThan(0.1);
    near(remainingMs(learned, job, 'b', 0), 1_000);
    near(remainingMs(learned, job, 'b', 2_000), 6_000);
    near(remainingMs(learned, job, 'b', 20_000), 20_000);
  });

  test('takes bounded memory, and what was long ago fades', () => {
    const learned = nothingLearned();
    const job = spec(1);
    for (let run = 0; run < 10_000; run++) learn(learned, job, 'a', 1_000);
    for (let run = 0; run < 1_000; run++) learn(learned, job, 'a', 4_000);
    const sum = pairsOf(learned.kinds.get('true') as never).reduce((total, [, count]) => total + count, 0);
    expect(sum).toBeLessThanOrEqual(256);
    expect(quantileMs(learned, job, 'a', 0.5)).toBeGreaterThan(3_500);
    for (let kind = 0; kind < 3_000; kind++) learn(learned, spec(1, program(`p${kind}`)), 'a', 1);
    expect(learned.kinds.size).toBe(1_024);
    expect(expectedMs(learned, job)).toBe(null);
  });

  test('from what succeeded alone, and the journal leads to the same', () => {
    const on = fleet();
    on.join('a', { slots: 4 });
    on.submit(4);
    on.dispatch();
    on.fail('a', '1.0#1', { runMs: 1 });
    expect(expectedMs(on.state.learned, spec(1))).toBe(null);
    for (const task of ['1.1#1', '1.2#1', '1.3#1']) on.end('a', task, { runMs: 2_000 });
    expect(expectedMs(on.state.learned, spec(1))).toBeGreaterThan(1_900);
    expectFolded(on);
  });
});

describe('earliest-finish', () => {
  test('where nothing is known it does what least-load does', () => {
    const loads = { a: 50, b: 20, c: 40 };
    const places = (['least-load', 'earliest-finish'] as const).map((policy) => {
      const on = fleet(policy);
      for (const [name, cpu] of Object.entries(loads)) {
        on.join(name, { slots: 4 });
        on.beat(name, cpu);
      }
      on.submit(7);
      return on.dispatch();
    });
    expect(places[1]).toEqual(places[0]);
  });

  /** One fast machine, one at a quarter of its speed; a task of `short` takes 1 s at full speed, `long` 40 s. */
  function known() {
    const machines: Machine[] = [1, 1 / 4].map((speed) => ({ speed, slots: 1 }));
    const { scheduler, run, follow } = shop(machines, 'round-robin');
    const short = { name: 'short', ms: 1_000, count: 1 };
    const long = { name: 'long', ms: 40_000, count: 1 };
    for (let round = 0; round < 8; round++) run([short, short, long, long]);
    follow('earliest-finish');
    let at = scheduler.state.at;
    const submit = (name: string) => scheduler.handle({ kind: 'submit', at, spec: spec(1, program(name)), by: '' });
    const dispatch = () =>
      scheduler
        .handle({ kind: 'dispatch', at })
        .flatMap((fact) =>
          fact.kind === 'assigned' ? [`${scheduler.state.jobs.get(fact.job)?.spec.work.argv} ${fact.node}`] : [],
        );
    return {
      submit,
      dispatch,
      pass: (ms: number) => {
        at += ms;
      },
    };
  }

  test('the longest goes first, and to the fastest', () => {
    const { submit, dispatch } = known();
    for (const name of ['short', 'long', 'short']) submit(name);
    expect(dispatch()).toEqual(['long n0', 'short n1']);
  });

  test('the last long task does not go to a slow node when a fast one frees sooner', () => {
    const { submit, dispatch } = known();
    submit('long');
    expect(dispatch()).toEqual(['long n0']);
    submit('long');
    expect(dispatch()).toEqual([]); // 80 s there, 160 s on the idle one
    submit('short');
    expect(dispatch()).toEqual(['short n1']);
  });

  test('a hold ends when what is waited for does not come', () => {
    const { submit, dispatch, pass } = known();
    submit('long');
    dispatch();
    submit('long');
    pass(100_000);
    expect(dispatch()).toEqual([]);
    pass(100_000);
    expect(dispatch()).toEqual(['long n1']);
  });

  test('makespan under 1.02 of the lower bound once the kinds are known', () => {
    const ratios = makespans('earliest-finish', 15);
    expect(ratios.at(-1)).toBeLessThan(1.02);
    expect(makespans('least-load', 5).at(-1)).toBeGreaterThan(1.1);
  });
});
