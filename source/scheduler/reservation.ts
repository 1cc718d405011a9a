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
  readonly resources: Map<string, number>;
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
      touched.clear();
    },
    of(spec, now) {
      if (made === undefined || (made.spec !== spec && made.needs !== needsOf(spec))) {
        made = { spec, needs: needsOf(spec) };
        index = nodeIndex();
        for (let place = 0; place < state.places.length; place++) rank(place, spec);
      } else for (const place of touched) rank(place, spec);
      made.spec = spec;
      touched.clear();
      const place = index.lowest();
      if (place === -1) return undefined;
      const node = state.places[place] as NodeState;
      const { at, freed } = firstRoom(state, node, spec);
      return { place, at: Math.max(at, now), spare: spareOf(state, node, spec, Math.max(at, now), freed) };
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

/** When there is room for a task on a node, how it stands among others, and how many must have ended by then. */
function firstRoom(
  state: State,
  node: NodeState,
  spec: JobSpec,
): { at: number; rank: number; freed: ReadonlySet<Held> } {
  const freed = new Set<Held>();
  if (full(node, spec, 0) === null) return { at: 0, rank: 0, freed };
  const ends = [...node.held.values()].map((held) => ({ held, end: endOf(state, held) }));
  ends.sort((a, b) => (a.end === b.end ? 0 : a.end - b.end));
  const room = freeRoom(node);
  let deficit = 0;
  for (const { held, end } of ends) {
    freed.add(held);
    give(room, held);
    if (end === Infinity) deficit++;
    if (!fits(room, spec)) continue;
    // Where nobody knows when, the node on which the fewest must end: its reservation holds until they have.
    return { at: end, rank: end === Infinity ? someTime * (1 + deficit / 1e6) : end, freed };
  }
  return { at: Infinity, rank: Infinity, freed };
}

/** What is left beside a task at a time by which everything has ended that should have. */
function spareOf(state: State, node: NodeState, spec: JobSpec, at: number, freed: ReadonlySet<Held>): Room {
  const room = freeRoom(node);
  for (const held of node.held.values())
    if (freed.has(held) || (at < Infinity && endOf(state, held) <= at)) give(room, held);
  room.cpus -= spec.cpus;
  room.memoryBytes -= spec.memoryBytes;
  for (const name in spec.resources)
    room.resources.set(name, (room.resources.get(name) ?? 0) - (spec.resources[name] as number));
  return room;
}

function freeRoom(node: NodeState): Room {
  const { info } = node;
  const resources = new Map(Object.entries(info.resources));
  for (const [name, used] of node.usedResources) resources.set(name, (resources.get(name) ?? 0) - used);
  return { cpus: info.slots - node.usedCpus, memoryBytes: info.memoryTotal - node.usedMemoryBytes, resources };
}

function give(room: Room, { cpus, memoryBytes, resources }: Held): void {
  room.cpus += cpus;
  room.memoryBytes += memoryBytes;
  for (const name in resources) room.resources.set(name, (room.resources.get(name) ?? 0) + (resources[name] as number));
}

function fits({ cpus, memoryBytes, resources }: Room, spec: JobSpec): boolean {
  if (spec.cpus > cpus + epsilon || (spec.memoryBytes > 0 && spec.memoryBytes > memoryBytes)) return false;
  for (const name in spec.resources)
    if ((spec.resources[name] as number) > (resources.get(name) ?? 0) + epsilon) return false;
  return true;
}
