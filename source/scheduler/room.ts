/** The room that attempts take on a node: CPUs (slots), memory, named resources; and what of it the last report counted. */
import { attemptId } from '../model/node.ts';
import type { Held, NodeState } from './state.ts';

/**
 * Sums of fractions drift with the order of adding; on this grid they do not, so that an account kept for weeks equals
 * one made anew from what is held.
 */
const grid = 1e6;

/** Returns the sum of two amounts of room. */
export function addRoom(a: number, b: number): number {
  return Math.round((a + b) * grid) / grid;
}

/** Takes room for an attempt. One that the node holds already is replaced. */
export function holdRoom(node: NodeState, held: Held): void {
  const id = attemptId(held.job, held.ordinal, held.attempt);
  if (node.held.has(id)) releaseRoom(node, id);
  node.held.set(id, held);
  // One that went on after all, on a node that had been taken for empty.
  node.drained = false;
  node.usedCpus = addRoom(node.usedCpus, held.cpus);
  node.usedMemoryBytes = addRoom(node.usedMemoryBytes, held.memoryBytes);
  for (const name in held.resources) countResource(node, name, held.resources[name] as number);
  if (held.number > node.seen) node.unseenCpus = addRoom(node.unseenCpus, held.cpus);
  if (held.startedAt === null) node.assigned++;
  else node.running++;
}

/** Frees the room of an attempt; returns what was held, or undefined where the node did not hold it. */
export function releaseRoom(node: NodeState, id: string): Held | undefined {
  const held = node.held.get(id);
  if (held === undefined) return undefined;
  node.held.delete(id);
  node.usedCpus = addRoom(node.usedCpus, -held.cpus);
  node.usedMemoryBytes = addRoom(node.usedMemoryBytes, -held.memoryBytes);
  for (const name in held.resources) countResource(node, name, -(held.resources[name] as number));
  if (held.number > node.seen) node.unseenCpus = addRoom(node.unseenCpus, -held.cpus);
  else node.endedCpus = addRoom(node.endedCpus, held.cpus);
  if (held.startedAt === null) node.assigned--;
  else node.running--;
  return held;
}

function countResource(node: NodeState, name: string, amount: number): void {
  const used = addRoom(node.usedResources.get(name) ?? 0, amount);
  if (used === 0) node.usedResources.delete(name);
  else node.usedResources.set(name, used);
}

/** Frees everything. */
export function releaseAll(node: NodeState): void {
  for (const id of [...node.held.keys()]) releaseRoom(node, id);
}

/** Recounts what the newest sample saw; called when one has come. */
export function countSampled(node: NodeState): void {
  let unseen = 0;
  let seen = 0;
  for (const held of node.held.values()) {
    if (held.number > node.seen) unseen = addRoom(unseen, held.cpus);
    else seen = addRoom(seen, held.cpus);
  }
  node.unseenCpus = unseen;
  node.sampledCpus = seen;
  node.endedCpus = 0;
}

/**
 * CPU in percent that the node would report now of what its last report counted: the share of our tasks that have ended
 * since is taken off. 0 where it has not reported.
 */
export function projectedCpu(node: NodeState): number {
  const { sample } = node;
  if (sample === null) return 0;
  if (node.endedCpus <= 0 || node.sampledCpus <= 0) return sample.cpu;
  return Math.max(0, sample.cpu - sample.cpuOurs * Math.min(1, node.endedCpus / node.sampledCpus));
}

/**
 * The load of a node as a share of its size: what it reported, of its CPU and of tasks that wait there for a slot, less
 * what has ended, plus what was placed there since. May exceed 1.
 */
export function estimatedLoad(node: NodeState): number {
  const { sample, endedCpus, sampledCpus } = node;
  const { cores } = node.info;
  if (sample === null) return node.unseenCpus / cores;
  const left = sampledCpus > 0 ? 1 - Math.min(1, Math.max(0, endedCpus / sampledCpus)) : 1;
  const queue = Math.min(sample.waiting, sampledCpus) / cores;
  return (
    Math.max(0, sample.cpu - sample.cpuOurs) / 100 + (sample.cpuOurs / 100 + queue) * left + node.unseenCpus / cores
  );
}
