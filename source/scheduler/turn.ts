import { type Fact, isLasting } from '../model/fact.ts';
import { apply } from './apply.ts';
import type { BusyNodes } from './busy-nodes.ts';
import type { Past } from './past.ts';
import type { Placement } from './placement.ts';
import type { Reservations } from './reservation.ts';
import type { State } from './state.ts';

/** What deciding works on: the state, the indexes beside it, and the facts of this turn. */
export interface Turn {
  readonly state: State;
  readonly placement: Placement;
  readonly reservations: Reservations;
  readonly busy: BusyNodes;
  readonly past: Past;
  /** Nothing has happened since nothing more could be placed: then nothing can be placed now either. */
  settled: boolean;
  /** When bytes of a node last came, by its place. An observation, not a fact: it is new after a restart. */
  readonly heardAt: number[];
  /** Places of nodes that said that they will leave: they are heard and take nothing. An observation, as above. */
  readonly leaving: Set<number>;
  /** When we last went on after a stall in which a node may have given us up, by its place. An observation, as above. */
  readonly stalledAt: number[];
  at: number;
  facts: Fact[];
}

/** A fact before it has its time. */
type Timeless<F> = F extends unknown ? Omit<F, 'at'> : never;

/** Decides a fact, which is the caller's no more: it is stamped, applied, and becomes part of what this turn says. */
export function emit(turn: Turn, timeless: Timeless<Fact>): void {
  // Not a copy: that costs as much as to apply it.
  (timeless as { at?: number }).at = turn.at;
  const fact = timeless as Fact;
  apply(turn.state, fact);
  turn.facts.push(fact);
  turn.past.note(fact);
  if (isLasting(fact)) turn.settled = false;
  if ('node' in fact && fact.node !== null) {
    const node = turn.state.nodes.get(fact.node);
    if (node === undefined) return;
    turn.placement.touch(node.place);
    turn.reservations.touch(node.place);
    turn.busy.touch(node.place);
  }
}
