/** Places what can be placed. Which task is next is the queue discipline's affair, which node takes it the policy's. */
import { dispatchBackfill } from './backfill.ts';
import { dropEmptyLanes, headOf } from './lanes.ts';
import { laneMs, placeLongestFirst } from './longest-first.ts';
import { placeHead, policyOf } from './place-task.ts';
import type { JobRecord, Lane } from './state.ts';
import type { Turn } from './turn.ts';

/** Emits `assigned` facts until nothing that waits fits anywhere, or may not yet. */
export function dispatch(turn: Turn): void {
  const { state } = turn;
  if (state.queuePaused || state.nodes.size === 0) return;
  if (state.discipline === 'fifo') {
    // Nothing has changed since nothing more could be placed; only what waits for a faster node waits for time to pass.
    if (turn.settled && !policyOf(turn).needsDurations) return;
    dispatchFifo(turn);
    turn.settled = true;
  } else dispatchBackfill(turn, state.discipline === 'sjbf');
  dropEmptyLanes(state);
}

/** Priorities from the highest down; what waits in a higher one does not hold back a lower one. */
function dispatchFifo(turn: Turn): void {
  const { lanes } = turn.state;
  for (let from = 0; from < lanes.length; ) {
    const priority = (lanes[from] as Lane).priority;
    let to = from + 1;
    while (to < lanes.length && (lanes[to] as Lane).priority === priority) to++;
    placePriority(turn, from === 0 && to === lanes.length ? lanes : lanes.slice(from, to));
    from = to;
  }
}

/**
 * Lanes of one priority: the job that came first, of all lanes that are not held back, is next. What does not fit holds
 * back all that need the same kind of room.
 */
function placePriority(turn: Turn, lanes: readonly Lane[]): void {
  if (!policyOf(turn).needsDurations) return placeArrived(turn, new Set(lanes));
  const unknown = new Set<Lane>();
  const known: { lane: Lane; ms: number }[] = [];
  for (const lane of lanes) {
    const ms = laneMs(turn, lane);
    if (ms === null) unknown.add(lane);
    else known.push({ lane, ms });
  }
  // What is not known goes first: the sooner it is.
  placeArrived(turn, unknown);
  if (known.length > 0) placeLongestFirst(turn, known);
}

function placeArrived(turn: Turn, open: Set<Lane>): void {
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
    if (placeHead(turn, lane, job, true)) continue;
    for (const other of open) if (other.kind === lane.kind) open.delete(other);
  }
}
