import { estimatedLoad } from '../room.ts';
import type { Policy } from './policy.ts';

/**
 * The lowest load relative to the node's size: CPU as last reported, less what has ended, plus what was placed since.
 * Without that correction every report would draw all work to the node that looked idle in it.
 */
export const leastLoad: Policy = { name: 'least-load', choice: 'lowest', rank: estimatedLoad };
