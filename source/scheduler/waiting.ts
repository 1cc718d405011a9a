/** Why a task waits: counted, so that a fleet of any size gives an answer of a few lines. */
import type { JobSpec } from '../model/job.ts';
import { closedFor, cpuLimitOf, full, lacks } from './admission.ts';
import { headOf, kindOfRoom } from './lanes.ts';
import { atLimit } from './place-task.ts';
import type { JobRecord, NodeState, State } from './state.ts';

/** Reason → how many nodes; 1 for a reason that is about the task or the queue. */
export type Reasons = Record<string, number>;

/** So many jobs that a task waits for are named. */
const namedJobs = 20;

/** Returns why a queued task waits at `now`. */
export function waitingReasons(state: State, job: JobRecord, ordinal: number, now: number): Reasons {
  const reasons = taskReasons(state, job, ordinal, now);
  if (Object.keys(reasons).length > 0) return reasons;
  if (state.nodes.size === 0) return { 'no node has joined': 1 };
  let roomy = 0;
  for (const node of state.nodes.values()) {
    const excluded = exclusion(state, node, job.spec);
    if (excluded === null) roomy++;
    else count(reasons, excluded);
  }
  if (roomy > 0) {
    reasons['have room'] = roomy;
    const before = holdsBack(state, job);
    if (state.policy === 'earliest-finish' && state.discipline === 'fifo')
      reasons['behind longer tasks, or for a faster node that is free soon'] = 1;
    else if (before !== undefined) reasons[`behind job ${before.id}, which comes first`] = 1;
  } else if (neverReason(state, job.spec) !== null) reasons['no node has what it asks for'] = 1;
  return reasons;
}

/** Returns what rules a node out for tasks of a job now, as `explain` says it; null where nothing does. */
export function exclusion(state: State, node: NodeState, spec: JobSpec): string | null {
  const missing = lacks(node, spec);
  if (missing !== null && node.health !== 'lost' && node.health !== 'left') return lackText(missing, spec);
  const closed = closedFor(node);
  if (closed === 'overloaded') return `above ${cpuLimitOf(state, node)} %`;
  if (closed !== null) return closed;
  const taken = full(node, spec, 0);
  return taken === null ? null : taken === 'slots' ? 'full' : `${taken} taken`;
}

/**
 * Returns what no node that is known has and the job asks for, one line for the user; null where some node could take its
 * tasks, and where no node is known yet.
 */
export function neverReason(state: State, spec: JobSpec): string | null {
  const reasons: Reasons = {};
  for (const node of state.nodes.values()) {
    const missing = lacks(node, spec);
    if (missing === null) return null;
    count(reasons, lackText(missing, spec));
  }
  const counted = Object.entries(reasons).map(([reason, many]) => `${many} ${reason}`);
  return counted.length === 0 ? null : `no node has what it asks for: ${counted.join(', ')}`;
}

function lackText(missing: string, spec: JobSpec): string {
  return missing === 'slots' ? `lack ${spec.cpus} slots` : `lack ${missing}`;
}

/** What keeps the task back whatever the nodes are like. */
function taskReasons(state: State, job: JobRecord, ordinal: number, now: number): Reasons {
  const reasons: Reasons = {};
  if (state.queuePaused) reasons['queue paused'] = 1;
  let named = 0;
  for (const id of job.waitsFor) {
    if (named++ >= namedJobs) break;
    reasons[`waits for job ${id}`] = 1;
  }
  if (job.waitsFor.size > namedJobs) reasons[`waits for ${job.waitsFor.size - namedJobs} more jobs`] = 1;
  const notBefore = job.delayed.get(ordinal);
  if (notBefore !== undefined) {
    const left = Math.max(0, Math.ceil((notBefore - now) / 1_000));
    reasons[`backoff after a failed try: ${left} s left`] = 1;
  }
  if (atLimit(job)) reasons[`limit of ${job.spec.limit} at once is reached`] = 1;
  return reasons;
}

/** The job that has to be placed before this one; undefined where none has. */
function holdsBack(state: State, job: JobRecord): JobRecord | undefined {
  const room = kindOfRoom(job.spec);
  let first: JobRecord | undefined;
  for (const lane of state.lanes) {
    // With `fifo` only those hold it back that need the same kind of room, with the others whoever is first of all.
    if (state.discipline === 'fifo' && (lane.kind !== room || lane.priority !== job.spec.priority)) continue;
    if (first !== undefined && lane.priority < first.spec.priority) break;
    const head = headOf(state, lane);
    if (head !== undefined && (first === undefined || head.id < first.id)) first = head;
  }
  return first === job ? undefined : first;
}

function count(reasons: Reasons, reason: string): void {
  reasons[reason] = (reasons[reason] ?? 0) + 1;
}
