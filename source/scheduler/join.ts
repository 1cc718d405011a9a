/** A node joins, new or come back: what it holds and what we think it holds become one again. */
import type { EventOf } from '../model/event.ts';
import { type Attempt, attemptId, keyOf } from '../model/node.ts';
import { checkDrained } from './hand-back.ts';
import type { NodeState, State } from './state.ts';
import { isCurrent, isForgotten, loseAttempt, requeue } from './tasks.ts';
import { emit, type Turn } from './turn.ts';

/**
 * Returns why a node of this name may not join now, or null where it may: another live process has the name. A silent
 * one is replaced, and the same process may always come back.
 */
export function joinObjection(state: State, name: string, incarnation: string): string | null {
  const node = state.nodes.get(name);
  if (node === undefined || node.incarnation === incarnation || !node.connected || node.health !== 'up') return null;
  return `a node named ${name} is connected from ${node.address}: give this one another --name`;
}

/** Emits the join, then settles every attempt that one side knows of. */
export function decideJoin(turn: Turn, event: EventOf<'join'>): void {
  const { state } = turn;
  const before = state.nodes.get(event.node);
  const fresh = before === undefined || before.incarnation !== event.incarnation;
  emit(turn, {
    kind: 'node-joined',
    node: event.node,
    incarnation: event.incarnation,
    info: event.info,
    address: event.address,
    fresh,
  });
  const node = state.nodes.get(event.node) as NodeState;
  turn.heardAt[node.place] = turn.at;
  turn.leaving.delete(node.place);
  delete turn.stalledAt[node.place];
  const { running, waiting, ended } = event.holding;
  const told = new Set([...running, ...waiting, ...ended].map(idOf));
  const toldEnded = new Set(ended.map(idOf));
  for (const held of [...node.held.values()]) {
    if (told.has(idOf(held))) continue;
    const job = state.jobs.get(held.job);
    if (job === undefined || !held.current)
      emit(turn, { kind: 'released', ...keyOf(held), node: node.name, executed: false });
    // Never reached the node: nothing was begun, wherever it may be counted.
    else if (held.startedAt === null && !fresh) requeue(turn, job, held, node.name, 'recalled', null);
    else loseAttempt(turn, job, held, node.name, 'node-lost');
  }
  for (const attempt of running) adopt(turn, node, attempt, true);
  for (const attempt of waiting) adopt(turn, node, attempt, false);
  // Its end follows: until then nobody else is given the task.
  for (const attempt of ended) {
    const job = state.jobs.get(attempt.job);
    if (job !== undefined && attempt.ordinal < job.tasks.count && isForgotten(state, job, attempt))
      adopt(turn, node, attempt, false);
  }
  // A node that stays away from work gives its old, unstarted tasks back; what was asked back before is asked again.
  for (const held of [...node.held.values()])
    if (held.startedAt === null && held.current && !toldEnded.has(idOf(held)))
      if (node.intent !== 'active' || held.recalled) emit(turn, { kind: 'recalled', ...keyOf(held), node: node.name });
  checkDrained(turn, node);
}

function adopt(turn: Turn, node: NodeState, attempt: Attempt, running: boolean): void {
  const key = keyOf(attempt);
  const held = node.held.get(idOf(attempt));
  const job = turn.state.jobs.get(attempt.job);
  if (job === undefined || !isCurrent(turn.state, job, node, held, attempt)) {
    const why = held?.stopping ?? 'another attempt counts';
    emit(turn, { kind: 'stop-asked', ...key, node: node.name, why, requeue: false });
    return;
  }
  // Taken for lost, and its task still waits: the same attempt goes on.
  if (held === undefined)
    emit(turn, { kind: 'assigned', ...key, node: node.name, adopted: isForgotten(turn.state, job, attempt) });
  if (running && node.held.get(idOf(attempt))?.startedAt === null)
    emit(turn, { kind: 'started', ...key, node: node.name });
  // Asked for before the connection broke, perhaps never heard.
  if (held?.stopping != null)
    emit(turn, { kind: 'stop-asked', ...key, node: node.name, why: held.stopping, requeue: held.requeue });
}

function idOf({ job, ordinal, attempt }: Attempt): string {
  return attemptId(job, ordinal, attempt);
}
