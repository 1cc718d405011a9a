import { expect, test } from 'vitest';
import { drainPreview } from '../../source/scheduler/drain-preview.ts';
import { takeSnapshot } from '../../source/scheduler/snapshot.ts';
import { fleet } from './fleet.ts';

test('which tasks, how long by what is known, and what cannot run elsewhere', () => {
  const on = fleet();
  on.join('a', { slots: 4, labels: { disk: 'ssd' } });
  on.submit(3);
  on.dispatch();
  for (const task of ['1.0#1', '1.1#1', '1.2#1']) on.end('a', task, { runMs: 60_000 });
  on.submit(1);
  const work = { kind: 'task' as const, argv: [], shell: false, task: 'sleep', input: 5 };
  on.submit(1, { work, labels: { disk: 'ssd' } });
  on.submit(1);
  on.submit(1, { cpus: 2, labels: { disk: 'ssd' } });
  on.dispatch();
  on.start('a', '2.0#1', '3.0#1');
  on.join('b', { slots: 2 });
  on.join('c', { slots: 2 });
  on.tell({ kind: 'pause', node: 'c', reason: '', by: 'ana' });
  on.at += 20_000;
  const before = takeSnapshot(on.state);
  const preview = drainPreview(on.state, ['a', 'nobody'], on.at);
  expect(takeSnapshot(on.state)).toEqual(before);
  expect(preview).toEqual({
    nodes: [
      {
        node: 'a',
        running: 2,
        assigned: 1,
        stuck: 1,
        leftMs: null, // nobody knows how long job 3 sleeps
        tasks: [
          { task: '2.0', running: true, ranMs: 20_000, leftMs: expect.closeTo(40_000, -4), stuck: false },
          { task: '3.0', running: true, ranMs: 20_000, leftMs: null, stuck: true },
          { task: '4.0', running: false, ranMs: 0, leftMs: null, stuck: false },
        ],
      },
    ],
    stuckJobs: [5],
    remaining: { nodes: 1, slots: 2 },
  });
  on.end('a', '3.0#1');
  expect(drainPreview(on.state, ['a'], on.at).nodes[0]?.leftMs).toBeCloseTo(40_000, -4);
  expect(drainPreview(on.state, ['b'], on.at).nodes[0]).toEqual({
    node: 'b',
    running: 0,
    assigned: 0,
    stuck: 0,
    leftMs: 0,
    tasks: [],
  });
});
