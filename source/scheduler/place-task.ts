/** Places single tasks: what every queue discipline does once it knows whose turn it is. */
import type { JobSpec } from '../model/job.ts';
import { mayWaitAtNode } from './admission.ts';
import { leaveLane, nextWaiting } from './lanes.ts';
import { expectedMs } from './learned.ts';
import type { Dispatch } from './placement.ts';
import { leastLoad } from './policies/least-load.ts';
import { policyNamed } from './policies/policies.ts';
import type { Policy } from './policies/policy.ts';
import type { JobRecord, Lane, NodeState } from './state.ts';
import { highestAttempt, parting } from './task-table.ts';
import { emit, type Turn } from './turn.ts';

/** Tasks that are expected to take longer do not wait at nodes where it matters which node it is. */
const shortestMs = 100;

/** Returns the policy in force. */
export function policyOf({ state }: Turn): Policy {
  return policyNamed(state.policy) ?? leastLoad;
}

/** Returns the policy for tasks of a job: where nothing is known of their kind, the one that needs to know nothing. */
export function policyFor(turn: Turn, spec: JobSpec): Policy {
  const policy = policyOf(turn);
  return policy.needsDurations && expectedMs(turn.state.learned, spec) === null ? leastLoad : policy;
}

/** Whether as many tasks of the job are under way as its limit allows. */
export function atLimit({ counts, spec }: JobRecord): boolean {
  return spec.limit !== null && counts.assigned + counts.running >= spec.limit;
}

/** Returns what is to be decided about a waiting task: its next attempt, and where it had no luck before. */
export function dispatchOf(job: JobRecord, ordinal: number): Dispatch {
  const elsewhere = (job.tasks.get(ordinal, 'parting') & parting.elsewhere) !== 0;
  return {
    job: job.id,
    ordinal,
    attempt: highestAttempt(job, ordinal) + 1,
    spec: job.spec,
    avoid: elsewhere ? job.tasks.get(ordinal, 'place') : undefined,
  };
}

/**
 * Returns the node that takes a task now, or undefined. `ahead`: where all slots are taken, a short task may wait for one
 * at a node.
 */
export function chooseNode(turn: Turn, job: JobRecord, task: Dispatch, ahead: boolean): NodeState | undefined {
  const policy = policyFor(turn, job.spec);
  const node = turn.placement.choose(policy, task);
  if (node !== undefined || !ahead || !mayWaitAtNode(job)) return node;
  // At a slow node even a short wait may be the last.
  if (policy.needsDurations && (expectedMs(turn.state.learned, job.spec) ?? 0) > shortestMs) return undefined;
  return turn.placement.chooseAhead(policy, task);
}

/** It waits for a node that is not there: those behind it need not. */
export function setAside(turn: Turn, lane: Lane, job: JobRecord): void {
  leaveLane(lane, job);
  turn.state.aside.add(job.id);
}

/** Sends a task to a node. */
export function assign(turn: Turn, { job, ordinal, attempt }: Dispatch, node: NodeState): void {
  emit(turn, { kind: 'assigned', job, ordinal, attempt, node: node.name, adopted: false });
}

/**
 * Places tasks of the job at the head of a lane while there are any and they fit. `ahead`: short ones may wait at a node
 * for a slot. Returns false where the next one does not fit anywhere now; else the job has left its lane.
 */
export function placeHead(turn: Turn, lane: Lane, job: JobRecord, ahead: boolean): boolean {
  for (let ordinal = nextWaiting(job); ordinal !== -1; ordinal = nextWaiting(job)) {
    if (atLimit(job)) {
      leaveLane(lane, job); // listed again when one of its tasks ends
      return true;
    }
    const task = dispatchOf(job, ordinal);
    const node = chooseNode(turn, job, task, ahead);
    if (node === undefined) {
      if (turn.placement.someMightTake(job.spec)) return false;
      setAside(turn, lane, job);
      return true;
    }
    assign(turn, task, node);
  }
  leaveLane(lane, job);
  return true;
}
