/** Quantiles of durations over the last minutes, in bounded memory: counts in buckets that grow by an eighth of an octave. */

const perOctave = 8;
/** From 2^-4 ms (60 µs) to 2^28 ms (3 days): what lies outside counts as the nearest. */
const lowestOctave = -4;
const buckets = 32 * perOctave;
const slices = 6;
const sliceMs = 30_000;

/** The last 3 minutes, in slices of 30 s. */
export interface Durations {
  readonly counts: Uint32Array;
  /** Number of the newest slice; -1 before the first. */
  newest: number;
}

/** Returns an empty record. */
export function durations(): Durations {
  return { counts: new Uint32Array(slices * buckets), newest: -1 };
}

/** Counts a duration (ms) that was learned at that instant. */
export function note(of: Durations, at: number, ms: number): void {
  const slice = Math.floor(at / sliceMs);
  if (slice > of.newest) {
    // Counted, as in ring.ts: there are instants of which the next slice has the same number.
    const passed = Math.min(slice - of.newest, slices);
    for (let i = 0; i < passed; i++) {
      const start = ((slice - i) % slices) * buckets;
      of.counts.fill(0, start, start + buckets);
    }
    of.newest = slice;
  }
  const place = ms > 0 ? Math.floor((Math.log2(ms) - lowestOctave) * perOctave) : 0;
  const bucket = place < 0 ? 0 : place >= buckets ? buckets - 1 : place;
  const index = (of.newest % slices) * buckets + bucket;
  of.counts[index] = (of.counts[index] as number) + 1;
}

/** Returns the wanted quantiles (0–1) in ms as of `now`, each within 5 %; null where nothing was learned. */
export function quantilesOf(of: Durations, now: number, wanted: readonly number[]): (number | null)[] {
  const merged = new Float64Array(buckets);
  let total = 0;
  const oldest = Math.floor(now / sliceMs) - slices;
  for (let passed = 0; passed < slices; passed++) {
    const slice = of.newest - passed;
    if (slice < 0 || slice <= oldest) break;
    const start = (slice % slices) * buckets;
    for (let i = 0; i < buckets; i++) {
      const count = of.counts[start + i] as number;
      merged[i] = (merged[i] as number) + count;
      total += count;
    }
  }
  return wanted.map((quantile) => {
    if (total === 0) return null;
    let left = Math.max(1, Math.ceil(quantile * total));
    for (let i = 0; i < buckets; i++) {
      left -= merged[i] as number;
      if (left <= 0) return 2 ** ((i + 0.5) / perOctave + lowestOctave);
    }
    return null;
  });
}
