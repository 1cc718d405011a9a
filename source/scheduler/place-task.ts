/** Places single tasks: what every queue discipline does once it knows whose turn it is. */
import { mayWaitAtNode } from './admission.ts';
import { leaveLane, nextWaiting } from './lanes.ts';
import type { Dispatch } from './placement.ts';
import { leastLoad } from './policies/least-load.ts';
import { policyNamed } from './policies/policies.ts';
import type { Policy } from './policies/policy.ts';
import type { JobRecord, Lane, NodeState } from './state.ts';
import { parting } from './task-table.ts';
import { emit, type Turn } from './turn.ts';

/** Returns the policy in force. */
export function policyOf({ state }: Turn): Policy {
  return policyNamed(state.policy) ?? leastLoad;
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
    attempt: job.tasks.get(ordinal, 'attempt') + 1,
    spec: job.spec,
    avoid: elsewhere ? job.tasks.get(ordinal, 'place') : undefined,
  };
}

/** Sends a task to a node. */
export function assign(turn: Turn, { job, ordinal, attempt }: Dispatch, node: NodeState): void {
  emit(turn, { kind: 'assigned', job, ordinal, attempt, node: node.name });
}

/**
 * Places tasks of the job at the head of a lane while there are any and they fit. `ahead`: short ones may wait at a node
 * for a slot. Returns false where the next one does not fit anywhere now; else the job has left its lane.
 */
export function placeHead(turn: Turn, lane: Lane, job: JobRecord, ahead: boolean): boolean {
  const policy = policyOf(turn);
  for (let ordinal = nextWaiting(job); ordinal !== -1; ordinal = nextWaiting(job)) {
    if (atLimit(job)) {
      leaveLane(lane, job); // listed again when one of its tasks ends
      return true;
    }
    const task = dispatchOf(job, ordinal);
    const node =
      turn.placement.choose(policy, task) ??
      (ahead && mayWaitAtNode(job) ? turn.placement.chooseAhead(task) : undefined);
    if (node === undefined) {
      if (turn.placement.someMightTake(job.spec)) return false;
      // It waits for a node that is not there: those behind it need not.
      leaveLane(lane, job);
      turn.state.aside.add(job.id);
      return true;
    }
    assign(turn, task, node);
  }
  leaveLane(lane, job);
  return true;
}
