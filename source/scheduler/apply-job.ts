/** What facts about jobs do to the state. */
import type { FactOf } from '../model/fact.ts';
import type { TaskState } from '../model/job.ts';
import { enqueueJob } from './lanes.ts';
import { noOrdinals } from './ordinal-heap.ts';
import { nothingKnown } from './ordinal-map.ts';
import { type JobRecord, newJob, ownCounts, ownDelayed, ownReturned, type State } from './state.ts';

export type JobFact = FactOf<'job-submitted' | 'job-closed' | 'job-ended' | 'job-purged' | 'due'>;

/** Changes `state` by a fact about a job. */
export function applyJobFact(state: State, fact: JobFact): void {
  if (fact.kind === 'job-submitted') return submitted(state, fact);
  const job = state.jobs.get(fact.job);
  if (job === undefined) return;
  switch (fact.kind) {
    case 'job-closed':
      return closed(state, fact, job);
    case 'due':
      for (const [ordinal, notBefore] of job.delayed) {
        if (notBefore > fact.at) continue;
        undelay(state, job, ordinal);
        ownReturned(job).push(ordinal);
      }
      enqueueJob(state, job);
      return;
    case 'job-ended':
      job.endedAt = fact.at;
      job.endState = fact.state;
      for (const id of state.dependents.get(job.id) ?? []) {
        const dependent = state.jobs.get(id);
        if (dependent?.waitsFor.delete(job.id)) enqueueJob(state, dependent);
      }
      state.dependents.delete(job.id);
      state.aside.delete(job.id);
      return;
    case 'job-purged':
      for (const [name, count] of Object.entries(job.counts)) state.totals[name as TaskState] -= count;
      state.jobs.delete(job.id);
      if (job.spec.key !== null) state.keys.delete(job.spec.key);
      return;
  }
}

/** A task of the job does not wait for its backoff any more. */
export function undelay(state: State, job: JobRecord, ordinal: number): void {
  if (job.delayed.size === 0 || !ownDelayed(job).delete(ordinal) || job.delayed.size > 0) return;
  state.delayedJobs.delete(job.id);
}

function submitted(state: State, fact: FactOf<'job-submitted'>): void {
  const job = newJob(fact.job, fact.spec, fact.by, fact.at);
  state.jobs.set(job.id, job);
  if (job.id >= state.nextJob) state.nextJob = job.id + 1;
  if (fact.spec.key !== null) state.keys.set(fact.spec.key, job.id);
  state.totals.queued += fact.spec.span.count;
  const { after } = fact.spec;
  for (const id of after.length > 1 ? new Set(after) : after) {
    const before = state.jobs.get(id);
    if (before === undefined || before.endedAt !== null) continue;
    job.waitsFor.add(id);
    const dependents = state.dependents.get(id);
    if (dependents === undefined) state.dependents.set(id, [job.id]);
    else dependents.push(job.id);
  }
  enqueueJob(state, job);
}

function closed(state: State, fact: FactOf<'job-closed'>, job: JobRecord): void {
  const counts = ownCounts(job);
  const count = job.tasks.endQueued(fact.state, fact.at);
  counts.queued -= count;
  counts[fact.state] += count;
  state.totals.queued -= count;
  state.totals[fact.state] += count;
  job.returned = noOrdinals;
  job.delayed = nothingKnown;
  state.delayedJobs.delete(job.id);
  job.fresh = job.spec.span.count;
  job.closedWhy = fact.reason === '' ? `${fact.state} by ${fact.by}` : fact.reason;
}
