/** How a stream goes on over another connection where it ended on one that was lost: without a gap, and nothing twice. */
import { LbtopError } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import type { EventLine, ResultRow } from '../model/report.ts';
import type { LogPlace, VerbArgs, VerbGives, VerbName } from '../wire/verbs.ts';

/** What is left of one stream. */
interface Rest<A, T> {
  /** What to ask for now. */
  args(): A;
  /** Returns what of an item is new; null: nothing. Binary parts are not kept. */
  fresh(item: T): T | null;
}

type Resumable = 'wait' | 'follow' | 'logs' | 'events' | 'tickets';

/** Returns the whole of a stream; null where it cannot go on elsewhere. */
export function restOf<V extends VerbName>(verb: V, args: VerbArgs<V>): Rest<VerbArgs<V>, VerbGives<V>> | null {
  if (!Object.hasOwn(rests, verb)) return null;
  const begin = rests[verb as Resumable] as unknown as (args: VerbArgs<V>) => Rest<VerbArgs<V>, VerbGives<V>>;
  return begin(args);
}

const rests: { [V in Resumable]: (args: VerbArgs<V>) => Rest<VerbArgs<V>, VerbGives<V>> } = {
  wait: asBefore, // its rows tell all that there is
  tickets: asBefore, // an attempt gets one ticket
  logs: restOfLogs,
  follow: ({ job, order, from }) => (order === 'index' ? inOrder(job, from) : asTheyEnd(job)),
  events: restOfEvents,
};

function asBefore<A, T>(args: A): Rest<A, T> {
  return { args: () => args, fresh: (item) => item };
}

/** The coordinator knows the way from a place. */
function restOfLogs(args: VerbArgs<'logs'>): Rest<VerbArgs<'logs'>, VerbGives<'logs'>> {
  let from: LogPlace | null = args.from;
  return {
    args() {
      // Older ones do not say where they are.
      if (from?.attempt === 0)
        throw new LbtopError('unreachable', 'the coordinator went away, and is too old to go on with its logs');
      return { ...args, from };
    },
    fresh(piece) {
      const { index, attempt } = piece;
      const here = from?.index === index && from.attempt === attempt;
      const at = here && from !== null ? from : { stdout: 0, stderr: 0, stdoutCut: false, stderrCut: false };
      const told = piece.cut > 0;
      from =
        piece.stream === 1
          ? { ...at, index, attempt, stdout: piece.next, stdoutCut: at.stdoutCut || told }
          : { ...at, index, attempt, stderr: piece.next, stderrCut: at.stderrCut || told };
      return piece;
    },
  };
}

/** So many have come: the rest are those after them. */
function inOrder(job: number, from: number): Rest<VerbArgs<'follow'>, ResultRow[]> {
  let count = from;
  return {
    args: () => ({ job, order: 'index', from: count }),
    fresh(rows) {
      count += rows.length;
      return rows;
    },
  };
}

function asTheyEnd(job: number): Rest<VerbArgs<'follow'>, ResultRow[]> {
  const come = numberSet();
  return {
    args: () => ({ job, order: 'end', from: 0 }),
    fresh(rows) {
      const fresh = rows.filter(({ index }) => come.add(index));
      return fresh.length === 0 ? null : fresh;
    },
  };
}

/** Where most numbers up to some are in it, as of a job's tasks, it takes a bit or so of each. */
function numberSet(): { add(number: number): boolean } {
  const blocks = new Map<number, number>();
  return {
    /** Answers whether it was not there. */
    add(number) {
      const block = Math.floor(number / 32);
      const bit = 1 << (number % 32);
      const before = blocks.get(block) ?? 0;
      if ((before & bit) !== 0) return false;
      blocks.set(block, before | bit);
      return true;
    },
  };
}

/**
 * Events have no number, and a coordinator's clock never goes back, not over its restarts either: new is what is later than
 * the last one, and of its own instant what has not come as often.
 */
function restOfEvents(args: VerbArgs<'events'>): Rest<VerbArgs<'events'>, EventLine> {
  let lastAt = Number.NEGATIVE_INFINITY;
  let atLast: string[] = [];
  let known: string[] = [];
  return {
    args() {
      known = [...atLast];
      return lastAt === Number.NEGATIVE_INFINITY ? args : { ...args, last: limits.eventsKept };
    },
    fresh(event) {
      if (event.at < lastAt) return null;
      const text = JSON.stringify(event);
      const again = event.at === lastAt ? known.indexOf(text) : -1;
      if (again >= 0) {
        known.splice(again, 1);
        return null;
      }
      if (event.at > lastAt) atLast = [];
      lastAt = event.at;
      atLast.push(text);
      return event;
    },
  };
}
