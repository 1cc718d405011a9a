import { describe, expect, test } from 'vitest';
import { ShapeError } from '../../source/model/shape.ts';
import { violations } from '../../source/scheduler/invariants.ts';
import { createScheduler } from '../../source/scheduler/scheduler.ts';
import { restoreSnapshot, takeSnapshot } from '../../source/scheduler/snapshot.ts';
import { packValue, unpackValue } from '../../source/wire/codec.ts';
import { type Fleet, fleet, spec } from './fleet.ts';

/** A bit of everything: running, waiting, delayed, astray, stopping, blocked, ended, cancelled, never touched. */
function motley(): Fleet {
  const on = fleet('least-load');
  on.join('a', { slots: 3, labels: { disk: 'ssd' }, resources: { gpu: 2 } });
  on.join('gone');
  on.tell({ kind: 'leave', node: 'gone' });
  on.tell({ kind: 'forget', node: 'gone' });
  on.join('b', { slots: 2 });
  on.submit(3_000, { retries: 3, key: 'k' });
  on.submit(1, { after: [1], resources: { gpu: 1 }, cpus: 0.5, memoryBytes: 10, stdin: Uint8Array.of(1, 2) });
  on.submit(1, { priority: 3, labels: { disk: 'ssd' } });
  on.submit(2);
  on.dispatch();
  on.beat('a', 50, 20, 1);
  on.start('a', '1.0#1', '1.1#1');
  on.fail('a', '1.0#1', { error: 'bad' });
  on.tell({ kind: 'cancel', target: { job: 1, ordinal: 1 }, by: 'ana' });
  on.tell({ kind: 'cancel', target: { job: 4, ordinal: null }, by: 'ana' });
  on.tell({ kind: 'dropped', node: 'b', reason: 'reset' });
  on.pass(6_000, 'a');
  on.tell({ kind: 'drain', node: 'b', now: false, deadline: on.at + 60_000, reason: 'ü', by: 'ana' });
  on.tell({ kind: 'retry', target: { job: 4, ordinal: 1 }, onlyFailed: false, by: 'ana' });
  on.dispatch();
  on.beat('a', 30, 20, 2);
  return on;
}

describe('a snapshot', () => {
  test.each([{ samples: false }, { samples: true }])('survives MessagePack and gives the same state: %o', (options) => {
    const { state } = motley();
    const snapshot = takeSnapshot(state, options);
    const packed = packValue(snapshot);
    const restored = restoreSnapshot(unpackValue(packed) as unknown[]);
    expect(violations(restored)).toEqual([]);
    expect(takeSnapshot(restored, options)).toEqual(snapshot);
    expect(packValue(takeSnapshot(restored, options)).equals(packed)).toBe(true);
  });

  test('with samples it goes on exactly as the state that it was taken of', () => {
    const on = motley();
    const other = createScheduler(restoreSnapshot(takeSnapshot(on.state, { samples: true })));
    const follow = (event: Parameters<typeof other.handle>[0]) =>
      expect(other.handle(event)).toEqual(on.scheduler.handle(event));
    on.at += 250;
    follow({ kind: 'tick', at: on.at, stalled: true });
    follow({ kind: 'submit', at: on.at, spec: spec(20), by: 'ana' });
    follow({ kind: 'dispatch', at: on.at });
    follow({ kind: 'cancel', at: on.at, target: { job: 1, ordinal: 5 }, by: 'ana' });
    follow({ kind: 'leave', at: on.at, node: 'a' });
    follow({ kind: 'dispatch', at: on.at });
    follow({ kind: 'cancel', at: on.at, target: { job: 1, ordinal: null }, by: 'ana' });
    for (const samples of [false, true])
      expect(takeSnapshot(other.state, { samples })).toEqual(takeSnapshot(on.state, { samples }));
  });

  test('shares nothing with the state that changes', () => {
    const on = motley();
    const snapshot = takeSnapshot(on.state, { samples: true });
    const before = packValue(snapshot);
    on.end('a', '1.2#1');
    on.tell({ kind: 'leave', node: 'a' });
    on.tell({ kind: 'cancel', target: { job: 1, ordinal: null }, by: 'ana' });
    expect(packValue(snapshot).equals(before)).toBe(true);
  });

  test('of a million queued tasks is one small record', () => {
    const { state, handle } = createScheduler();
    handle({ kind: 'submit', at: 1, spec: spec(1_000_000), by: 'ana' });
    const snapshot = takeSnapshot(state);
    expect(snapshot).toHaveLength(2);
    expect(packValue(snapshot).length).toBeLessThan(500);
    handle({ kind: 'cancel', at: 2, target: { job: 1, ordinal: null }, by: 'ana' });
    expect(packValue(takeSnapshot(state)).length).toBeLessThan(500);
    const restored = restoreSnapshot(takeSnapshot(state));
    expect(restored.totals).toMatchObject({ queued: 0, cancelled: 1_000_000 });
  });

  test('has no large record: each can be written and read by itself', () => {
    const { state, handle } = createScheduler();
    handle({ kind: 'submit', at: 1, spec: spec(100_000), by: 'ana' });
    handle({ kind: 'cancel', at: 2, target: { job: 1, ordinal: null }, by: 'ana' });
    handle({ kind: 'retry', at: 3, target: { job: 1, ordinal: null }, onlyFailed: false, by: 'ana' });
    const records = takeSnapshot(state);
    expect(Math.max(...records.map((record) => packValue(record).length))).toBeLessThan(64_000);
    expect(restoreSnapshot(records).totals.queued).toBe(100_000);
  });

  test('takes 62 bytes for each task that was touched', () => {
    const { state, handle } = createScheduler();
    handle({ kind: 'submit', at: 1, spec: spec(4_096), by: 'ana' });
    for (let ordinal = 0; ordinal < 2_000; ordinal++)
      handle({ kind: 'cancel', at: 1, target: { job: 1, ordinal }, by: 'ana' });
    expect(packValue(takeSnapshot(state)).length).toBeLessThan(2_048 * 62 + 1_000);
  });

  test('is refused where it is none, damaged, or of a newer version', () => {
    const snapshot = takeSnapshot(motley().state);
    const [head, ...rest] = snapshot as [unknown[], ...unknown[][]];
    const broken = (records: unknown[]) => () => restoreSnapshot(records);
    expect(broken([])).toThrow(ShapeError);
    expect(broken(rest)).toThrow('a snapshot begins with its head');
    expect(broken([head, head])).toThrow('a snapshot begins with its head');
    expect(broken([[1, 2, ...head.slice(2)], ...rest])).toThrow('a snapshot of version 2: this lbtop reads version 1');
    const chunk = rest.findIndex(([code]) => code === 4);
    expect(broken([head, rest[chunk]])).toThrow('a snapshot with tasks that job 1 does not have');
    const cut = rest.map((record) =>
      record[0] === 4 ? record.map((field) => (field instanceof Uint8Array ? field.subarray(1) : field)) : record,
    );
    expect(broken([head, ...cut])).toThrow('a snapshot with tasks that job 1 does not have');
    expect(broken([head, [2, 'a']])).toThrow('node.place: is missing');
    expect(broken([head, [99, 'of a later version'], ...rest])).not.toThrow();
  });
});
