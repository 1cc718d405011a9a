/** How work arrives and how long it takes, as it is written on the command line; and how it is drawn. */
import { LbtopError } from '../model/errors.ts';
import type { Random } from './random.ts';

/** Times between arrivals. `batch`: all at the beginning. */
export type Arrivals = { kind: 'poisson' | 'constant'; perSecond: number } | { kind: 'batch' };

/** Durations at speed 1, in ms. */
export type Service =
  | { kind: 'exp' | 'constant'; meanMs: number }
  /** Pareto's law with this exponent, cut at the longest; the mean is that after the cut. */
  | { kind: 'pareto'; meanMs: number; alpha: number; maxMs: number };

/** `poisson:8`, `constant:8`, `batch`. Throws LbtopError (usage). */
export function parseArrivals(text: string): Arrivals {
  const [kind, ...numbers] = parts(text);
  const [perSecond] = numbers;
  if (kind === 'batch' && numbers.length === 0) return { kind };
  if ((kind === 'poisson' || kind === 'constant') && numbers.length === 1 && positive(perSecond))
    return { kind, perSecond };
  throw new LbtopError(
    'usage',
    `--arrivals: expected poisson:RATE, constant:RATE (tasks a second) or batch, got ${JSON.stringify(text)}`,
  );
}

/** `exp:1`, `constant:1`, `pareto:1,1.5,1000`, in seconds. Throws LbtopError (usage). */
export function parseService(text: string): Service {
  const [kind, ...numbers] = parts(text);
  const [mean, alpha, max] = numbers;
  if ((kind === 'exp' || kind === 'constant') && numbers.length === 1 && positive(mean))
    return { kind, meanMs: mean * 1_000 };
  if (kind === 'pareto' && numbers.length === 3 && positive(mean) && positive(alpha) && positive(max) && max > mean)
    return { kind, meanMs: mean * 1_000, alpha, maxMs: max * 1_000 };
  throw new LbtopError(
    'usage',
    `--service: expected exp:MEAN, constant:MEAN or pareto:MEAN,ALPHA,MAX (seconds, MAX above MEAN), got ${JSON.stringify(text)}`,
  );
}

/** Returns what draws the time from one arrival to the next, in ms. */
export function arrivalSource(arrivals: Arrivals, random: Random): () => number {
  switch (arrivals.kind) {
    case 'batch':
      return () => 0;
    case 'constant':
      return () => 1_000 / arrivals.perSecond;
    case 'poisson':
      return () => random.exponential(1_000 / arrivals.perSecond);
  }
}

/** Returns what draws durations at speed 1, in ms. */
export function serviceSource(service: Service, random: Random): () => number {
  switch (service.kind) {
    case 'constant':
      return () => service.meanMs;
    case 'exp':
      return () => random.exponential(service.meanMs);
    case 'pareto': {
      const { alpha, maxMs } = service;
      const leastMs = paretoLeast(service);
      return () => Math.min(maxMs, leastMs * (1 - random.unit()) ** (-1 / alpha));
    }
  }
}

/** The shortest duration with which Pareto's law, cut at the longest, has its mean. */
function paretoLeast({ meanMs, alpha, maxMs }: { meanMs: number; alpha: number; maxMs: number }): number {
  // The mean of min(X, max) grows with the shortest X: halving finds it, whatever the exponent.
  const meanWith = (least: number) =>
    alpha === 1
      ? least * (1 + Math.log(maxMs / least))
      : (least * alpha - maxMs * (least / maxMs) ** alpha) / (alpha - 1);
  let low = 0;
  let high = meanMs;
  for (let halvings = 0; halvings < 200; halvings++) {
    const middle = (low + high) / 2;
    if (meanWith(middle) < meanMs) low = middle;
    else high = middle;
  }
  return high;
}

function parts(text: string): [kind: string, ...numbers: number[]] {
  const at = text.indexOf(':');
  if (at === -1) return [text];
  return [
    text.slice(0, at),
    ...text
      .slice(at + 1)
      .split(',')
      .map((one) => (one.trim() === '' ? Number.NaN : Number(one))),
  ];
}

function positive(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value) && value > 0;
}
