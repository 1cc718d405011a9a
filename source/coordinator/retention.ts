/**
 * Old jobs are forgotten, with their output: so long after their end, as Slurm's PurgeJobAfter has it, and the oldest first
 * where the ended jobs have too many tasks together. Neither takes a job that has only just ended.
 */
import type { Fact } from '../model/fact.ts';
import type { State } from '../scheduler/state.ts';
import type { Clock } from './clock.ts';
import type { Loop } from './loop.ts';

export interface RetentionOptions {
  state: State;
  loop: Pick<Loop, 'post' | 'onFacts'>;
  clock: Clock;
  /** Null: however old. */
  purgeAfterMs: number | null;
  /** Tasks of ended jobs that are kept. */
  keepTasks: number;
}

/** Ended jobs of so many tasks are kept where nothing else is said: some 600 MB of memory. */
export const keptTasks = 10_000_000;
/** Somebody may still want to look at it, whatever there is too much of: Slurm's MinJobAge. */
const youngMs = 300_000;
const lookEveryMs = 1_000;
/** At once; the rest a moment later. */
const jobsPerLook = 100;

/** Forgets from now on what is too old or too much. */
export function startRetention({ state, loop, clock, purgeAfterMs, keepTasks }: RetentionOptions): Disposable {
  /** Ended jobs and their tasks, in order of their ends. */
  const ended = new Map<number, number>();
  let tasks = 0;

  function forget(job: number): void {
    tasks -= ended.get(job) ?? 0;
    ended.delete(job);
  }

  function note(job: number): void {
    forget(job);
    const count = state.jobs.get(job)?.spec.span.count;
    if (count === undefined) return;
    ended.set(job, count);
    tasks += count;
  }

  function observe(facts: readonly Fact[]): void {
    for (const fact of facts) {
      if (fact.kind === 'job-ended') note(fact.job);
      else if (fact.kind === 'job-purged') forget(fact.job);
    }
  }

  function look(): void {
    const now = clock.now();
    let left = jobsPerLook;
    for (const id of ended.keys()) {
      if (left-- <= 0) return;
      const endedAt = state.jobs.get(id)?.endedAt ?? null;
      if (endedAt === null) {
        // It runs again; its next end is told.
        forget(id);
        continue;
      }
      const ageMs = now - endedAt;
      const old = purgeAfterMs !== null && ageMs >= purgeAfterMs;
      if (!old && (tasks <= keepTasks || ageMs < youngMs)) return;
      forget(id);
      loop.post({ kind: 'purge', job: id });
    }
  }

  const known = [...state.jobs.values()].filter(({ endedAt }) => endedAt !== null);
  for (const { id } of known.sort((a, b) => (a.endedAt as number) - (b.endedAt as number))) note(id);
  loop.onFacts(observe);
  const timer = setInterval(look, lookEveryMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
