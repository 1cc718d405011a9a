/** Which nodes are there: silence, broken connections, and what time brings due. */
import type { EventOf } from '../model/event.ts';
import { limits, liveness } from '../model/limits.ts';
import { cpuLimitOf } from './admission.ts';
import { checkDrained, stopRunning } from './hand-back.ts';
import { projectedCpu } from './room.ts';
import type { NodeState } from './state.ts';
import { requeueHeld } from './tasks.ts';
import { emit, type Turn } from './turn.ts';

/** Time passed. After a stall of our own every node gets a fresh window: silence then says nothing about it. */
export function decideTick(turn: Turn, { stalled }: EventOf<'tick'>): void {
  const { state, at } = turn;
  for (const node of state.nodes.values()) {
    if (stalled || turn.heardAt[node.place] === undefined) giveFreshWindow(turn, node);
    watchSilence(turn, node);
    if (node.intent === 'draining' && node.deadline !== null && node.deadline <= at) stopRunning(turn, node);
  }
  for (const id of [...state.delayedJobs].sort((a, b) => a - b)) {
    const job = state.jobs.get(id);
    if (job === undefined) continue;
    for (const notBefore of job.delayed.values())
      if (notBefore <= at) {
        emit(turn, { kind: 'due', job: id });
        break;
      }
  }
}

/**
 * A stall that was long enough for a node to give us up leaves it time to find us again, as a restart of ours does: that
 * it had cut the connection we read only afterwards, behind what it had said before.
 */
function giveFreshWindow(turn: Turn, { place }: NodeState): void {
  const silentMs = turn.at - (turn.heardAt[place] ?? turn.at);
  if (silentMs >= liveness.lostAfterDropMs) turn.stalledAt[place] = turn.at;
  turn.heardAt[place] = turn.at;
}

function watchSilence(turn: Turn, node: NodeState): void {
  if (node.health === 'lost' || node.health === 'left') return;
  const silentMs = turn.at - (turn.heardAt[node.place] as number);
  const broken = node.droppedAt !== null;
  const stalled =
    node.droppedAt !== null && node.droppedAt - (turn.stalledAt[node.place] ?? -Infinity) < liveness.lostAfterDropMs;
  const dropMs = stalled ? liveness.lostAfterRestartMs : liveness.lostAfterDropMs;
  const silenceMs = (node.connected || broken) && !stalled ? liveness.lostAfterMs : liveness.lostAfterRestartMs;
  if (node.droppedAt !== null && turn.at - node.droppedAt >= dropMs && silentMs >= dropMs)
    loseNode(turn, node, 'its connection broke and it did not come back');
  else if (silentMs >= silenceMs) loseNode(turn, node, `silent for ${Math.round(silentMs / 1_000)} s`);
  else if (silentMs >= liveness.suspectAfterMs && node.health === 'up')
    emit(turn, { kind: 'node-health', node: node.name, health: 'suspect', reason: 'silent' });
}

function loseNode(turn: Turn, node: NodeState, reason: string): void {
  requeueHeld(turn, node, 'node-lost');
  emit(turn, { kind: 'node-health', node: node.name, health: 'lost', reason });
  checkDrained(turn, node);
}

/** Bytes came from a node. */
export function decideHeard(turn: Turn, name: string): void {
  const node = turn.state.nodes.get(name);
  if (node === undefined) return;
  turn.heardAt[node.place] = turn.at;
  if (node.health === 'suspect' && node.connected && !turn.leaving.has(node.place))
    emit(turn, { kind: 'node-health', node: name, health: 'up', reason: '' });
}

/** A heartbeat: the node lives, and this is its load. */
export function decideHeartbeat(turn: Turn, { node: name, seen, sample }: EventOf<'heartbeat'>): void {
  decideHeard(turn, name);
  const node = turn.state.nodes.get(name);
  if (node === undefined || !node.connected) return;
  // It cannot have seen more than there was.
  emit(turn, { kind: 'sampled', node: name, seen: Math.min(seen, node.assignments), sample });
  checkOverload(turn, node);
}

/** Well below the limit, as a share of it, an overloaded node is taken at once. */
const wellBelow = 15 / 16;
/** Just below it, only when it has been overloaded for so long: a load at the limit does not make it come and go. */
const overloadedForMs = 5_000;

/**
 * The limit holds for what the node would report now: when our own tasks end, their share is free again. `changed`: the
 * limit is another, and holds at once.
 */
export function checkOverload(turn: Turn, node: NodeState, changed = false): void {
  if (node.sample === null) return; // what we knew last holds until it reports again
  const cpu = projectedCpu(node);
  const limit = cpuLimitOf(turn.state, node);
  const waits = node.overloaded && !changed && turn.at - node.overloadedAt < overloadedForMs;
  const overloaded = cpu > (waits ? limit * wellBelow : limit);
  if (overloaded !== node.overloaded) emit(turn, { kind: 'node-overloaded', node: node.name, overloaded, cpu });
}

/** The connection broke without goodbye. */
export function decideDropped(turn: Turn, { node: name, reason }: EventOf<'dropped'>): void {
  const node = turn.state.nodes.get(name);
  if (node === undefined || !node.connected) return;
  emit(turn, { kind: 'node-dropped', node: name, reason });
  if (node.health === 'up') emit(turn, { kind: 'node-health', node: name, health: 'suspect', reason });
}

/** The node begins to stop: what it hands back is not for it again. It is heard as before, and may still be lost. */
export function decideLeaving(turn: Turn, { node: name, reason }: EventOf<'leaving'>): void {
  const node = turn.state.nodes.get(name);
  if (node === undefined || !node.connected) return;
  turn.leaving.add(node.place);
  if (node.health !== 'up') return;
  emit(turn, {
    kind: 'node-health',
    node: name,
    health: 'suspect',
    reason: `it is leaving: ${reason}`.slice(0, limits.reasonLength),
  });
}

/** The node said goodbye: what it still held goes back at once. */
export function decideLeave(turn: Turn, { node: name }: EventOf<'leave'>): void {
  const node = turn.state.nodes.get(name);
  if (node === undefined || node.health === 'left') return;
  requeueHeld(turn, node, 'node-left');
  emit(turn, { kind: 'node-health', node: name, health: 'left', reason: 'said goodbye' });
  checkDrained(turn, node);
}
