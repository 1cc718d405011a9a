/** What a simulated run comes to: the figures of `lbtop simulate`, in seconds. */

/** When each task came, began and ended, in ms of virtual time, in order of arrival. `endedAt` NaN: it never ended. */
export interface Times {
  readonly arrivedAt: Float64Array;
  readonly startedAt: Float64Array;
  readonly endedAt: Float64Array;
  /** Slots that each task takes; null: one. */
  readonly slots: Float64Array | null;
}

/** One row of the answer. Durations in seconds. */
export interface Entry {
  policy: string;
  queue: string;
  tasks: number;
  makespan: number;
  meanWait: number;
  maxWait: number;
  meanResponse: number;
  stderrResponse: number;
  p50Wait: number;
  p99Wait: number;
  meanBoundedSlowdown: number;
  utilization: number;
  seed: number;
  dropped: number;
}

/** Below this, a slowdown says more of the clock than of the queue (Feitelson, Metrics for parallel job scheduling, 2001). */
const shortestRunMs = 10_000;
/** Batches of the standard error: few enough that each is longer than the memory of a busy queue. */
const batches = 32;

/** Returns the figures of a run, without the first `warmup` tasks; makespan and utilization are those of the whole run. */
export function summarise(
  times: Times,
  run: { policy: string; queue: string; slots: number; seed: number; warmup: number; dropped: number },
): Entry {
  const { arrivedAt, startedAt, endedAt, slots } = times;
  const waits: number[] = [];
  const responses: number[] = [];
  let slowdowns = 0;
  let busyMs = 0;
  let firstAt = Infinity;
  let lastAt = -Infinity;
  let failed = 0;
  for (let i = 0; i < arrivedAt.length; i++) {
    const arrived = arrivedAt[i] as number;
    const started = startedAt[i] as number;
    const ended = endedAt[i] as number;
    firstAt = Math.min(firstAt, arrived);
    if (Number.isNaN(ended)) {
      failed++;
      continue;
    }
    lastAt = Math.max(lastAt, ended);
    const ranMs = ended - started;
    busyMs += ranMs * (slots?.[i] ?? 1);
    if (i < run.warmup) continue;
    waits.push(started - arrived);
    responses.push(ended - arrived);
    slowdowns += Math.max(1, (ended - arrived) / Math.max(ranMs, shortestRunMs));
  }
  const count = waits.length;
  const makespanMs = lastAt > firstAt ? lastAt - firstAt : 0;
  const sorted = Float64Array.from(waits).sort();
  const share = (sum: number, of: number) => (of > 0 ? sum / of : 0);
  return {
    policy: run.policy,
    queue: run.queue,
    tasks: count,
    makespan: makespanMs / 1_000,
    meanWait: mean(waits) / 1_000,
    maxWait: quantile(sorted, 1) / 1_000,
    meanResponse: mean(responses) / 1_000,
    stderrResponse: standardError(responses) / 1_000,
    p50Wait: quantile(sorted, 0.5) / 1_000,
    p99Wait: quantile(sorted, 0.99) / 1_000,
    meanBoundedSlowdown: share(slowdowns, count),
    utilization: share(busyMs, run.slots * makespanMs),
    seed: run.seed,
    dropped: run.dropped + failed,
  };
}

/** Returns how many tasks waited, on average, in each of so many equal parts of the run: for a chart. */
export function waitingOverTime({ arrivedAt, startedAt, endedAt }: Times, parts: number): number[] {
  let firstAt = Infinity;
  let lastAt = -Infinity;
  for (let i = 0; i < arrivedAt.length; i++) {
    firstAt = Math.min(firstAt, arrivedAt[i] as number);
    if (endedAt[i] as number) lastAt = Math.max(lastAt, endedAt[i] as number);
  }
  const waiting = new Array<number>(parts).fill(0);
  const partMs = (lastAt - firstAt) / parts;
  if (!(partMs > 0)) return waiting;
  for (let i = 0; i < arrivedAt.length; i++) {
    const from = ((arrivedAt[i] as number) - firstAt) / partMs;
    const to = ((startedAt[i] as number) - firstAt) / partMs;
    for (let part = Math.floor(from); part < Math.min(parts, to); part++)
      waiting[part] = (waiting[part] as number) + Math.min(to, part + 1) - Math.max(from, part);
  }
  return waiting;
}

/**
 * The standard error of the mean of values that depend on those before them: by the means of 32 consecutive batches
 * (Law, Simulation Modeling and Analysis, 9.5.3).
 */
export function standardError(values: readonly number[]): number {
  const size = Math.floor(values.length / batches);
  const groups =
    size < 2 ? values : Array.from({ length: batches }, (_, i) => mean(values.slice(i * size, (i + 1) * size)));
  if (groups.length < 2) return 0;
  const centre = mean(groups);
  const squares = groups.reduce((sum, value) => sum + (value - centre) ** 2, 0);
  return Math.sqrt(squares / (groups.length - 1) / groups.length);
}

function mean(values: readonly number[]): number {
  if (values.length === 0) return 0;
  let sum = 0;
  for (const value of values) sum += value;
  return sum / values.length;
}

/** The smallest value that at least this share of the values does not exceed. */
function quantile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
