import { expect, test } from 'vitest';
import { jobWatch } from '../../source/coordinator/job-watch.ts';
import { finished, pending } from '../../source/coordinator/source.ts';
import { waitSource } from '../../source/coordinator/wait-source.ts';
import { jobSpec } from '../../source/model/job.ts';
import type { JobRow } from '../../source/model/report.ts';
import { createScheduler } from '../../source/scheduler/scheduler.ts';
import { emptyState, newJob } from '../../source/scheduler/state.ts';

/** A source over jobs that go on, and their ends. */
function waiting(...ids: number[]) {
  const state = emptyState();
  const work = { kind: 'task' as const, argv: [], shell: false, task: 'noop', input: null };
  for (const id of ids) state.jobs.set(id, newJob(id, jobSpec({ work }), 'test', 0));
  const watch = jobWatch();
  const woken = Promise.withResolvers<void>();
  const open = () => waitSource(ids, createScheduler(state), { now: () => 1 }, watch, woken.resolve);
  const end = (job: number): void => {
    const record = state.jobs.get(job);
    if (record !== undefined) record.endedAt = 1;
    watch.observe([{ kind: 'job-ended', at: 1, job, state: 'succeeded' }]);
  };
  return { open, end, woken: woken.promise };
}

const jobsOf = (value: unknown): number[] => (value as JobRow[]).map(({ job }) => job);

test('a job that ends at once is told of once', () => {
  const { open, end } = waiting(1);
  const source = open();
  expect(source.pull()).toBe(pending);
  end(1);
  expect(jobsOf(source.pull())).toEqual([1]);
  expect(source.pull()).toBe(finished);
  source.close();
});

test('one that goes on is told of soon', async () => {
  const { open, end, woken } = waiting(1, 2);
  const source = open();
  expect(source.pull()).toBe(pending);
  await woken;
  expect(jobsOf(source.pull())).toEqual([1, 2]);
  expect(source.pull()).toBe(pending);
  end(2);
  expect((source.pull() as JobRow[]).map(({ endedAt }) => endedAt)).toEqual([null, 1]);
  end(1);
  expect(jobsOf(source.pull())).toEqual([1, 2]);
  expect(source.pull()).toBe(finished);
  source.close();
});

test('those that have ended before are told of at once', () => {
  const { open, end } = waiting(1);
  end(1);
  const source = open();
  expect(jobsOf(source.pull())).toEqual([1]);
  expect(source.pull()).toBe(finished);
  source.close();
});
