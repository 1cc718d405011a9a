/** How long to wait before connecting again to a coordinator that is away. */

const backoffMs = 250;

/**
 * The wait before the n-th try (from 0) is a random time up to this, ms. Full jitter: a thousand that lost one coordinator
 * do not come back at once.
 */
export function backoffLimitMs(tries: number, longestMs: number): number {
  return Math.min(longestMs, backoffMs * 2 ** Math.min(tries, 16));
}
