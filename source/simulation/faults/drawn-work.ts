/** What a seed has its users submit, and how long that takes. */
import { type JobSpec, jobSpec } from '../../model/job.ts';
import type { Attempt } from '../../model/node.ts';
import { type Random, randomStream } from '../random.ts';

export interface AttemptWork {
  /** At full speed. */
  readonly runMs: number;
  /** It takes its node down. */
  readonly poison: boolean;
}

/** Returns what says how long an attempt takes: always the same for the same. `poison`: jobs that take nodes down. */
export function workSource(seed: number, poison: ReadonlySet<number>): (attempt: Attempt) => AttemptWork {
  return ({ job, ordinal }) => {
    const one = randomStream(seed, 1_000_000 + job * 1_000 + ordinal);
    const runMs = one.chance(0.2) ? one.exponential(15_000) : one.exponential(1_000);
    // One that takes its node down before anybody can know that it began is never blamed, and goes round for ever.
    return poison.has(job) ? { runMs: 1_000 + runMs, poison: true } : { runMs, poison: false };
  };
}

/** Draws a submission; `jobs` are those that it may wait for. */
export function drawSpec(random: Random, jobs: readonly number[]): JobSpec {
  return jobSpec({
    work: { kind: 'command', argv: ['simulated'], shell: false, task: '', input: null },
    span: { count: 1 + random.below(random.chance(0.2) ? 20 : 4), first: 0, step: 1 },
    priority: random.below(3),
    cpus: random.pick([1, 1, 1, 0.5, 2, 5]),
    retries: random.below(3),
    backoffMs: random.pick([0, 300, 2_000]),
    noRetry: random.chance(0.2),
    memoryBytes: random.pick([0, 0, 3_000]),
    labels: random.chance(0.2) ? { disk: 'ssd' } : {},
    resources: random.chance(0.2) ? { gpu: 1 } : {},
    timeoutMs: random.chance(0.5) ? 1_000 + random.exponential(10_000) : null,
    after: jobs.length > 0 && random.chance(0.2) ? [random.pick(jobs)] : [],
    maxFails: random.chance(0.1) ? 0 : null,
    limit: random.chance(0.2) ? 1 + random.below(3) : null,
    key: random.chance(0.1) ? `k${random.below(5)}` : null,
  });
}
