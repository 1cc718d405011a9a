/** Sums and levels over time in a fixed number of buckets: the newest replace the oldest. */

export interface Ring {
  readonly bucketMs: number;
  readonly values: Float64Array;
  /** Number of the newest bucket: its instant divided by `bucketMs`; -1 before the first. */
  newest: number;
}

/** Returns a ring whose buckets are all zero. */
export function ring(bucketMs: number, buckets: number): Ring {
  return { bucketMs, values: new Float64Array(buckets), newest: -1 };
}

/** Makes the bucket of that instant the newest, filling what was passed over; an earlier instant changes nothing. */
export function turn(ring: Ring, at: number, fill: number): void {
  const bucket = Math.floor(at / ring.bucketMs);
  if (bucket <= ring.newest) return;
  const { values } = ring;
  const size = values.length;
  const passed = ring.newest < 0 ? 1 : Math.min(bucket - ring.newest, size);
  // Counted, rather than from bucket to bucket: a recording may tell of instants so late that one more is the same number.
  for (let i = 0; i < passed; i++) values[(bucket - i) % size] = fill;
  ring.newest = bucket;
}

/**
 * Returns the last `count` values up to the bucket of `now`, oldest first; buckets after the newest have `after`,
 * those before the first are zero. The bucket of `now` itself, being incomplete, is left out unless `open`.
 */
export function latest(ring: Ring, now: number, count: number, after: number, open = false): number[] {
  const end = Math.floor(now / ring.bucketMs) - (open ? 0 : 1);
  const size = ring.values.length;
  const out = new Array<number>(count);
  for (let i = 0; i < count; i++) {
    const bucket = end - count + 1 + i;
    if (bucket > ring.newest) out[i] = ring.newest < 0 ? 0 : after;
    else if (bucket <= ring.newest - size || bucket < 0) out[i] = 0;
    else out[i] = ring.values[bucket % size] as number;
  }
  return out;
}

/** Sum of the last `count` complete buckets. */
export function sumOf(ring: Ring, now: number, count: number): number {
  let sum = 0;
  const end = Math.floor(now / ring.bucketMs) - 1;
  const size = ring.values.length;
  for (let i = 0; i < count; i++) {
    const bucket = end - count + 1 + i;
    if (bucket >= 0 && bucket <= ring.newest && bucket > ring.newest - size)
      sum += ring.values[bucket % size] as number;
  }
  return sum;
}
