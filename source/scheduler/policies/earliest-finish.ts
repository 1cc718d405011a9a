import { expectedMs, speedClass, speedOf } from '../learned.ts';
import { estimatedLoad } from '../room.ts';
import type { Policy } from './policy.ts';

/** Load stays below one step of speed, however high it is. */
const loadOfStep = 1_000;

/**
 * Where the task is expected to end first: on the fastest node that has room, and of equally fast ones on that with the
 * lowest load. Which task is next, and when to wait for a faster node, is in longest-first.ts.
 */
export const earliestFinish: Policy = {
  name: 'earliest-finish',
  choice: 'lowest',
  needsDurations: true,
  rank: (node, { learned }) =>
    -speedClass(learned, node.name) * loadOfStep + Math.min(loadOfStep - 1, estimatedLoad(node)),
  score(node, { learned }, spec) {
    const ms = expectedMs(learned, spec);
    return ms === null ? estimatedLoad(node) : ms / speedOf(learned, node.name);
  },
};
