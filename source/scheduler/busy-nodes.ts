/**
 * When busy nodes will have a slot again, by what is learned of what runs there: an index for each speed that nodes have.
 * Kept beside the state and made anew from it at any time. While tasks are being placed, those that wait for a busy node
 * claim its slots, so that the next ones see it taken for longer.
 */
import type { JobSpec } from '../model/job.ts';
import { closedFor, lacks } from './admission.ts';
import { remainingMs, speedClass, speedOf } from './learned.ts';
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
  totalSpeed(): number;
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
    const speed = open ? speedOf(state.learned, node.name) * node.info.slots : 0;
    total += speed - (speeds[place] ?? 0);
    speeds[place] = speed;
    const before = classOf[place];
    const after = open ? speedClass(state.learned, node.name) : undefined;
    if (before !== undefined && before !== after) classes.get(before)?.set(place, Infinity);
    classOf[place] = after;
    if (!open || after === undefined) return;
    let index = classes.get(after);
    if (index === undefined) {
      index = nodeIndex();
      classes.set(after, index);
    }
    const busy = node.usedCpus + 1 > node.info.slots;
    index.set(place, busy ? (slotsOf(node, now)[0] ?? Infinity) : Infinity);
  }

  function slotsOf(node: NodeState, now: number): number[] {
    const ends: number[] = [];
    for (const { job, startedAt, assignedAt } of node.held.values()) {
      const spec = state.jobs.get(job)?.spec;
      // The start of short ones is never told on its own.
      const ranMs = Math.max(0, now - (startedAt ?? assignedAt));
      const left = spec === undefined ? null : remainingMs(state.learned, spec, node.name, ranMs);
      if (left !== null) ends.push(now + left);
    }
    return ends.sort((a, b) => a - b);
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
    totalSpeed: () => total,
    soonest(spec, ms, slowest, now) {
      refresh(now);
      let best: Slot | undefined;
      for (const [speed, index] of classes) {
        if (speed <= slowest) continue;
        for (;;) {
          const place = index.search((at) => lacks(state.places[at] as NodeState, spec) === null);
          if (place === -1) break;
          const node = state.places[place] as NodeState;
          const freeAt = claims.get(place)?.[0] ?? slotsOf(node, now)[0] ?? Infinity;
          index.set(place, freeAt);
          // It was to be free earlier: what runs there takes longer than expected.
          if (index.search((at) => lacks(state.places[at] as NodeState, spec) === null) !== place) continue;
          const finishAt = freeAt + ms / speedOf(state.learned, node.name);
          if (best === undefined || finishAt < best.finishAt) best = { place, finishAt };
          break;
        }
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
