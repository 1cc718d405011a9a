/** What `partition` does after the split: moves tasks from the longest queue to the shortest where they differ too much. */

import { keyOf } from '../model/node.ts';
import { closedFor, lacks } from './admission.ts';
import type { Held, NodeState, State } from './state.ts';
import { emit, type Turn } from './turn.ts';

/** Queues that differ by no more tasks are left as they are. */
const threshold = 30;
/** So many pairs of queues are levelled at once. */
const pairsAtOnce = 64;

/** A node, and how many tasks it has that are not on their way elsewhere. */
interface Queue {
  readonly node: NodeState;
  length: number;
  /** It may give tasks; false where none of them can be taken back or may go elsewhere. */
  gives: boolean;
}

/** Takes tasks back from the longest queues; what returns goes to the shortest, as everything does. */
export function levelQueues(turn: Turn): void {
  const queues = queuesOf(turn.state);
  /** Could take nothing of what the longest queue can give. */
  const unsuited = new Set<Queue>();
  for (let pair = 0; pair < pairsAtOnce; pair++) {
    let longest: Queue | undefined;
    let shortest: Queue | undefined;
    for (const queue of queues) {
      if (queue.gives && (longest === undefined || queue.length > longest.length)) longest = queue;
      if (closedFor(queue.node) !== null || unsuited.has(queue)) continue;
      if (shortest === undefined || queue.length < shortest.length) shortest = queue;
    }
    if (longest === undefined) return;
    const difference = longest.length - (shortest?.length ?? Infinity);
    if (shortest === undefined || difference <= threshold) {
      if (unsuited.size === 0) return;
      longest.gives = false;
      unsuited.clear();
      continue;
    }
    const moved = takeBack(turn, longest.node, shortest.node, Math.floor(difference / 2));
    longest.length -= moved;
    shortest.length += moved;
    if (moved === 0) unsuited.add(shortest);
    else unsuited.clear();
  }
}

function queuesOf({ nodes }: State): Queue[] {
  const queues: Queue[] = [];
  for (const node of nodes.values()) {
    if (!node.connected) continue;
    let leaving = 0;
    if (node.assigned > 0) for (const { recalled } of node.held.values()) if (recalled) leaving++;
    queues.push({ node, length: node.held.size - leaving, gives: node.assigned > 0 });
  }
  return queues;
}

/** Asks for the tasks that came last, as many as are wanted and the other node could run; returns how many they are. */
function takeBack(turn: Turn, from: NodeState, to: NodeState, wanted: number): number {
  let taken = 0;
  for (const held of [...from.held.values()].reverse()) {
    if (taken === wanted) break;
    if (!mayLeave(held)) continue;
    const job = turn.state.jobs.get(held.job);
    if (job === undefined || lacks(to, job.spec) !== null) continue;
    emit(turn, { kind: 'recalled', ...keyOf(held), node: from.name });
    taken++;
  }
  return taken;
}

function mayLeave({ startedAt, current, recalled, stopping }: Held): boolean {
  return startedAt === null && current && !recalled && stopping === null;
}
