/** Places what can be placed: lanes in order of priority and arrival, each task on the node that the policy takes. */
import { mayWaitAtNode } from './admission.ts';
import { dropEmptyLanes, headOf, leaveLane, nextWaiting } from './lanes.ts';
import { leastLoad } from './policies/least-load.ts';
import { policyNamed } from './policies/policies.ts';
import type { JobRecord, Lane } from './state.ts';
import { parting } from './task-table.ts';
import { emit, type Turn } from './turn.ts';

/** Emits `assigned` facts until nothing that waits fits anywhere. Discipline `fifo`. */
export function dispatch(turn: Turn): void {
  const { state } = turn;
  if (state.queuePaused || state.nodes.size === 0) return;
  for (let from = 0; from < state.lanes.length; ) {
    const priority = (state.lanes[from] as Lane).priority;
    let to = from + 1;
    while (to < state.lanes.length && (state.lanes[to] as Lane).priority === priority) to++;
    placePriority(turn, state.lanes.slice(from, to));
    from = to;
  }
  dropEmptyLanes(state);
}

/** Lanes of one priority: the job that came first, of all lanes that are not held back, is next. */
function placePriority(turn: Turn, lanes: Lane[]): void {
  const open = new Set(lanes);
  while (open.size > 0) {
    let lane: Lane | undefined;
    let job: JobRecord | undefined;
    for (const candidate of open) {
      const head = headOf(turn.state, candidate);
      if (head === undefined) open.delete(candidate);
      else if (job === undefined || head.id < job.id) {
        lane = candidate;
        job = head;
      }
    }
    if (lane === undefined || job === undefined) return;
    if (!placeJob(turn, lane, job)) open.delete(lane);
  }
}

/** Places tasks of one job while there are any and they fit; returns false where the rest holds its lane back. */
function placeJob(turn: Turn, lane: Lane, job: JobRecord): boolean {
  const policy = policyNamed(turn.state.policy) ?? leastLoad;
  const limit = job.spec.limit ?? Infinity;
  for (let ordinal = nextWaiting(job); ordinal !== -1; ordinal = nextWaiting(job)) {
    if (job.counts.assigned + job.counts.running >= limit) {
      leaveLane(lane, job); // listed again when one of its tasks ends
      return true;
    }
    const attempt = job.tasks.get(ordinal, 'attempt') + 1;
    const elsewhere = (job.tasks.get(ordinal, 'parting') & parting.elsewhere) !== 0;
    const avoid = elsewhere ? job.tasks.get(ordinal, 'place') : undefined;
    const task = { job: job.id, ordinal, attempt, spec: job.spec, avoid };
    const node =
      turn.placement.choose(policy, task) ?? (mayWaitAtNode(job) ? turn.placement.chooseAhead(task) : undefined);
    if (node === undefined) {
      if (turn.placement.someMightTake(job.spec)) return false;
      // It waits for a node that is not there: those behind it need not.
      leaveLane(lane, job);
      turn.state.aside.add(job.id);
      return true;
    }
    emit(turn, { kind: 'assigned', job: job.id, ordinal, attempt, node: node.name });
  }
  leaveLane(lane, job);
  return true;
}
