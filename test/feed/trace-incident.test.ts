import { expect, test } from 'vitest';
import { incidentList, incidentOf, thinned } from '../../source/feed/trace-incident.ts';
import type { Fact } from '../../source/model/fact.ts';

const task = { at: 1, job: 1, ordinal: 0, attempt: 1 };
const ended = {
  kind: 'ended',
  ...task,
  node: 'n',
  exitCode: 0,
  signal: null,
  error: null,
  runMs: 1,
  cpuMs: 1,
  peakBytes: 0,
} as const;
const requeued = { kind: 'requeued', ...task, node: 'n', charged: false, notBefore: 0, error: null } as const;

const cases: [Fact, string | null][] = [
  [{ kind: 'node-health', at: 1, node: 'n', health: 'lost', reason: '' }, 'lost'],
  [{ kind: 'node-health', at: 1, node: 'n', health: 'suspect', reason: '' }, null],
  [{ kind: 'node-drained', at: 1, node: 'n' }, null],
  [{ kind: 'node-forgotten', at: 1, node: 'n' }, 'operator'],
  [{ kind: 'queue-paused', at: 1, paused: true, by: 'me', reason: '' }, 'operator'],
  [{ ...ended, state: 'failed' }, 'failed'],
  [{ ...ended, state: 'lost' }, 'failed'],
  [{ ...ended, state: 'succeeded' }, null],
  [{ ...ended, state: 'cancelled' }, 'operator'],
  [{ ...requeued, reason: 'retry' }, 'failed'],
  [{ ...requeued, reason: 'retried' }, 'operator'],
  [{ ...requeued, reason: 'node-lost' }, null],
  [{ kind: 'job-closed', at: 1, job: 1, state: 'cancelled', reason: '', by: 'me', tasks: 1 }, 'operator'],
  [{ kind: 'job-closed', at: 1, job: 1, state: 'skipped', reason: '', by: '', tasks: 1 }, null],
];

test.each(cases)('%o', (fact, kind) => {
  expect(incidentOf(fact)).toBe(kind);
});

test('those of one kind within a second are one', () => {
  const list = incidentList();
  for (const at of [0, 500, 999, 1_000, 1_500]) list.add('failed', at);
  list.add('lost', 1_600);
  expect(list.marks).toEqual([
    { at: 0, kind: 'failed', count: 3 },
    { at: 1_000, kind: 'failed', count: 2 },
    { at: 1_600, kind: 'lost', count: 1 },
  ]);
  expect(list.take()).toHaveLength(3);
  expect(list.marks).toEqual([]);
});

test('a bar has no more than it can show, and every kind', () => {
  const marks = Array.from({ length: 100_000 }, (_, i) => ({ at: i * 1_000, kind: 'failed' as const, count: 1 }));
  const all = [...marks.slice(0, 50_000), { at: 50_000_500, kind: 'lost' as const, count: 1 }, ...marks.slice(50_001)];
  const shown = thinned(all, 2_000);
  expect(shown.length).toBeLessThan(2_000);
  expect(shown.length).toBeGreaterThan(400);
  expect(shown.some(({ kind }) => kind === 'lost')).toBe(true);
  expect(thinned(marks.slice(0, 3), 2_000)).toEqual(marks.slice(0, 3).map(({ at, kind }) => ({ at, kind })));
});
