/**
 * Reads logs of parallel machines in the Standard Workload Format (Chapin et al., Benchmarks and standards for the
 * evaluation of parallel job schedulers, 1999): a line a job, 18 numbers, -1 where nothing is known, `;` before comments.
 */
import { LbtopError } from '../model/errors.ts';
import type { Times } from './statistics.ts';

/** Times in ms since the log began. */
export interface LoggedJob {
  readonly number: number;
  readonly submittedAt: number;
  readonly runMs: number;
  readonly slots: number;
  /** What its user asked for; null: not known. */
  readonly requestMs: number | null;
}

export interface Workload {
  /** In order of submission, at equal times in that of the log. */
  readonly jobs: readonly LoggedJob[];
  /** Left out: they did not run, have no processors, or need more than there are. */
  readonly dropped: number;
}

/** Fields, counted from 0. */
const fields = { number: 0, submit: 1, run: 3, used: 4, asked: 7, request: 8 } as const;

/** Returns the jobs of a log for a machine of so many slots. A run longer than its request is cut to it. Throws LbtopError. */
export function readWorkload(text: string, slots: number): Workload {
  const jobs: LoggedJob[] = [];
  let dropped = 0;
  for (const [at, line] of text.split('\n').entries()) {
    const content = line.split(';', 1)[0]?.trim() ?? '';
    if (content === '') continue;
    const values = content.split(/\s+/).map(Number);
    if (values.length < 5 || values.some(Number.isNaN))
      throw new LbtopError('usage', `--swf: line ${at + 1} is not a job of the Standard Workload Format`);
    const seconds = (field: number) => Math.round((values[field] ?? -1) * 1_000);
    const [asked = -1, used = -1] = [values[fields.asked], values[fields.used]];
    const taken = asked > 0 ? asked : used;
    const ranMs = seconds(fields.run);
    if (ranMs <= 0 || taken <= 0 || taken > slots) {
      dropped++;
      continue;
    }
    const requestMs = seconds(fields.request) > 0 ? seconds(fields.request) : null;
    jobs.push({
      number: values[fields.number] as number,
      submittedAt: seconds(fields.submit),
      runMs: requestMs === null ? ranMs : Math.min(ranMs, requestMs),
      slots: taken,
      requestMs,
    });
  }
  return { jobs: jobs.sort((a, b) => a.submittedAt - b.submittedAt), dropped };
}

/** Returns a schedule as `job,submit,start,end,slots` a line, times in seconds of the log. */
export function scheduleLines(jobs: readonly LoggedJob[], { startedAt, endedAt }: Times): string {
  return jobs
    .map(({ number, submittedAt, slots }, i) =>
      [number, submittedAt / 1_000, (startedAt[i] as number) / 1_000, (endedAt[i] as number) / 1_000, slots].join(','),
    )
    .map((line) => `${line}\n`)
    .join('');
}
