import type { Policy } from './policy.ts';

/** Any, by lot. */
export const random: Policy = { name: 'random', choice: 'any', rank: () => 0 };
