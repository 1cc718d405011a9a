import type { Policy } from './policy.ts';

/** The fewest tasks per slot. */
export const fewestRunning: Policy = {
  name: 'fewest-running',
  choice: 'lowest',
  rank: (node) => node.usedCpus / node.info.slots,
};
