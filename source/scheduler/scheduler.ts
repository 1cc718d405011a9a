/**
 * The scheduler: `handle(event)` is the only way in, facts are the only thing that comes out. It has no clock, no timer,
 * no randomness and no I/O of its own: the same events give the same facts.
 */
import type { Event } from '../model/event.ts';
import type { Fact } from '../model/fact.ts';
import { busyNodes } from './busy-nodes.ts';
import { dispatch } from './dispatch.ts';
import { decideJoin } from './join.ts';
import {
  checkOverload,
  decideDropped,
  decideHeard,
  decideHeartbeat,
  decideLeave,
  decideLeaving,
  decideTick,
} from './liveness.ts';
import { decideCancel, decideDrain, decidePause, decidePurge, decideResume, decideRetry } from './operate.ts';
import { type Past, past } from './past.ts';
import { placement } from './placement.ts';
import { reservations } from './reservation.ts';
import { emptyState, type State } from './state.ts';
import { decideSubmit } from './submit.ts';
import { decideOutcome, decideProgress, decideReturned, decideStarted } from './tasks.ts';
import { decideTransfer } from './transfer.ts';
import { emit, type Turn } from './turn.ts';

/** What was seen of a node that is not in the state: an observation is no fact. */
export interface Seen {
  readonly node: string;
  /** When bytes of it last came; null: not yet. */
  readonly heardAt: number | null;
  /** It said that it begins to stop. */
  readonly leaving: boolean;
}

export interface Scheduler {
  /** Read it, never change it: `apply` does. */
  readonly state: State;
  /** How the nodes stood when tasks were placed, for `explain`; it does not go back for ever. */
  readonly past: Past;
  /** Takes what happened; returns what follows, already applied to `state`, in order. */
  handle(event: Event): Fact[];
  /**
   * Makes everything that is kept beside the state anew, as a scheduler that begins with this state would, and returns what
   * it has seen of the nodes: from here on another one, made of the same state and told the same, says the same.
   */
  anew(): Seen[];
}

/**
 * Returns a scheduler that goes on from `state` (an empty one, or one recovered from facts). `remember`: how many facts
 * about nodes are kept for explaining; 0 where nobody will ask. `seen`: of the nodes, as `anew` told it.
 */
export function createScheduler(
  state: State = emptyState(),
  { remember, seen = [] }: { remember?: number; seen?: readonly Seen[] } = {},
): Scheduler {
  const turn: Turn = {
    state,
    placement: placement(state),
    reservations: reservations(state),
    busy: busyNodes(state),
    past: past(state, remember),
    settled: false,
    heardAt: [],
    leaving: new Set(),
    stalledAt: [],
    at: state.at,
    facts: [],
  };

  function reset(): void {
    turn.placement.reset();
    turn.reservations.reset();
    turn.busy.reset();
    turn.stalledAt.length = 0;
    turn.settled = false;
  }

  for (const { node: name, heardAt, leaving } of seen) {
    const node = state.nodes.get(name);
    if (node === undefined) continue;
    if (heardAt !== null) turn.heardAt[node.place] = heardAt;
    if (leaving) turn.leaving.add(node.place);
  }
  return {
    state,
    past: turn.past,
    anew() {
      reset();
      return [...state.nodes.values()].map(({ name, place }) => ({
        node: name,
        heardAt: turn.heardAt[place] ?? null,
        leaving: turn.leaving.has(place),
      }));
    },
    handle(event) {
      // Time never runs backwards here, whatever the clock outside does.
      turn.at = Math.max(event.at, state.at);
      turn.facts = [];
      decide(turn, event);
      return turn.facts;
    },
  };
}

function decide(turn: Turn, event: Event): void {
  const { state } = turn;
  switch (event.kind) {
    case 'session':
      emit(turn, {
        kind: 'session-started',
        epoch: state.epoch + 1,
        version: event.version,
        policy: event.policy ?? state.policy,
        discipline: event.discipline ?? state.discipline,
        cpuLimit: event.cpuLimit ?? state.cpuLimit,
        seed: state.epoch === 0 ? event.seed : state.seed,
      });
      turn.placement.reset();
      turn.reservations.reset();
      turn.busy.reset();
      for (const node of state.nodes.values()) turn.heardAt[node.place] = turn.at;
      return;
    case 'tick':
      decideTick(turn, event);
      decideTransfer(turn);
      return;
    case 'dispatch':
      dispatch(turn);
      return;
    case 'submit':
      return decideSubmit(turn, event);
    case 'join':
      return decideJoin(turn, event);
    case 'heartbeat':
      return decideHeartbeat(turn, event);
    case 'heard':
      return decideHeard(turn, event.node);
    case 'dropped':
      return decideDropped(turn, event);
    case 'leaving':
      return decideLeaving(turn, event);
    case 'leave':
      return decideLeave(turn, event);
    case 'started':
      return decideStarted(turn, event);
    case 'progress':
      return decideProgress(turn, event);
    case 'outcome': {
      decideOutcome(turn, event);
      const node = state.nodes.get(event.node);
      if (node?.overloaded) checkOverload(turn, node);
      return;
    }
    case 'returned':
      return decideReturned(turn, event);
    case 'cancel':
      return decideCancel(turn, event);
    case 'retry':
      return decideRetry(turn, event);
    case 'purge':
      return decidePurge(turn, event);
    case 'pause':
      return decidePause(turn, event);
    case 'drain':
      return decideDrain(turn, event);
    case 'resume':
      return decideResume(turn, event);
    case 'throttle': {
      const node = state.nodes.get(event.node);
      if (node !== undefined && node.throttle !== event.throttle)
        emit(turn, { kind: 'node-throttled', node: event.node, throttle: event.throttle, by: event.by });
      return;
    }
    case 'forget': {
      const node = state.nodes.get(event.node);
      if (node !== undefined && !node.connected && node.held.size === 0)
        emit(turn, { kind: 'node-forgotten', node: event.node });
      return;
    }
    case 'pause-queue':
      if (state.queuePaused !== event.paused)
        emit(turn, { kind: 'queue-paused', paused: event.paused, by: event.by, reason: event.reason });
      return;
    case 'set-policy':
      emit(turn, {
        kind: 'policy-set',
        policy: event.policy,
        discipline: event.discipline ?? state.discipline,
        by: event.by,
      });
      return;
    case 'set-cpu-limit':
      emit(turn, { kind: 'cpu-limit-set', cpuLimit: event.cpuLimit, by: event.by });
      for (const node of state.nodes.values()) checkOverload(turn, node, true);
      return;
    case 'act': {
      const { by, role, proof, verb, about } = event;
      emit(turn, { kind: 'acted', by, role, proof, verb, about });
      return;
    }
  }
}
