/** What is measured, in Prometheus' words: samples that are read when somebody asks, and counts of durations. */

export interface Sample {
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Counts of durations up to each bound, as Prometheus has them. */
export interface Histogram {
  /** In seconds, ascending; one count more than bounds, the last of what is longer. */
  readonly bounds: readonly number[];
  readonly counts: Float64Array;
  /** In seconds. */
  sum: number;
}

/** One measurement: `lbtop_tasks` with its samples. Names end in their unit, those of counters in `_total`. */
export type Metric =
  | { readonly name: string; readonly help: string; readonly type: 'gauge' | 'counter'; samples(): Iterable<Sample> }
  | { readonly name: string; readonly help: string; readonly type: 'histogram'; histogram(): Histogram };

/** From 1 ms to 3 hours, four bounds a decade: tasks are of every length. */
export const durationBounds: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 10_800,
];

/** Returns a histogram that has counted nothing. */
export function emptyHistogram(bounds: readonly number[] = durationBounds): Histogram {
  return { bounds, counts: new Float64Array(bounds.length + 1), sum: 0 };
}

/** Counts a duration, in ms. */
export function countDuration(histogram: Histogram, ms: number): void {
  const seconds = Math.max(0, ms / 1_000);
  let at = 0;
  while (at < histogram.bounds.length && seconds > (histogram.bounds[at] as number)) at++;
  histogram.counts[at] = (histogram.counts[at] as number) + 1;
  histogram.sum += seconds;
}

/** Returns a measurement that goes up and down. */
export function gauge(name: string, help: string, samples: () => Iterable<Sample>): Metric {
  return { name, help, type: 'gauge', samples };
}

/** Returns a measurement that only grows, for as long as the process lives. */
export function counter(name: string, help: string, samples: () => Iterable<Sample>): Metric {
  return { name, help, type: 'counter', samples };
}

/** Returns a sample a key, with the key as `label`. */
export function byKey(counts: ReadonlyMap<string, number>, label: string): Sample[] {
  return Array.from(counts, ([key, value]) => ({ labels: { [label]: key }, value }));
}

/** Adds to the count of a key. */
export function addTo(counts: Map<string, number>, key: string, count: number): void {
  counts.set(key, (counts.get(key) ?? 0) + count);
}
