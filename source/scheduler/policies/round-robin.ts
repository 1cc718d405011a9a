import type { Policy } from './policy.ts';

/** The next in turn, in order of joining, after the node that was chosen last. */
export const roundRobin: Policy = { name: 'round-robin', choice: 'next', rank: (node) => node.place };
