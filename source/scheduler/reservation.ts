/**
 * When the first waiting task will have room, by the estimates of what runs, and where: for the disciplines that let
 * others run ahead of it. Kept beside the state and made anew from it at any time, as the placement is.
 */
import type { JobSpec } from '../model/job.ts';
import { closedFor, full, lacks } from './admission.ts';
import { nodeIndex } from './node-index.ts';
import type { Held, NodeState, State } from './state.ts';

/** Where and when the first task has room. */
export interface Reservation {
  readonly place: number;
  /** Infinity: something must end there first of which nobody said how long it may take. */
  readonly at: number;
  /** What is left at that time beside the first task. */
  readonly spare: Room;
}

interface Room {
  cpus: number;
  memoryBytes: number;
  resources: Map<string, number>;
}

export interface Reservations {
  /** Something of that node has changed. */
  touch(place: number): void;
  /** The state is another. */
  reset(): void;
  /** Returns the reservation of a task that fits nowhere now; undefined where no node that is open could ever take it. */
  of(spec: JobSpec, now: number): Reservation | undefined;
}

/** Amounts that differ by less than this are the same. */
const epsilon = 1e-6;
/** Stands for "nobody knows when" in an index that takes Infinity for "never". */
const someTime = 1e300;

/** Returns whether a task that begins now on the node with the reservation might delay the first one. */
export function delays({ at, spare }: Reservation, spec: JobSpec, now: number): boolean {
  if (spec.timeoutMs !== null && now + spec.timeoutMs <= at) return false;
  return !fits(spare, spec);
}

/** Returns the reservations of a state. */
export function reservations(state: State): Reservations {
  /** Nodes by the time at which the task that the index is made for has room there. */
  let index = nodeIndex();
  let made: { spec: JobSpec; needs: string } | undefined;
  /** The last answer: it holds until something changes at its node, or its time has come. */
  let given: Reservation | undefined;
  const touched = new Set<number>();

  function rank(place: number, spec: JobSpec): void {
    const node = state.places[place];
    const open = node !== undefined && closedFor(node) === null && lacks(node, spec) === null;
    index.set(place, open ? firstRoom(state, node, spec).rank : Infinity);
  }

  return {
    touch: (place) => void (made !== undefined && touched.add(place)),
    reset() {
      made = undefined;
      given = undefined;
      touched.clear();
    },
    of(spec, now) {
      if (made === undefined || (made.spec !== spec && made.needs !== needsOf(spec))) {
        made = { spec, needs: needsOf(spec) };
        index = nodeIndex();
        given = undefined;
        for (let place = 0; place < state.places.length; place++) rank(place, spec);
      } else
        for (const place of touched) {
          if (given?.place === place) given = undefined;
          rank(place, spec);
        }
      made.spec = spec;
      touched.clear();
      const place = index.lowest();
      if (place === -1) return undefined;
      if (given?.place === place && given.at >= now) return given;
      const node = state.places[place] as NodeState;
      const { at, freed } = firstRoom(state, node, spec);
      given = { place, at: Math.max(at, now), spare: spareOf(node, spec, Math.max(at, now), freed) };
      return given;
    },
  };
}

function needsOf({ cpus, memoryBytes, resources, labels, work }: JobSpec): string {
  return JSON.stringify([cpus, memoryBytes, resources, labels, work.kind === 'task' ? work.task : null]);
}

/** By when an attempt has ended: 0 where it is being ended, Infinity where nobody said. */
function endOf(state: State, held: Held): number {
  if (!held.current || held.stopping !== null) return 0;
  const timeoutMs = state.jobs.get(held.job)?.spec.timeoutMs ?? Infinity;
  return (held.startedAt ?? held.assignedAt) + timeoutMs;
}

/** What a node holds, in the order in which it ends, and when: kept for reuse, since nodes are ranked all the time. */
const ending: Held[] = [];
const ends: number[] = [];

/** Fills the two above; returns how many there are. Few are held, and mostly they end in the order in which they began. */
function sortEnds(state: State, node: NodeState): number {
  let count = 0;
  for (const held of node.held.values()) {
    const end = endOf(state, held);
    let at = count++;
    for (; at > 0 && (ends[at - 1] as number) > end; at--) {
      ends[at] = ends[at - 1] as number;
      ending[at] = ending[at - 1] as Held;
    }
    ends[at] = end;
    ending[at] = held;
  }
  return count;
}

/**
 * When there is room for a task on a node, how it stands among others, and how many of `ending` must have ended by then;
 * those are there afterwards.
 */
function firstRoom(state: State, node: NodeState, spec: JobSpec): { at: number; rank: number; freed: number } {
  const count = sortEnds(state, node);
  if (full(node, spec, 0) === null) return { at: 0, rank: 0, freed: 0 };
  const room = freeRoom(node);
  let deficit = 0;
  for (let place = 0; place < count; place++) {
    const end = ends[place] as number;
    give(room, ending[place] as Held);
    if (end === Infinity) deficit++;
    if (!fits(room, spec)) continue;
    // Where nobody knows when, the node on which the fewest must end: its reservation holds until they have.
    return { at: end, rank: end === Infinity ? someTime * (1 + deficit / 1e6) : end, freed: place + 1 };
  }
  return { at: Infinity, rank: Infinity, freed: count };
}

/** What is left beside a task at a time by which everything has ended that should have: of `ending`, at least `freed`. */
function spareOf(node: NodeState, spec: JobSpec, at: number, freed: number): Room {
  const room = freeRoom(node);
  for (let place = 0; place < node.held.size; place++)
    if (place < freed || (at < Infinity && (ends[place] as number) <= at)) give(room, ending[place] as Held);
  room.cpus -= spec.cpus;
  room.memoryBytes -= spec.memoryBytes;
  for (const name in spec.resources) addResource(room, name, -(spec.resources[name] as number));
  return room;
}

function freeRoom({ info, usedCpus, usedMemoryBytes, usedResources }: NodeState): Room {
  const room = { cpus: info.slots - usedCpus, memoryBytes: info.memoryTotal - usedMemoryBytes, resources: noResources };
  for (const name in info.resources) addResource(room, name, info.resources[name] as number);
  for (const [name, used] of usedResources) addResource(room, name, -used);
  return room;
}

/** Most nodes have none, and a map for each look at one costs more than the look. Never changed. */
const noResources = new Map<string, number>();

function addResource(room: Room, name: string, amount: number): void {
  if (room.resources === noResources) room.resources = new Map();
  room.resources.set(name, (room.resources.get(name) ?? 0) + amount);
}

function give(room: Room, { cpus, memoryBytes, resources }: Held): void {
  room.cpus += cpus;
  room.memoryBytes += memoryBytes;
  for (const name in resources) addResource(room, name, resources[name] as number);
}

function fits({ cpus, memoryBytes, resources }: Room, spec: JobSpec): boolean {
  if (spec.cpus > cpus + epsilon || (spec.memoryBytes > 0 && spec.memoryBytes > memoryBytes)) return false;
  for (const name in spec.resources)
    if ((spec.resources[name] as number) > (resources.get(name) ?? 0) + epsilon) return false;
  return true;
}
