/** A place in a trace and the state there: goes on fact by fact, and anywhere through the keyframes. */
import { type Fact, isLasting } from '../model/fact.ts';
import { apply } from '../scheduler/apply.ts';
import { emptyState, type State } from '../scheduler/state.ts';
import { emptySeries, observe, type Series } from '../view/series.ts';
import type { KeyframeAt } from './trace-index.ts';
import type { Trace, TraceItem } from './trace-reader.ts';

export interface Cursor {
  /** As they are here; going anywhere may replace them. */
  readonly state: State;
  readonly series: Series;
  /** The instant of the last fact that was applied; before the first one, the beginning. */
  readonly at: number;
  /** Facts and events up to here. */
  readonly facts: number;
  readonly events: number;
  /** True where nothing follows. */
  readonly ended: boolean;
  /**
   * Applies what comes up to that instant, at most about so many facts; returns false where it ended for that reason.
   * Goes only forward.
   */
  advance(until: number, mostFacts?: number): boolean;
  /** Applies the next event and what comes before it. Returns false where there is none. */
  nextEvent(): boolean;
  /** Goes to the state at an instant: after all facts up to it. */
  goTo(at: number): void;
  /** Goes to the state after so many events. */
  goToEvent(events: number): void;
}

/** Returns a cursor at the beginning of the trace. */
export function cursorOf(trace: Trace): Cursor {
  let state = emptyState();
  let series = emptySeries();
  let at = trace.from;
  let facts = 0;
  let events = 0;
  let items: Iterator<TraceItem> = trace.items();
  let batch: readonly Fact[] = [];
  let next = 0;
  /** Of the block that the batch is of. */
  let offset = 0;
  let ended = false;
  /** A state behind a gap: until its instant the one before the gap is what is known. */
  let beyond: TraceItem | null = null;

  /** Returns the next fact without applying it; null at the end, and where what follows is beyond that instant. */
  function peek(until = Number.POSITIVE_INFINITY): Fact | null {
    while (next >= batch.length) {
      const result = beyond === null ? items.next() : { value: beyond };
      beyond = null;
      if (result.done) {
        ended = true;
        return null;
      }
      const item = result.value;
      ({ facts, events } = item.before);
      if (item.kind === 'state') {
        if (item.at > until) {
          beyond = item;
          return null;
        }
        state = item.restored.state;
        series = item.restored.series ?? emptySeries();
        if (item.at > at) at = item.at;
      }
      batch = item.kind === 'facts' ? item.facts : [];
      if (item.kind === 'facts') offset = item.block.offset;
      next = 0;
    }
    return batch[next] as Fact;
  }

  function applyNext(fact: Fact): void {
    next++;
    try {
      apply(state, fact);
      observe(series, state, fact);
    } catch (error) {
      // A coordinator never says such a fact; whoever made this file did. Its other facts may be seen all the same.
      trace.note(offset, error);
    }
    // Clocks of whoever wrote this may have gone back: time here does not.
    if (fact.at > at) at = fact.at;
    facts++;
    if (isLasting(fact)) events++;
  }

  function advance(until: number, mostFacts = Number.POSITIVE_INFINITY): boolean {
    let left = mostFacts;
    for (let fact = peek(until); fact !== null && fact.at <= until; fact = peek(until)) {
      if (left-- <= 0) return false;
      applyNext(fact);
    }
    return true;
  }

  /** Begins anew at the last keyframe that is not beyond, if that is nearer than going on from here. */
  function approach(isBeyond: (keyframe: KeyframeAt) => boolean, behind: boolean): void {
    let nearest = trace.lastKeyframe(isBeyond);
    if (!behind && (nearest?.facts ?? 0) <= facts) return;
    for (;;) {
      begin(nearest);
      // A damaged keyframe gives nothing to begin with: the one before leads through it.
      if (nearest === undefined || facts <= nearest.facts) return;
      const { offset } = nearest;
      nearest = trace.lastKeyframe((keyframe) => keyframe.offset >= offset);
    }
  }

  function begin(keyframe: KeyframeAt | undefined): void {
    state = emptyState();
    series = emptySeries();
    at = Math.max(trace.from, keyframe?.at ?? 0);
    facts = keyframe?.facts ?? 0;
    events = keyframe?.events ?? 0;
    items = trace.items(keyframe);
    batch = [];
    next = 0;
    ended = false;
    beyond = null;
    peek(at);
  }

  return {
    get state() {
      return state;
    },
    get series() {
      return series;
    },
    get at() {
      return at;
    },
    get facts() {
      return facts;
    },
    get events() {
      return events;
    },
    get ended() {
      return ended;
    },
    advance,
    nextEvent() {
      const before = events;
      for (let fact = peek(); fact !== null; fact = peek()) {
        applyNext(fact);
        if (isLasting(fact)) return true;
      }
      return events > before;
    },
    goTo(instant) {
      approach((keyframe) => keyframe.at > instant, instant < at);
      advance(instant);
    },
    goToEvent(wanted) {
      approach((keyframe) => keyframe.events > wanted, wanted < events);
      while (events < wanted) {
        const fact = peek();
        if (fact === null) return;
        applyNext(fact);
      }
    },
  };
}
