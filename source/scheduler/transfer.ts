/** Takes tasks back that wait at a busy node while another one has nothing to do. */

import { keyOf } from '../model/node.ts';
import { closedFor } from './admission.ts';
import { headOf } from './lanes.ts';
import { levelQueues } from './level.ts';
import { leastLoad } from './policies/least-load.ts';
import { policyNamed } from './policies/policies.ts';
import type { Held, State } from './state.ts';
import { emit, type Turn } from './turn.ts';

/** A task that has waited at its node for so long was not as short as expected. */
const patienceMs = 1_000;

/** Recalls at most one waiting task for each free slot elsewhere. */
export function decideTransfer(turn: Turn): void {
  const { state } = turn;
  if (state.totals.assigned === 0 || state.queuePaused) return;
  if (state.policy === 'partition' && state.discipline === 'fifo') return levelQueues(turn);
  for (const lane of state.lanes) if (headOf(state, lane) !== undefined) return;
  let free = freeSlots(state);
  if (free === 0) return;
  for (const node of state.nodes.values()) {
    if (!node.connected || node.assigned === 0 || node.usedCpus <= node.info.slots) continue;
    for (const held of node.held.values()) {
      if (held.startedAt !== null || !held.current || held.recalled || held.stopping !== null) continue;
      if (turn.at - held.assignedAt < patienceMs || !hasPlace(turn, held)) continue;
      emit(turn, { kind: 'recalled', ...keyOf(held), node: node.name });
      if (--free === 0) return;
    }
  }
}

function freeSlots(state: State): number {
  let free = 0;
  for (const node of state.nodes.values())
    if (closedFor(node) === null) free += Math.max(0, Math.floor(node.info.slots - node.usedCpus));
  return free;
}

/** Whether some node would start the task at once: else it would only come back to where it waits. */
function hasPlace(turn: Turn, { job: id, ordinal, attempt }: Held): boolean {
  const job = turn.state.jobs.get(id);
  const policy = policyNamed(turn.state.policy) ?? leastLoad;
  const next = { job: id, ordinal, attempt: attempt + 1 };
  return job !== undefined && turn.placement.choose(policy, { ...next, spec: job.spec }) !== undefined;
}
