import type { Policy } from './policy.ts';

/** So many CPUs of tasks may wait at one node: what is split at once, and what a node holds at most. */
export const partitionDepth = 1_024;

/** Splits a job over the nodes' own queues at once: the shortest queue takes the next task. Moves follow in level.ts. */
export const partition: Policy = {
  name: 'partition',
  choice: 'lowest',
  depthCpus: partitionDepth,
  rank: (node) => node.usedCpus,
};
