import { describe, expect, test } from 'vitest';
import type { Fact } from '../../source/model/fact.ts';
import { limits } from '../../source/model/limits.ts';
import { durations, note, quantilesOf } from '../../source/view/quantiles.ts';
import { latest, ring, sumOf, turn } from '../../source/view/ring.ts';
import { eventAt, firstEvent, historyOf, lastEvents, throughput } from '../../source/view/series.ts';
import fc from '../arbitrary.ts';
import { fakeSession, sessionStart } from '../ui/fixtures/session.ts';

describe('rings', () => {
  test('keep the newest buckets and fill what was passed over', () => {
    const sums = ring(1_000, 5);
    for (const [at, add] of [
      [10_100, 1],
      [10_900, 2],
      [13_000, 4],
    ] as const) {
      turn(sums, at, 0);
      sums.values[sums.newest % 5] = (sums.values[sums.newest % 5] ?? 0) + add;
    }
    expect(latest(sums, 14_500, 5, 0)).toEqual([0, 3, 0, 0, 4]);
    expect(latest(sums, 16_500, 5, 9)).toEqual([0, 0, 4, 9, 9]);
    expect(latest(sums, 13_500, 2, 0, true)).toEqual([0, 4]);
    expect(sumOf(sums, 14_500, 5)).toBe(7);
    turn(sums, 100_000, 0);
    expect(sumOf(sums, 101_000, 5)).toBe(0);
    expect(latest(ring(1_000, 5), 5_000, 3, 7)).toEqual([0, 0, 0]);
  });
});

test('instants so late that a bucket more is the same number end no loop', () => {
  for (const at of [2 ** 53 * 1_000, 1e22, Number.MAX_VALUE]) {
    const sums = ring(1_000, 5);
    const waits = durations();
    for (const now of [5_000, at, at]) {
      turn(sums, now, 3);
      note(waits, now, 10);
    }
    expect(latest(sums, at, 3, 0)).toHaveLength(3);
    expect(sumOf(sums, at, 5)).toBeGreaterThanOrEqual(0);
    expect(quantilesOf(waits, at, [0.5])[0]).not.toBeUndefined();
  }
});

describe('quantiles', () => {
  test('are within 5 % of the true ones', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 1, max: 1e7, noNaN: true }), { minLength: 1, maxLength: 300 }),
        (values) => {
          const all = durations();
          for (const value of values) note(all, 1_000_000, value);
          const sorted = [...values].sort((a, b) => a - b);
          for (const quantile of [0.5, 0.9, 0.99]) {
            const [found] = quantilesOf(all, 1_000_000, [quantile]);
            const exact = sorted[Math.max(0, Math.ceil(quantile * values.length) - 1)] as number;
            expect(Math.abs((found as number) / exact - 1)).toBeLessThan(0.05);
          }
        },
      ),
    );
  });

  test('forget after three minutes, and know when nothing is known', () => {
    const all = durations();
    expect(quantilesOf(all, 0, [0.5])).toEqual([null]);
    note(all, 0, 100);
    expect(quantilesOf(all, 170_000, [0.5])[0]).toBeCloseTo(100, -1);
    expect(quantilesOf(all, 181_000, [0.5])).toEqual([null]);
    note(all, 200_000, 5);
    expect(quantilesOf(all, 200_000, [0.99])[0]).toBeCloseTo(5, 0);
    for (const odd of [0, -1, 1e300]) note(all, 200_000, odd);
  });
});

describe('series', () => {
  test('throughput is what ended, by the second', () => {
    const session = fakeSession({ nodes: 4 });
    session.advance(30_000);
    const before = session.state.totals.succeeded;
    session.advance(10_000);
    const rate = (session.state.totals.succeeded + session.state.totals.failed - before) / 10;
    expect(throughput(session.series, session.now, 10)).toBeCloseTo(rate, -1);
    expect(session.series.queuedNow).toBe(session.state.totals.queued);
  });

  test('CPU of each node, a minute long', () => {
    const session = fakeSession({ nodes: 2 });
    session.advance(90_000);
    const history = historyOf(session.series, 'node-01', 'cpu');
    expect(history).toHaveLength(60);
    expect(history.at(-1)).toBe(Math.round(2 * (session.state.nodes.get('node-01')?.sample?.cpu ?? -1)));
    expect(historyOf(session.series, 'nobody', 'cpu')).toHaveLength(0);
  });

  test('events tell of a lost node with what went back to the queue', () => {
    const session = fakeSession();
    session.advance(90_000);
    const texts = lastEvents(session.series, 1_000).map((line) => `${line.level} ${line.subject}: ${line.text}`);
    expect(texts).toContain('error node-04: lost (silent for 15 s): 8 tasks back to the queue');
    expect(texts).toContain('warn node-05: draining by ana@desk (new disk)');
    expect(texts).toContain('info job 1: thumbnails submitted by ana@desk: 4 000 tasks');
    expect(texts[0]).toBe('info coordinator: started 0.1.0: least-load, fifo');
  });

  test('thousands of failures in a second are a few lines with a count', () => {
    const session = fakeSession({ nodes: 1 });
    session.advance(1_500);
    const { series } = session;
    const before = series.nextEvent;
    for (let ordinal = 0; ordinal < 1_000; ordinal++) session.say({ ...failure(session.now), job: 1, ordinal });
    expect(series.nextEvent - before).toBe(20);
    expect(eventAt(series, series.nextEvent - 1)?.text).toContain('and 980 more failed tasks');
  });

  test('only the last events are kept', () => {
    const session = fakeSession({ nodes: 1 });
    const { series } = session;
    for (let i = 0; i < limits.eventsKept + 500; i++)
      session.say({ kind: 'queue-paused', at: sessionStart + i, paused: i % 2 === 0, by: 'ana', reason: '' });
    expect(firstEvent(series)).toBe(series.nextEvent - limits.eventsKept);
    expect(eventAt(series, firstEvent(series) - 1)).toBeNull();
    expect(eventAt(series, series.nextEvent)).toBeNull();
    expect(series.events.length).toBe(limits.eventsKept);
  });

  test('every fact that there is can be observed', () => {
    const session = fakeSession({ nodes: 2 });
    session.advance(1_000);
    const at = session.now;
    const odd: Fact[] = [
      { kind: 'node-throttled', at, node: 'node-01', throttle: 0.5, by: 'ana' },
      { kind: 'node-dropped', at, node: 'node-02', reason: 'reset' },
      { kind: 'node-forgotten', at, node: 'node-02' },
      { kind: 'cpu-limit-set', at, cpuLimit: 70, by: '' },
      { kind: 'job-closed', at, job: 99, state: 'cancelled', reason: 'by hand', by: 'ana', tasks: 3 },
      { kind: 'job-ended', at, job: 99, state: 'failed' },
      { kind: 'job-purged', at, job: 99 },
      { kind: 'due', at, job: 99 },
      { kind: 'released', at, job: 99, ordinal: 0, attempt: 1, node: 'node-01', executed: true },
      { kind: 'stop-asked', at, job: 99, ordinal: 0, attempt: 1, node: 'nobody', why: 'x', requeue: false },
      { ...failure(at), state: 'lost', node: null, signal: null, exitCode: null },
      { ...failure(at), signal: 'SIGKILL' },
    ];
    for (const fact of odd) session.say(fact);
    for (const line of lastEvents(session.series, 100)) expect(line.text).not.toContain('undefined');
    // Facts that come late change the present, not the past.
    session.say({ kind: 'queue-paused', at: 5, paused: true, by: '', reason: '' });
  });
});

function failure(at: number): Extract<Fact, { kind: 'ended' }> {
  return {
    kind: 'ended',
    at,
    job: 99,
    ordinal: 0,
    attempt: 1,
    state: 'failed',
    node: 'node-01',
    exitCode: 1,
    signal: null,
    error: 'no',
    runMs: 5,
    cpuMs: 5,
    peakBytes: 0,
  };
}
