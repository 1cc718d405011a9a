/**
 * When what follows from commits leaves: in the order of the commits, each when it is written, or sooner where all before it
 * has left and it weighs so little that a note of it will do (see let-out.ts).
 */
import type { Intent } from '../journal/intent-log.ts';
import type { Fact } from '../model/fact.ts';
import { leavingWith } from './let-out.ts';

/** A commit that begins. */
export interface Departure {
  /** What follows from it is noted, and to leave as soon as the commit has begun. */
  readonly atOnce: boolean;
  /** To be called when it is written: after those before it. */
  written(): void;
}

export interface Departures {
  /** Takes the facts of a commit; `leave`, which lets out what follows from them, is called later unless that is `atOnce`. */
  begin(facts: readonly Fact[], leave: () => void): Departure;
}

export interface DeparturesOptions {
  /** Notes attempts that leave now, which may be none; answers false where nothing may leave so. */
  note(intents: readonly Intent[]): boolean;
  /** All that was noted is written. */
  clear(): void;
}

interface Waiting {
  readonly facts: readonly Fact[];
  readonly leave: () => void;
  left: boolean;
  noted: boolean;
}

/** Returns departures of which none is under way. */
export function departures({ note, clear }: DeparturesOptions): Departures {
  /** Those that have not left, in order. */
  const waiting: Waiting[] = [];
  /** Noted and not written. */
  let notes = 0;

  /** Notes it, where that will do. */
  function mayLeave(one: Waiting): boolean {
    const attempts = leavingWith(one.facts);
    if (attempts === null || !note(attempts)) return false;
    one.left = true;
    one.noted = attempts.length > 0;
    if (one.noted) notes++;
    return true;
  }

  return {
    begin(facts, leave) {
      const one: Waiting = { facts, leave, left: false, noted: false };
      if (waiting.length > 0 || !mayLeave(one)) waiting.push(one);
      return {
        atOnce: one.left,
        written() {
          if (one.noted && --notes === 0) clear();
          if (one.left) return;
          waiting.shift();
          one.left = true;
          leave();
          // What waited only for this one does not wait for its own turn at the disk.
          for (let next = waiting[0]; next !== undefined && mayLeave(next); next = waiting[0]) {
            waiting.shift();
            next.leave();
          }
        },
      };
    },
  };
}
