/** Decides what becomes of tasks: how attempts end, what returns to the queue, when a job is over. */
import type { EventOf } from '../model/event.ts';
import type { FactOf } from '../model/fact.ts';
import type { JobState } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { type Attempt, attemptId, keyOf, type Outcome } from '../model/node.ts';
import { checkDrained, recallUnstarted } from './hand-back.ts';
import type { Held, JobRecord, NodeState, State } from './state.ts';
import { emit, type Turn } from './turn.ts';

/** A task that was running on this many nodes when they were lost is taken for the cause. */
const crashLimit = 3;
/** So many tasks that could not be started in a row: the node is at fault. */
const unfitsOfNode = 5;
/** A task that could not be started so many times in a row, on other nodes where there are any, is at fault itself. */
const unfitsOfTask = 3;
/**
 * A task that could not be started twice waits for so long: where no other node has room it would go to the same one again,
 * and be blamed for it. Meanwhile others go there, and show whether it is the node.
 */
const unfitWaitMs = 1_000;
/** However often a task was tried, it does not wait longer for the next try. */
const longestBackoffMs = 24 * 3_600_000;

type RequeueReason = FactOf<'requeued'>['reason'];

/** A node says that an attempt ended. It counts only for the current attempt. */
export function decideOutcome(turn: Turn, { node: name, outcome }: EventOf<'outcome'>): void {
  const node = turn.state.nodes.get(name);
  if (node === undefined) return;
  const held = node.held.get(attemptId(outcome.job, outcome.ordinal, outcome.attempt));
  const job = turn.state.jobs.get(outcome.job);
  if (job === undefined || !isCurrent(turn.state, job, node, held, outcome)) {
    // An end that is said again after a reconnect is not late: it was known.
    const executed = outcome.started && outcome.outcome !== 'stopped' && isAstray(job, outcome);
    if (held !== undefined || executed) emit(turn, { kind: 'released', ...keyOf(outcome), node: name, executed });
  } else if (held !== undefined || outcome.outcome === 'succeeded' || outcome.outcome === 'failed') {
    if (held === undefined && isForgotten(turn.state, job, outcome))
      emit(turn, { kind: 'assigned', ...keyOf(outcome), node: name, adopted: true });
    endAttempt(turn, job, node, held, outcome);
  }
  // Else its task waits already, as it would after this.
  checkDrained(turn, node);
}

function endAttempt(turn: Turn, job: JobRecord, node: NodeState, held: Held | undefined, outcome: Outcome): void {
  const { spec, tasks } = job;
  const again = !(spec.noRetry && outcome.started);
  switch (outcome.outcome) {
    case 'succeeded':
      endTask(turn, job, outcome, 'succeeded', node.name);
      return;
    case 'stopped':
      if (again) {
        requeue(turn, job, outcome, node.name, held?.requeue ? 'drained' : 'node-left', null);
        adoptNext(turn, job, node, outcome);
      } else endTask(turn, job, { ...outcome, error: 'it was stopped and must not run twice' }, 'lost', node.name);
      return;
    case 'unfit':
      if (again) endUnfit(turn, job, node, outcome);
      else endTask(turn, job, outcome, 'failed', node.name);
      return;
    case 'failed': {
      const tries = tasks.get(outcome.ordinal, 'tries');
      if (spec.noRetry || tries >= spec.retries) {
        endTask(turn, job, outcome, 'failed', node.name);
        return;
      }
      const waitMs = Math.min(longestBackoffMs, spec.backoffMs * spec.backoffFactor ** tries);
      requeue(turn, job, outcome, node.name, 'retry', outcome.error, turn.at + waitMs);
      adoptNext(turn, job, node, outcome);
    }
  }
}

/**
 * After a crash of the machine a node may hold two attempts of a task: one whose end had been heard, and the next one, of
 * which the journal knows nothing. When the end of the first is said again, the next one counts: its work is not done twice.
 */
function adoptNext(turn: Turn, job: JobRecord, node: NodeState, { ordinal, attempt }: Attempt): void {
  if (job.tasks.state(ordinal) !== 'queued' || job.tasks.get(ordinal, 'met') <= attempt) return;
  const next = { job: job.id, ordinal, attempt: job.tasks.get(ordinal, 'met') };
  const held = node.held.get(attemptId(next.job, next.ordinal, next.attempt));
  if (held === undefined || held.current) return;
  emit(turn, { kind: 'released', ...next, node: node.name, executed: false });
  emit(turn, { kind: 'assigned', ...next, node: node.name, adopted: true });
}

/** A node could not start a task: another one may, unless it is the task that cannot be started anywhere. */
function endUnfit(turn: Turn, job: JobRecord, node: NodeState, outcome: Outcome): void {
  const error = outcome.error ?? 'no reason given';
  const unfits = job.tasks.get(outcome.ordinal, 'unfits') + 1;
  const waits = unfits > 1 && unfits < unfitsOfTask;
  requeue(turn, job, outcome, node.name, 'unfit', outcome.error, waits ? turn.at + unfitWaitMs : 0);
  if (job.tasks.state(outcome.ordinal) === 'queued' && unfits >= unfitsOfTask)
    endTask(turn, job, unreported(outcome, `could not be started ${unfitsOfTask} times: ${error}`), 'failed', null);
  if (node.unfitInARow < unfitsOfNode || node.intent !== 'active') return;
  const reason = `${unfitsOfNode} tasks in a row could not be started: ${error}`.slice(0, limits.reasonLength);
  emit(turn, { kind: 'node-intent', node: node.name, intent: 'paused', reason, by: 'lbtop', deadline: null });
  recallUnstarted(turn, node);
}

/** Ends a task for good and looks what follows for its job. */
export function endTask(
  turn: Turn,
  job: JobRecord,
  outcome: Outcome,
  state: FactOf<'ended'>['state'],
  node: string | null,
): void {
  emit(turn, {
    kind: 'ended',
    ...keyOf(outcome),
    state,
    node,
    exitCode: outcome.exitCode,
    signal: outcome.signal,
    error: outcome.error,
    runMs: outcome.runMs,
    cpuMs: outcome.cpuMs,
    peakBytes: outcome.peakBytes,
  });
  const { maxFails } = job.spec;
  if (state === 'failed' && maxFails !== null && job.counts.failed > maxFails && job.endedAt === null)
    closeJob(turn, job, 'cancelled', `more than ${maxFails} tasks failed`, 'lbtop');
  checkJobEnd(turn, job);
}

/** What an end looks like that no node reported. */
export function unreported(attempt: Attempt, error: string | null): Outcome {
  return {
    ...keyOf(attempt),
    outcome: 'failed',
    exitCode: null,
    signal: null,
    error: error?.slice(0, limits.textLength) ?? null,
    result: null,
    runMs: 0,
    cpuMs: 0,
    peakBytes: 0,
    stdoutBytes: 0,
    stderrBytes: 0,
    started: false,
  };
}

/** Puts the task of an attempt back into the queue; one that was placed as often as attempts can be numbered fails. */
export function requeue(
  turn: Turn,
  job: JobRecord,
  attempt: Attempt,
  node: string | null,
  reason: RequeueReason,
  error: string | null,
  notBefore = 0,
): void {
  if (attempt.attempt >= limits.attempts) {
    endTask(turn, job, unreported(attempt, `placed ${limits.attempts} times in vain`), 'failed', node);
    return;
  }
  const charged = reason === 'retry';
  emit(turn, { kind: 'requeued', ...keyOf(attempt), node, reason, charged, notBefore, error });
}

/** A node is gone, with everything that it held. */
export function requeueHeld(turn: Turn, node: NodeState, reason: 'node-lost' | 'node-left'): void {
  for (const held of [...node.held.values()]) {
    const job = turn.state.jobs.get(held.job);
    if (job === undefined || !held.current) continue;
    loseAttempt(turn, job, held, node.name, reason);
  }
}

/** An attempt is gone, nobody knows how far it came. */
export function loseAttempt(
  turn: Turn,
  job: JobRecord,
  held: Held,
  node: string,
  reason: 'node-lost' | 'node-left',
): void {
  const started = held.startedAt !== null;
  const end = (error: string) => ({ ...unreported(held, error), runMs: ranMs(turn, held) });
  // Also what was not told as started: a short task may be told with its end alone.
  if (job.spec.noRetry) endTask(turn, job, end('its node was lost and it must not run twice'), 'lost', node);
  else if (started && reason === 'node-lost' && job.tasks.get(held.ordinal, 'losses') + 1 >= crashLimit)
    endTask(turn, job, end(`crash-limit: ${crashLimit} nodes were lost while it ran`), 'failed', node);
  else requeue(turn, job, held, node, reason, null);
}

function ranMs({ at }: Turn, { startedAt }: Held): number {
  return startedAt === null ? 0 : at - startedAt;
}

/** Cancels or skips what is queued of a job and asks for the end of what is at nodes. */
export function closeJob(turn: Turn, job: JobRecord, state: 'cancelled' | 'skipped', reason: string, by: string): void {
  if (job.counts.queued > 0)
    emit(turn, { kind: 'job-closed', job: job.id, state, reason, by, tasks: job.counts.queued });
  if (job.counts.assigned + job.counts.running === 0) return;
  for (const node of turn.state.nodes.values())
    for (const held of [...node.held.values()])
      if (held.job === job.id && held.current) cancelAttempt(turn, job, held, node.name, reason);
}

/** Ends the task of an attempt as cancelled and asks its node to stop it; the node's room is free when it has. */
export function cancelAttempt(turn: Turn, job: JobRecord, held: Held, node: string, reason: string): void {
  const error = reason === '' ? null : reason;
  const end = { ...unreported(held, error), runMs: ranMs(turn, held) };
  endTask(turn, job, end, 'cancelled', node);
  emit(turn, { kind: 'stop-asked', ...keyOf(held), node, why: 'cancelled', requeue: false });
}

/** Ends a job whose last task has ended, and skips those that depended on its success. Chains may be long: no recursion. */
export function checkJobEnd(turn: Turn, job: JobRecord): void {
  const unchecked = [job];
  for (let next = unchecked.pop(); next !== undefined; next = unchecked.pop()) {
    const { counts, id } = next;
    if (next.endedAt !== null || counts.queued + counts.assigned + counts.running > 0) continue;
    const state = endStateOf(next);
    const dependents = (turn.state.dependents.get(id) ?? []).flatMap((one) => turn.state.jobs.get(one) ?? []);
    if (state !== 'succeeded')
      for (const dependent of dependents) closeJob(turn, dependent, 'skipped', `job ${id} did not succeed`, 'lbtop');
    emit(turn, { kind: 'job-ended', job: id, state });
    unchecked.push(...dependents.reverse());
  }
}

function endStateOf({ counts }: JobRecord): JobState {
  if (counts.failed + counts.lost > 0) return 'failed';
  return counts.cancelled + counts.skipped > 0 ? 'cancelled' : 'succeeded';
}

/**
 * The current attempt is the one that the node holds for the queue's account; or, after its node was taken for lost, the
 * last one as long as its task still waits: then what it did counts, and the task is not run again. An attempt whose end
 * was told does not come back: what its node says again has been heard.
 */
export function isCurrent(
  state: State,
  job: JobRecord,
  node: NodeState,
  held: Held | undefined,
  attempt: Attempt,
): boolean {
  if (held !== undefined) return held.current;
  const { tasks } = job;
  if (attempt.ordinal >= tasks.count || tasks.state(attempt.ordinal) !== 'queued') return false;
  if (isForgotten(state, job, attempt)) return true;
  return (
    tasks.get(attempt.ordinal, 'attempt') === attempt.attempt &&
    tasks.get(attempt.ordinal, 'place') === node.place &&
    isAstray(job, attempt)
  );
}

/**
 * True for an attempt that was placed and nobody here knows of: a crash of the machine took the end of the journal. Of a
 * job that came since we started everything is known: then it is another job's of the same number, which the coordinator
 * before us had (it kept all in memory, or ours are an older copy of its data).
 */
export function isForgotten(state: State, { id, tasks }: JobRecord, { ordinal, attempt }: Attempt): boolean {
  return id < state.firstJob && tasks.get(ordinal, 'attempt') < attempt;
}

/** True where nobody knew until now how the attempt ended. */
function isAstray(job: JobRecord | undefined, { ordinal, attempt }: Attempt): boolean {
  return job?.astray.get(ordinal)?.includes(attempt) === true;
}

/** A node gave a task back that it had not started, or does not hold what it was asked to end. */
export function decideReturned(turn: Turn, { node: name, attempt }: EventOf<'returned'>): void {
  const node = turn.state.nodes.get(name);
  const held = node?.held.get(attemptId(attempt.job, attempt.ordinal, attempt.attempt));
  if (node === undefined || held === undefined) return;
  const job = turn.state.jobs.get(held.job);
  if (held.current && job !== undefined) {
    // What it had begun and does not hold any more is gone.
    if (held.startedAt !== null) loseAttempt(turn, job, held, name, 'node-left');
    else requeue(turn, job, held, name, held.requeue ? 'drained' : 'recalled', null);
  } else emit(turn, { kind: 'released', ...keyOf(held), node: name, executed: false });
  checkDrained(turn, node);
}

/** A node says how far an attempt is that it runs. */
export function decideProgress(turn: Turn, { node, attempt, share, note }: EventOf<'progress'>): void {
  const held = turn.state.nodes.get(node)?.held.get(attemptId(attempt.job, attempt.ordinal, attempt.attempt));
  if (held?.current) emit(turn, { kind: 'progressed', ...keyOf(attempt), node, share, note });
}

/** A node began an attempt. */
export function decideStarted(turn: Turn, { node, attempt }: EventOf<'started'>): void {
  const held = turn.state.nodes.get(node)?.held.get(attemptId(attempt.job, attempt.ordinal, attempt.attempt));
  if (held !== undefined && held.startedAt === null) emit(turn, { kind: 'started', ...keyOf(attempt), node });
}
