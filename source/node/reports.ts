/** What the executor says, gathered over a moment: one message carries what many tasks did. */

import { limits } from '../model/limits.ts';
import type { Attempt, Outcome } from '../model/node.ts';
import type { Message } from '../wire/messages.ts';
import type { HeldAttempt } from './attempt.ts';
import type { Clock } from './clock.ts';

export interface Reports {
  /**
   * Will be said within a moment; not at all, if it ends before. Of a task that was at a node before it is said at once:
   * whether it takes its nodes down with it can only be known where the start was heard.
   */
  started(held: HeldAttempt): void;
  ended(held: HeldAttempt): void;
  returned(attempt: Attempt): void;
  /** Says everything now. */
  flush(): void;
  /** The connection broke: nothing that waits is for the next one. */
  clear(): void;
}

export interface ReportsOptions {
  send(message: Message): void;
  /** Called before outcomes leave: they must be on disk. */
  beforeOutcomes(): void;
  clock: Clock;
}

/** A task that is shorter than this is only `ended`. */
const startDelayMs = 10;
/** Outcomes of one message hold at most about so much text, well below what a frame takes. */
const textPerMessage = 1024 * 1024;

export function reports({ send, beforeOutcomes, clock }: ReportsOptions): Reports {
  let starts: HeldAttempt[] = [];
  let ends: HeldAttempt[] = [];
  let returns: Attempt[] = [];
  let cancelStarts: (() => void) | null = null;
  let scheduled = false;

  /** Later in this turn of the event loop, when everything that came with it has been handled. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    process.nextTick(() => {
      scheduled = false;
      flushEnds();
    });
  }

  function flushStarts(): void {
    cancelStarts?.();
    cancelStarts = null;
    const due = starts.filter((held) => held.phase === 'running' && !held.startSaid);
    starts = [];
    for (const held of due) held.startSaid = true;
    for (const attempts of chunks(due.map((held) => held.key))) send({ kind: 'started', attempts });
  }

  function flushEnds(): void {
    const back = returns;
    const due = ends;
    returns = [];
    ends = [];
    for (const attempts of chunks(back)) send({ kind: 'returned', attempts });
    if (due.length === 0) return;
    beforeOutcomes();
    let outcomes: Outcome[] = [];
    let length = 0;
    for (const { outcome } of due) {
      if (outcome === null) continue;
      outcomes.push(outcome);
      length += (outcome.result?.length ?? 0) + (outcome.error?.length ?? 0);
      if (outcomes.length < limits.rowsPerMessage && length < textPerMessage) continue;
      send({ kind: 'ended', outcomes });
      outcomes = [];
      length = 0;
    }
    if (outcomes.length > 0) send({ kind: 'ended', outcomes });
  }

  return {
    started(held) {
      starts.push(held);
      if (held.key.attempt > 1) flushStarts();
      else cancelStarts ??= clock.after(startDelayMs, flushStarts);
    },
    ended(held) {
      held.endSaid = true;
      ends.push(held);
      schedule();
    },
    returned(attempt) {
      returns.push(attempt);
      schedule();
    },
    flush() {
      flushStarts();
      flushEnds();
    },
    clear() {
      starts = [];
      ends = [];
      returns = [];
    },
  };
}

function* chunks<T>(rows: T[]): Iterable<T[]> {
  for (let from = 0; from < rows.length; from += limits.rowsPerMessage)
    yield rows.slice(from, from + limits.rowsPerMessage);
}
