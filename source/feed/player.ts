/** The feed of a trace: the windows of a session as it was, and the means to move in its time. */
import type { Look } from '../view/look.ts';
import { selectWindow } from '../view/window.ts';
import { explainRecorded } from './explain-recording.ts';
import type { Feed, FeedListener, Incident, TimeControl, TimeState } from './feed.ts';
import { openRecording } from './recording.ts';
import { cursorOf } from './trace-cursor.ts';
import { thinned } from './trace-incident.ts';
import { notesOf } from './trace-notes.ts';
import type { Trace } from './trace-reader.ts';

/** What a player needs of time. */
export interface PlayerClock {
  /** ms; only differences count. */
  now(): number;
  /** Calls back every so many ms until what it returned is called. */
  every(ms: number, call: () => void): () => void;
  /** Calls back once, soon. */
  soon(call: () => void): void;
}

export interface PlayerOptions {
  /** Windows a second while it plays. */
  rateHz?: number;
  /** For tests. */
  clock?: PlayerClock;
}

export interface Player extends Feed {
  readonly time: TimeControl;
  /** What is not as it was recorded, a line each: gaps, damage, an end that is missing. */
  notes(): string[];
}

const slowest = 1 / 8;
const fastest = 64;
/** Facts folded in one tick while it plays: a session denser than that plays slower than asked for. */
const factsPerTick = 40_000;
const barIncidents = 2_000;

const realClock: PlayerClock = {
  now: () => performance.now(),
  every(ms, call) {
    const timer = setInterval(call, ms);
    return () => clearInterval(timer);
  },
  soon: (call) => void setImmediate(call),
};

/**
 * Opens a trace or a data directory for replay, or takes a trace that is open, which the player then closes. Rejects with
 * LbtopError where it cannot be read.
 */
export async function openPlayer(
  source: string | Trace,
  { rateHz = 10, clock = realClock }: PlayerOptions = {},
): Promise<Player> {
  const trace = typeof source === 'string' ? await openRecording(source) : source;
  const cursor = cursorOf(trace);
  const bar = thinned(trace.incidents, barIncidents);
  const jumps = trace.incidents.filter(({ kind }) => kind !== 'joined');
  let listener: FeedListener | null = null;
  let look: Look | null = null;
  let at = trace.from;
  let playing = false;
  let speed = 1;
  let tickedAt = 0;
  let stopTimer: (() => void) | null = null;
  let isDue = false;
  /** Where to go before the next window: several wishes of one turn are one. */
  let wanted: number | null = trace.from;

  function state(): TimeState {
    return {
      at,
      from: trace.from,
      to: trace.to,
      playing,
      speed,
      event: cursor.events,
      events: trace.events,
      live: false,
    };
  }

  function show(): void {
    if (listener === null || look === null) return;
    arrive();
    listener.window(selectWindow(cursor.state, cursor.series, at, look));
    listener?.time?.(state());
  }

  function showSoon(): void {
    if (isDue) return;
    isDue = true;
    clock.soon(() => {
      isDue = false;
      show();
    });
  }

  /** The first time takes several times as long as all others: better now than after a key. */
  function warmUp(): void {
    const last = trace.keyframes.at(-1);
    if (listener !== null && last !== undefined) trace.items(last).next();
  }

  function arrive(): void {
    if (wanted === null) return;
    cursor.goTo(wanted);
    wanted = null;
  }

  function tick(): void {
    const now = clock.now();
    const passed = Math.max(0, now - tickedAt) * speed;
    tickedAt = now;
    if (!playing) return;
    arrive();
    const goal = Math.min(trace.to, at + passed);
    at = cursor.advance(goal, factsPerTick) ? goal : Math.max(at, cursor.at);
    if (at >= trace.to) stop();
    show();
  }

  function play(): void {
    if (at >= trace.to) seek(trace.from);
    playing = true;
    tickedAt = clock.now();
    stopTimer ??= clock.every(1_000 / rateHz, tick);
  }

  function stop(): void {
    playing = false;
    stopTimer?.();
    stopTimer = null;
  }

  function seek(instant: number): void {
    at = Math.min(trace.to, Math.max(trace.from, instant));
    wanted = at;
    showSoon();
  }

  const time: TimeControl = {
    state,
    incidents: (): readonly Incident[] => bar,
    toggle() {
      if (playing) stop();
      else play();
      showSoon();
    },
    seek,
    faster(factor) {
      speed = Math.min(fastest, Math.max(slowest, speed * factor));
      showSoon();
    },
    step(direction) {
      stop();
      arrive();
      if (direction === 1) cursor.nextEvent();
      else cursor.goToEvent(Math.max(0, cursor.events - 1));
      at = Math.min(trace.to, cursor.at);
      showSoon();
    },
    jump(direction) {
      const found =
        direction === 1 ? jumps.find((incident) => incident.at > at) : jumps.findLast((incident) => incident.at < at);
      if (found !== undefined) seek(found.at);
    },
  };

  return {
    open(first, to) {
      look = first;
      listener = to;
      listener.connection({ state: 'live' });
      showSoon();
      clock.soon(warmUp);
    },
    look(next) {
      look = next;
      showSoon();
    },
    time,
    async explain(job, index) {
      arrive();
      return explainRecorded(trace, cursor.state, at, { job, index });
    },
    notes: () => notesOf(trace),
    close() {
      stop();
      listener = null;
      trace.close();
    },
  };
}
