/** What the executor says, gathered over a moment: one message carries what many tasks did. */

import { limits } from '../model/limits.ts';
import { type Attempt, attemptId, type Outcome } from '../model/node.ts';
import type { Message, MessageOf } from '../wire/messages.ts';
import { beforeWrites } from '../wire/turn-end.ts';
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
  /** Will be said within half a second, unless something newer is by then. */
  progress(attempt: Attempt, share: number, note: string): void;
  /** Says everything now. */
  flush(): void;
  /** The connection broke: nothing that waits is for the next one. */
  clear(): void;
}

export interface ReportsOptions {
  send(message: Message): void;
  /** Called before outcomes leave: they must be on disk. */
  beforeOutcomes(): void;
  /** Whether tasks wait here for a slot: then nobody is idle until the coordinator hears of an end. */
  hasWork(): boolean;
  clock: Clock;
}

const progressMs = 500;
/** A task that is shorter than this is only `ended`. */
const startDelayMs = 10;
/**
 * While there is other work, an end waits for the next ones so long: a message costs whoever writes it and whoever is
 * woken by it as much as starting a process does. With the last task that waited they are told at once.
 */
const endDelayMs = 3;
/** Outcomes of one message hold at most about so much text, well below what a frame takes. */
const textPerMessage = 1024 * 1024;

export function reports({ send, beforeOutcomes, hasWork, clock }: ReportsOptions): Reports {
  let starts: HeldAttempt[] = [];
  let ends: HeldAttempt[] = [];
  let returns: Attempt[] = [];
  const progress = new Map<string, MessageOf<'progress'>>();
  let cancelStarts: (() => void) | null = null;
  let cancelEnds: (() => void) | null = null;
  let cancelProgress: (() => void) | null = null;
  let scheduled = false;

  /** When everything that came in this turn of the event loop has been handled: one write for all that ended in it. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    beforeWrites(() => {
      scheduled = false;
      if (!hasWork()) flushEnds();
      else cancelEnds ??= clock.after(endDelayMs, flushEnds);
    });
  }

  function flushStarts(): void {
    cancelStarts?.();
    cancelStarts = null;
    const due = starts.filter(isToSay);
    starts = [];
    for (const held of due) held.startSaid = true;
    for (const attempts of chunks(due.map((held) => held.key))) send({ kind: 'started', attempts });
  }

  function flushProgress(): void {
    cancelProgress = null;
    for (const message of progress.values()) send(message);
    progress.clear();
  }

  function flushEnds(): void {
    cancelEnds?.();
    cancelEnds = null;
    const back = returns;
    const due = ends;
    returns = [];
    ends = [];
    for (const attempts of chunks(back)) send({ kind: 'returned', attempts });
    if (due.length === 0) return;
    // With short tasks they would be what the collector copies, for nothing.
    starts = starts.filter(isToSay);
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
      progress.delete(held.id);
      ends.push(held);
      schedule();
    },
    progress(attempt, share, note) {
      const { job, ordinal } = attempt;
      progress.set(attemptId(job, ordinal, attempt.attempt), { kind: 'progress', ...attempt, share, note });
      cancelProgress ??= clock.after(progressMs, flushProgress);
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
      cancelEnds?.();
      cancelEnds = null;
      cancelProgress?.();
      cancelProgress = null;
      starts = [];
      ends = [];
      returns = [];
      progress.clear();
    },
  };
}

/** Of a start. */
function isToSay({ phase, startSaid }: HeldAttempt): boolean {
  return phase === 'running' && !startSaid;
}

function* chunks<T>(rows: T[]): Iterable<T[]> {
  for (let from = 0; from < rows.length; from += limits.rowsPerMessage)
    yield rows.slice(from, from + limits.rowsPerMessage);
}
