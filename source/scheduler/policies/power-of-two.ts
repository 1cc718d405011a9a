import { estimatedLoad } from '../room.ts';
import type { Policy } from './policy.ts';

/** The less loaded of two different nodes drawn by lot (Mitzenmacher, The Power of Two Choices, 1996). */
export const powerOfTwo: Policy = { name: 'power-of-two', choice: 'two', rank: estimatedLoad };
