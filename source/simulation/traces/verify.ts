/**
 * Proves that what a recording says was decided is what the scheduler decides: what it was told is told again to the real
 * scheduler, made from the recorded state, and each fact that it says is compared with the one that was recorded.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { eventOf, type Inputs, type NextFact } from '../../feed/trace-inputs.ts';
import type { Trace } from '../../feed/trace-reader.ts';
import { oneLine } from '../../model/errors.ts';
import type { Fact } from '../../model/fact.ts';
import { createScheduler, type Scheduler } from '../../scheduler/scheduler.ts';
import type { State } from '../../scheduler/state.ts';

/** Where the recording and the scheduler say something else. */
export interface Difference {
  /** The number of the fact in the recording, from 0. */
  fact: number;
  at: number;
  /** What the recording says, and what the scheduler; null: nothing more. */
  recorded: Fact | null;
  decided: Fact | null;
}

/** The JSON of `lbtop trace verify --json`. */
export interface Verification {
  verified: boolean;
  /** Facts that the scheduler said again, and what it was told for that. */
  facts: number;
  inputs: number;
  /** Facts of which nobody recorded what led to them: after a gap, at a cut end, or of a recorder that did not. */
  unproven: number;
  /** Why there are none that are proven, or what cannot be read; null where nothing stands in the way. */
  why: string | null;
  difference: Difference | null;
}

/** Facts said again before others have their turn. */
const factsPerTurn = 50_000;

/** Verifies an open trace. `progress` is told how far in the file it is, 0 to 1. */
export async function verifyTrace(trace: Trace, progress: (share: number) => Promise<void>): Promise<Verification> {
  /** The state that a scheduler may be made of. */
  let base: State | null = null;
  let scheduler: Scheduler | null = null;
  /** Recorded facts that were not said again yet, from `next` on; the number of the first of all. */
  let recorded: Fact[] = [];
  let next = 0;
  let first = 0;
  /** What was said again before it was read: an event's facts may stand in two blocks. */
  let ahead: Fact[] = [];
  const result: Verification = { verified: false, facts: 0, inputs: 0, unproven: 0, why: null, difference: null };
  let sinceTurn = 0;

  /** Forgets where it stood: what was recorded since then is not proven. */
  function lose(): void {
    result.unproven += recorded.length - next;
    recorded = [];
    next = 0;
    ahead = [];
    scheduler = null;
  }

  function differ(decided: Fact | null): Difference {
    const one = recorded[next] ?? null;
    return { fact: first + next, at: (one ?? decided)?.at ?? trace.to, recorded: one, decided };
  }

  /** Compares what was said with what was recorded; false where they differ. */
  function compare(said: Fact): boolean {
    if (next >= recorded.length) {
      ahead.push(said);
      return true;
    }
    if (!isDeepStrictEqual(said, recorded[next])) {
      result.difference = differ(said);
      return false;
    }
    next++;
    result.facts++;
    return true;
  }

  const nextFact: NextFact = (kind) => {
    for (let i = next; i < recorded.length; i++)
      if (recorded[i]?.kind === kind) return recorded[i] as Extract<Fact, { kind: typeof kind }>;
    throw new Error(`no fact ${kind} follows what led to it`);
  };

  function repeat({ start, inputs }: Inputs): boolean {
    if (start !== null && base !== null) {
      scheduler = createScheduler(base, { remember: 0, seen: start });
      base = null;
    }
    if (scheduler === null) {
      lose();
      return true;
    }
    for (const input of inputs) {
      result.inputs++;
      let said: Fact[];
      try {
        said = scheduler.handle(eventOf(input, nextFact));
      } catch (error) {
        result.difference = differ(null);
        result.why = oneLine(error);
        return false;
      }
      for (const fact of said) if (!compare(fact)) return false;
    }
    if (next >= recorded.length) return true;
    result.difference = differ(null);
    return false;
  }

  function take(facts: readonly Fact[], before: number): boolean {
    first = before - (recorded.length - next);
    recorded = recorded.slice(next);
    next = 0;
    for (const fact of facts) recorded.push(fact);
    const waiting = ahead;
    ahead = [];
    return waiting.every(compare);
  }

  for (const item of trace.items()) {
    if (item.kind === 'gap' || item.kind === 'state') {
      lose();
      if (item.kind === 'state') base = item.restored.state;
    } else if (item.kind === 'facts') {
      if (!take(item.facts, item.before.facts)) return result;
      sinceTurn += item.facts.length;
    } else {
      const told = trace.inputs(item.block);
      if (told === null) lose();
      else if (!repeat(told)) return result;
      if (sinceTurn < factsPerTurn) continue;
      sinceTurn = 0;
      await progress(item.block.end / trace.bytes);
      await turn();
    }
  }
  lose();
  trace.check();
  if (trace.damage.length > 0) result.why = trace.damage[0]?.why ?? null;
  else if (result.inputs === 0)
    result.why =
      trace.facts === 0
        ? 'no facts are in it yet: nothing can be proven'
        : 'it is without what the scheduler was told: nothing can be proven';
  result.verified = result.why === null;
  return result;
}
