/** How a node gets rid of what it holds when it is to take nothing more. */
import { keyOf } from '../model/node.ts';
import type { NodeState } from './state.ts';
import { emit, type Turn } from './turn.ts';

/** Says that a draining node is drained when it holds nothing more. */
export function checkDrained(turn: Turn, node: NodeState): void {
  if (node.intent === 'draining' && !node.drained && node.held.size === 0)
    emit(turn, { kind: 'node-drained', node: node.name });
}

/** Asks for what runs on a node to end and return to the queue. */
export function stopRunning(turn: Turn, node: NodeState): void {
  for (const held of [...node.held.values()])
    if (held.startedAt !== null && held.current && held.stopping === null)
      emit(turn, { kind: 'stop-asked', ...keyOf(held), node: node.name, why: 'drained', requeue: true });
}

/** Asks a node for the tasks that it has not started. */
export function recallUnstarted(turn: Turn, node: NodeState): void {
  for (const held of [...node.held.values()])
    if (held.startedAt === null && held.current && !held.recalled)
      emit(turn, { kind: 'recalled', ...keyOf(held), node: node.name });
}
