/** What an operator asks: pause, drain, resume, throttle, cancel, retry, purge. */
import type { EventOf } from '../model/event.ts';
import { endStates } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { attemptId } from '../model/node.ts';
import { checkDrained, recallUnstarted, stopRunning } from './hand-back.ts';
import { type JobRecord, nodeOf } from './state.ts';
import { cancelAttempt, checkJobEnd, closeJob, endTask, requeue, unreported } from './tasks.ts';
import { emit, type Turn } from './turn.ts';

/** Nothing new is placed; what has not started comes back; what runs goes on. */
export function decidePause(turn: Turn, { node: name, reason, by }: EventOf<'pause'>): void {
  const node = turn.state.nodes.get(name);
  if (node === undefined || node.intent === 'paused') return;
  emit(turn, { kind: 'node-intent', node: name, intent: 'paused', reason, by, deadline: null });
  recallUnstarted(turn, node);
}

/**
 * As pause, until nothing runs there any more. At the deadline, what still runs is stopped and queued again; `now` is a
 * deadline that has come, so that it holds too for what began while it was asked back.
 */
export function decideDrain(turn: Turn, { node: name, now, deadline: wanted, reason, by }: EventOf<'drain'>): void {
  const node = turn.state.nodes.get(name);
  if (node === undefined) return;
  const over = node.deadline !== null && node.deadline <= turn.at;
  const deadline = now ? (over ? node.deadline : turn.at) : wanted;
  if (node.intent !== 'draining' || deadline !== node.deadline)
    emit(turn, { kind: 'node-intent', node: name, intent: 'draining', reason, by, deadline });
  recallUnstarted(turn, node);
  if (now) stopRunning(turn, node);
  checkDrained(turn, node);
}

/** Back to work. */
export function decideResume(turn: Turn, { node: name, reason, by }: EventOf<'resume'>): void {
  const node = turn.state.nodes.get(name);
  if (node === undefined || node.intent === 'active') return;
  emit(turn, { kind: 'node-intent', node: name, intent: 'active', reason, by, deadline: null });
}

/** Ends tasks that have not ended; what runs is stopped. */
export function decideCancel(turn: Turn, { target, by }: EventOf<'cancel'>): void {
  const job = turn.state.jobs.get(target.job);
  if (job === undefined || job.endedAt !== null) return;
  if (target.ordinal === null) closeJob(turn, job, 'cancelled', '', by);
  else cancelTask(turn, job, target.ordinal);
  checkJobEnd(turn, job);
}

function cancelTask(turn: Turn, job: JobRecord, ordinal: number): void {
  if (ordinal < 0 || ordinal >= job.tasks.count) return;
  const state = job.tasks.state(ordinal);
  const attempt = { job: job.id, ordinal, attempt: job.tasks.get(ordinal, 'attempt') };
  if (state === 'queued') endTask(turn, job, unreported(attempt, null), 'cancelled', null);
  if (state !== 'assigned' && state !== 'running') return;
  const node = nodeOf(turn.state, job, ordinal);
  const held = node?.held.get(attemptId(attempt.job, ordinal, attempt.attempt));
  if (node !== undefined && held !== undefined) cancelAttempt(turn, job, held, node.name, '');
}

/** Queues ended tasks again: all that did not succeed, or with `onlyFailed` only failed and lost ones. */
export function decideRetry(turn: Turn, { target, onlyFailed }: EventOf<'retry'>): void {
  const job = turn.state.jobs.get(target.job);
  if (job === undefined) return;
  const from = target.ordinal ?? 0;
  const to = target.ordinal === null ? job.tasks.count : from + 1;
  if (from < 0 || to > job.tasks.count) return;
  for (let ordinal = from; ordinal < to; ordinal++) {
    const state = job.tasks.state(ordinal);
    const wanted = onlyFailed
      ? state === 'failed' || state === 'lost'
      : state !== 'succeeded' || target.ordinal !== null;
    if (!wanted || !(endStates as readonly string[]).includes(state)) continue;
    const attempt = job.tasks.get(ordinal, 'attempt');
    if (attempt < limits.attempts) requeue(turn, job, { job: job.id, ordinal, attempt }, null, 'retried', null);
  }
}

/** Forgets a job that has ended. */
export function decidePurge(turn: Turn, { job: id }: EventOf<'purge'>): void {
  const job = turn.state.jobs.get(id);
  if (job !== undefined && job.endedAt !== null) emit(turn, { kind: 'job-purged', job: id });
}
