/**
 * The one door to fast-check. The seed is the same in every run, so that what a change broke is told from what chance found;
 * `FAST_CHECK_SEED=random npm test` (or a number) draws others.
 */
import fc from 'fast-check';

const asked = process.env.FAST_CHECK_SEED;
if (asked !== 'random') fc.configureGlobal({ seed: Number(asked ?? 1) });

export default fc;
export type { Arbitrary } from 'fast-check';
