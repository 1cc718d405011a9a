import type { Policy } from './policy.ts';

/** The first in order of joining. */
export const first: Policy = { name: 'first', choice: 'lowest', rank: (node) => node.place };
