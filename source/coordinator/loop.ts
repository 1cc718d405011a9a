/**
 * The coordinator's loop: what came in during one turn of the event loop is one batch of events, one dispatch, one
 * commit, and then one write per peer. Turns do not wait for commits; what follows from one is told in order: first what
 * may leave when it survives our own end (work for nodes; where it is noted in shared memory that is at once), then what may
 * only when it is durable (whatever is acknowledged).
 */
import type { Commit } from '../journal/commit.ts';
import type { IntentLog } from '../journal/intent-log.ts';
import type { Event } from '../model/event.ts';
import type { Fact } from '../model/fact.ts';
import { liveness } from '../model/limits.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import { endTurn } from '../wire/turn-end.ts';
import type { Clock } from './clock.ts';
import { departures } from './departures.ts';

/** An event before it has its time: the loop stamps it. */
export type Unstamped = Event extends infer E ? (E extends Event ? Omit<E, 'at'> : never) : never;

type Told = (facts: readonly Fact[]) => void;

export interface Loop {
  /** Takes an event; it is handled before this turn of the event loop ends. */
  post(event: Unstamped): void;
  /** As `post`, for what nobody waits for: it may gather for 10 ms with others that come so, unless something does not. */
  gather(event: Unstamped): void;
  /**
   * As `post`; `done` is called with the facts that this event led to, when they are durable; `applied` as soon as they
   * are applied, before anything follows from them.
   */
  ask(event: Unstamped, done: Told, applied?: Told): void;
  /** As `ask`, where nobody is kept waiting until `done`: its facts may gather with others before they are made durable. */
  report(event: Unstamped, done: Told, applied?: Told): void;
  /** Calls `listener` with facts, in order, as soon as they survive the end of this process. */
  onWritten(listener: (facts: readonly Fact[]) => void): void;
  /** Calls `listener` with facts when they are durable, in order, before the `done` of what led to them. */
  onFacts(listener: (facts: readonly Fact[]) => void): void;
  /** Ends ticking and handles nothing more; resolves when what was handled is durable. */
  stop(): Promise<void>;
}

export interface LoopOptions {
  scheduler: Scheduler;
  clock: Clock;
  /**
   * Called with each event and the facts that it led to (which may be none) as soon as they are applied, durable or not: for
   * what is only shown.
   */
  handled(event: Event, facts: readonly Fact[]): void;
  /**
   * Makes facts durable, in the order of the calls; `patient`: a moment later will do. null: they live in memory only and count
   * at once.
   */
  commit: ((facts: readonly Fact[], patient: boolean) => Commit) | null;
  /** Where work is noted that leaves before its commit is written; null: it waits for that. */
  intents?: Pick<IntentLog, 'note' | 'clear'> | null;
  /** A failed commit or a throwing listener: nothing may be acknowledged after it. */
  fatal(error: unknown): void;
}

interface Entry {
  event: Unstamped;
  done?: Told;
  applied?: Told | undefined;
  /** Whether somebody waits for `done`. */
  awaited?: boolean;
}

interface Asked {
  facts: readonly Fact[];
  done: Told;
}

/** With thousands of nodes a heartbeat comes alone more often than not, and a turn costs as much as handling it. */
const gatherMs = 10;

/** Returns a running loop. */
export function startLoop({ scheduler, clock, handled, commit, intents = null, fatal }: LoopOptions): Loop {
  const listeners: { written: Told[]; durable: Told[] } = { written: [], durable: [] };
  let inbox: Entry[] = [];
  let scheduled = false;
  let gathering: NodeJS.Timeout | null = null;
  let stopped = false;
  let facts: Fact[] = [];
  let asked: Asked[] = [];
  let awaited = false;
  let told: Promise<void> = Promise.resolve();
  const departing = departures({
    note: (attempts) => intents?.note(scheduler.state.epoch, attempts) ?? false,
    clear: () => intents?.clear(),
  });
  let failed = false;
  let lastTickAt = clock.now();

  function schedule(): void {
    if (scheduled || stopped) return;
    scheduled = true;
    setImmediate(turn);
  }

  function turn(): void {
    scheduled = false;
    if (gathering !== null) clearTimeout(gathering);
    gathering = null;
    if (stopped || inbox.length === 0) return;
    const batch = inbox;
    inbox = [];
    const at = clock.now();
    for (const entry of batch) {
      const led = handle(entry.event, at);
      entry.applied?.(led);
      if (entry.done === undefined) continue;
      asked.push({ facts: led, done: entry.done });
      if (entry.awaited) awaited = true;
    }
    handle({ kind: 'dispatch' }, at);
    flush();
    endTurn();
  }

  function handle(event: Unstamped, at: number): readonly Fact[] {
    const stamped = event as Event;
    stamped.at = at;
    const led = scheduler.handle(stamped);
    for (const fact of led) facts.push(fact);
    handled(stamped, led);
    return led;
  }

  function flush(): void {
    if (facts.length === 0 && asked.length === 0) return;
    const batch = facts;
    const waiting = asked;
    const patient = !awaited;
    facts = [];
    asked = [];
    awaited = false;
    if (commit === null) {
      tell(listeners.written, batch, []);
      tell(listeners.durable, batch, waiting);
      return;
    }
    const leave = (): void => tell(listeners.written, batch, []);
    const departure = departing.begin(batch, leave);
    // Whoever follows results takes them as they come.
    const { written, durable } = commit(batch, patient && departure.atOnce);
    written.then(departure.written, () => {}); // `durable` fails with it
    if (departure.atOnce) leave();
    told = durable.then(() => tell(listeners.durable, batch, waiting), fail);
  }

  function tell(whom: readonly Told[], batch: readonly Fact[], waiting: readonly Asked[]): void {
    if (failed) return;
    try {
      if (batch.length > 0) for (const listener of whom) listener(batch);
      for (const { facts, done } of waiting) done(facts);
    } catch (error) {
      fail(error);
    }
  }

  function fail(error: unknown): void {
    if (failed) return;
    failed = true;
    stopped = true;
    fatal(error);
  }

  const timer = setInterval(() => {
    const now = clock.now();
    const stalled = now - lastTickAt > liveness.stallMs + liveness.tickMs;
    lastTickAt = now;
    inbox.push({ event: { kind: 'tick', stalled } });
    schedule();
  }, liveness.tickMs);

  return {
    post(event) {
      inbox.push({ event });
      schedule();
    },
    gather(event) {
      inbox.push({ event });
      if (!scheduled && !stopped) gathering ??= setTimeout(turn, gatherMs);
    },
    ask(event, done, applied) {
      inbox.push({ event, done, applied, awaited: true });
      schedule();
    },
    report(event, done, applied) {
      inbox.push({ event, done, applied });
      schedule();
    },
    onWritten: (listener) => void listeners.written.push(listener),
    onFacts: (listener) => void listeners.durable.push(listener),
    async stop() {
      clearInterval(timer);
      turn();
      stopped = true;
      await told;
    },
  };
}
