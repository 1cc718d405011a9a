/** Takes submissions. */
import { inputObjection } from '../model/built-in-input.ts';
import type { EventOf } from '../model/event.ts';
import { builtInTasks, isBuiltIn, type JobSpec } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import type { JobRecord, State } from './state.ts';
import { checkJobEnd, closeJob } from './tasks.ts';
import { emit, type Turn } from './turn.ts';

/** Returns what is wrong with a submission, one line for the user, or null where nothing is. */
export function submitObjection(state: State, spec: JobSpec): string | null {
  const { work } = spec;
  if (work.kind === 'task') {
    const known = new Set<string>(builtInTasks);
    for (const { health, info } of state.nodes.values())
      if (health === 'up' || health === 'suspect') for (const handler of info.handlers) known.add(handler);
    if (!known.has(work.task)) return `unknown task ${JSON.stringify(work.task)}: known are ${[...known].join(', ')}`;
    const objection = isBuiltIn(work.task) && inputIsTheJobs(spec) ? inputObjection(work.task, work.input) : null;
    if (objection !== null) return objection;
  }
  if (work.kind === 'command' && work.argv.length === 0) return 'no command given: put it after --';
  if (state.jobs.size >= limits.jobs)
    return `${limits.jobs} jobs are remembered already: lbtop purge forgets ended ones`;
  const missing = spec.after.find((id) => !state.jobs.has(id));
  return missing === undefined ? null : `--after names job ${missing}, which does not exist`;
}

/** True where the job's own input is that of its tasks: not an item each, nor the number in the array. */
function inputIsTheJobs({ items, span, work }: JobSpec): boolean {
  return items === 'none' && (work.input !== null || (span.count === 1 && span.first === 0));
}

/** Queues a job. One whose `--key` is known already is not queued again. */
export function decideSubmit(turn: Turn, { spec, by }: EventOf<'submit'>): void {
  const { state } = turn;
  if ((spec.key !== null && state.keys.has(spec.key)) || submitObjection(state, spec) !== null) return;
  const id = state.nextJob;
  emit(turn, { kind: 'job-submitted', job: id, spec, by });
  const failed = spec.after.find((before) => !mayStillSucceed(state.jobs.get(before)));
  if (failed === undefined) return;
  const job = state.jobs.get(id) as JobRecord;
  closeJob(turn, job, 'skipped', `job ${failed} did not succeed`, 'lbtop');
  checkJobEnd(turn, job);
}

function mayStillSucceed(job: JobRecord | undefined): boolean {
  return job !== undefined && (job.endState === null || job.endState === 'succeeded');
}
