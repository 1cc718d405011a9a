/**
 * When busy nodes will have a slot again, by what is learned of what runs there: an index for each speed that nodes have.
 * Kept beside the state and made anew from it at any time. While tasks are being placed, those that wait for a busy node
 * claim its slots, so that the next ones see it taken for longer.
 */
import type { JobSpec } from '../model/job.ts';
import { closedFor, lacks } from './admission.ts';
import { durationsKnown, type Histogram, remainingIn, speedClass, speedOf, speedOfClass } from './learned.ts';
import { type NodeIndex, nodeIndex } from './node-index.ts';
import type { NodeState, State } from './state.ts';

/** A busy node that will have a slot, and when a task would be done there. */
export interface Slot {
  readonly place: number;
  readonly finishAt: number;
}

export interface BusyNodes {
  /** Something of that node has changed. */
  touch(place: number): void;
  /** The state is another. */
  reset(): void;
  /** Slots of all open nodes, each counted by its speed. */
  totalSpeed(now: number): number;
  /**
   * Returns where a task that takes `ms` at speed 1 would end first among busy nodes faster than `slowest` (a speed class);
   * undefined where there are none of which that is known.
   */
  soonest(spec: JobSpec, ms: number, slowest: number, now: number): Slot | undefined;
  /** A task waits for that slot. */
  claim(slot: Slot, now: number): void;
  /** Forgets all claims. */
  unclaim(): void;
}

/** However overdue, a task is expected to run for at least this share of the time that it has run. */
const leastLeft = 1 / 16;

/** Returns the busy nodes of a state. */
export function busyNodes(state: State): BusyNodes {
  const classes = new Map<number, NodeIndex>();
  const touched = new Set<number>();
  /** What each place counts for now. */
  const classOf: (number | undefined)[] = [];
  const speeds: number[] = [];
  /** When the slots of claimed nodes are free, by place. */
  const claims = new Map<number, number[]>();
  let made = false;
  let total = 0;

  function rank(place: number, now: number): void {
    const node = state.places[place];
    const open = node !== undefined && closedFor(node) === null;
    const before = classOf[place];
    const after = open ? speedClass(state.learned, node.name) : undefined;
    const speed = open && after !== undefined ? speedOfClass(after) * node.info.slots : 0;
    total += speed - (speeds[place] ?? 0);
    speeds[place] = speed;
    if (before !== undefined && before !== after) classes.get(before)?.set(place, Infinity);
    classOf[place] = after;
    if (!open || after === undefined) return;
    let index = classes.get(after);
    if (index === undefined) {
      index = nodeIndex();
      classes.set(after, index);
    }
    const busy = node.usedCpus + 1 > node.info.slots;
    index.set(place, busy ? firstFree(node, now) : Infinity);
  }

  /** Says when each attempt on a node is expected to end; Infinity where nobody knows. */
  function eachEnd(node: NodeState, now: number, say: (at: number) => void): void {
    const speed = speedOf(state.learned, node.name);
    let job = -1;
    let durations: Histogram | undefined;
    for (const held of node.held.values()) {
      // Neighbours are mostly of one job.
      if (held.job !== job) {
        job = held.job;
        const spec = state.jobs.get(job)?.spec;
        durations = spec === undefined ? undefined : durationsKnown(state.learned, spec);
      }
      // The start of short ones is never told on its own.
      const ranMs = Math.max(0, now - (held.startedAt ?? held.assignedAt));
      const left = durations === undefined ? Infinity : remainingIn(durations, speed, ranMs);
      say(now + Math.max(left, ranMs * leastLeft, 1));
    }
  }

  function firstFree(node: NodeState, now: number): number {
    let first = Infinity;
    eachEnd(node, now, (at) => {
      if (at < first) first = at;
    });
    return first;
  }

  function slotsOf(node: NodeState, now: number): number[] {
    const ends: number[] = [];
    eachEnd(node, now, (at) => ends.push(at));
    return ends.sort((a, b) => a - b);
  }

  /** The node of one speed that has a slot first; -1 where there is none. */
  function firstIn(index: NodeIndex, spec: JobSpec, now: number): number {
    const able = (at: number) => lacks(state.places[at] as NodeState, spec) === null;
    for (;;) {
      const lowest = index.lowest();
      if (lowest === -1) return -1;
      const place = able(lowest) ? lowest : index.search(able);
      if (place === -1 || index.rankOf(place) > now || claims.has(place)) return place;
      // What runs there takes longer than expected: what is expected now?
      index.set(place, firstFree(state.places[place] as NodeState, now));
    }
  }

  function refresh(now: number): void {
    if (!made) for (let place = 0; place < state.places.length; place++) rank(place, now);
    else for (const place of touched) rank(place, now);
    made = true;
    touched.clear();
  }

  return {
    touch: (place) => void (made && touched.add(place)),
    reset() {
      made = false;
      classes.clear();
      touched.clear();
      claims.clear();
      classOf.length = 0;
      speeds.length = 0;
      total = 0;
    },
    totalSpeed(now) {
      refresh(now);
      return total;
    },
    soonest(spec, ms, slowest, now) {
      refresh(now);
      let best: Slot | undefined;
      for (const [speed, index] of classes) {
        if (speed <= slowest) continue;
        const place = firstIn(index, spec, now);
        if (place === -1) continue;
        const finishAt = index.rankOf(place) + ms / speedOfClass(speed);
        if (best === undefined || finishAt < best.finishAt) best = { place, finishAt };
      }
      return best;
    },
    claim({ place, finishAt }, now) {
      const slots = claims.get(place) ?? slotsOf(state.places[place] as NodeState, now);
      claims.set(place, slots);
      slots.shift();
      slots.push(finishAt);
      slots.sort((a, b) => a - b);
      classes.get(classOf[place] as number)?.set(place, slots[0] as number);
    },
    unclaim() {
      for (const place of claims.keys()) touched.add(place);
      claims.clear();
    },
  };
}
