import { expect, test } from 'vitest';
import { restoreSnapshot, takeSnapshot } from '../../source/scheduler/snapshot.ts';
import type { State } from '../../source/scheduler/state.ts';
import { eventLine } from '../../source/view/event-line.ts';
import { taskRow } from '../../source/view/report.ts';
import { fleet } from '../scheduler/fleet.ts';

test('tasks that were cancelled or skipped together say why, after a restart too; a cancelled job is no error', () => {
  const on = fleet();
  on.join('a');
  on.submit(2, { maxFails: 0 });
  on.submit(1, { after: [1] });
  on.submit(3);
  on.dispatch();
  on.end('a', '1.0#1', { outcome: 'failed', error: 'exited with code 1' });
  on.tell({ kind: 'cancel', target: { job: 3, ordinal: null }, by: 'ana' });
  const errors = (state: State) => [1, 2, 3].map((id) => rowsOf(state, id));
  const wanted = [
    ['exited with code 1', 'more than 0 tasks failed'],
    ['job 1 did not succeed'],
    ['cancelled by ana', 'cancelled by ana', 'cancelled by ana'],
  ];
  expect(errors(on.state)).toEqual(wanted);
  expect(errors(restoreSnapshot(takeSnapshot(on.state)))).toEqual(wanted);
  const ends = on.facts.filter((fact) => fact.kind === 'job-ended');
  expect(ends.map((fact) => eventLine(on.state, fact, 0)?.level)).toEqual(['error', 'warn', 'warn']);
});

function rowsOf(state: State, id: number): (string | null)[] {
  const job = state.jobs.get(id);
  if (job === undefined) throw new Error(`no job ${id}`);
  return Array.from({ length: job.tasks.count }, (_, ordinal) => taskRow(state, job, ordinal).error);
}
