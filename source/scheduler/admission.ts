/** Who may be used. Policies only rank those whom admission lets through. */
import { isBuiltIn, type JobSpec } from '../model/job.ts';
import type { JobRecord, NodeState, State } from './state.ts';

/** Amounts that differ by less than this are the same: sums of fractions are not exact. */
const epsilon = 1e-6;

/** A job's tasks are short where they took less than this on average: then one more a slot may wait at the node. */
const shortMs = 1_000;

/** Returns why the node takes nothing new at all, or null where it does. */
export function closedFor(node: NodeState): string | null {
  if (node.health === 'lost' || node.health === 'left') return node.health;
  if (!node.connected || node.health === 'suspect') return 'suspect';
  if (node.intent === 'paused') return 'paused';
  if (node.intent === 'draining') return node.drained ? 'drained' : 'draining';
  if (node.overloaded) return 'overloaded';
  return null;
}

/** Returns whether the node could take tasks of this job if it had nothing else to do. */
export function mightTake(node: NodeState, spec: JobSpec): boolean {
  const there = node.health === 'up' || node.health === 'suspect';
  return there && node.intent === 'active' && lacks(node, spec) === null;
}

/** CPU percentage above which the node takes nothing new. */
export function cpuLimitOf(state: State, node: NodeState): number {
  return node.info.cpuLimit ?? state.cpuLimit;
}

/** Returns what the node lacks for any task of this job, busy or not; null where it has all. */
export function lacks(node: NodeState, spec: JobSpec): string | null {
  if (spec.cpus > node.info.slots) return 'slots';
  if (spec.memoryBytes > node.info.memoryTotal) return 'memory';
  for (const name in spec.resources)
    if ((spec.resources[name] as number) > (node.info.resources[name] ?? 0)) return name;
  return lacksName(node, spec);
}

/** Returns which label, resource or handler the node does not have at all; null where it has those that the job names. */
export function lacksName(node: NodeState, spec: JobSpec): string | null {
  for (const name in spec.resources) if (!(name in node.info.resources)) return name;
  for (const key in spec.labels)
    if (node.info.labels[key] !== spec.labels[key]) return `label ${key}=${spec.labels[key]}`;
  if (spec.direct && node.info.listen === null) return 'an address for direct calls';
  const handler = handlerOf(spec);
  return handler !== null && !node.info.handlers.includes(handler) ? `handler ${handler}` : null;
}

/** Returns the name of the JavaScript handler that the job needs; null for commands and built-in tasks. */
export function handlerOf({ work }: JobSpec): string | null {
  return work.kind === 'task' && !isBuiltIn(work.task) ? work.task : null;
}

/** Returns what of the node is taken so that a task of this job must wait; null where there is room now. */
export function full(node: NodeState, spec: JobSpec, aheadSlots: number): string | null {
  if (node.usedCpus + spec.cpus > node.info.slots + aheadSlots + epsilon) return 'slots';
  if (spec.memoryBytes > 0 && node.usedMemoryBytes + spec.memoryBytes > node.info.memoryTotal) return 'memory';
  for (const name in spec.resources) {
    const used = node.usedResources.get(name) ?? 0;
    if (used + (spec.resources[name] as number) > (node.info.resources[name] ?? 0) + epsilon) return name;
  }
  return null;
}

/**
 * Returns whether tasks of this job may wait at a node for a slot to get free: only where they are known to be short,
 * so that the wait is too; long ones wait at the coordinator, where they can still go to whoever is free first.
 */
export function mayWaitAtNode(job: JobRecord): boolean {
  return job.ranCount > 0 && job.ranMs < shortMs * job.ranCount;
}
