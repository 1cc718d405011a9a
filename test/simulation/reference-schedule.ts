/**
 * First come first served, EASY and its shortest-first variant (Mu'alem and Feitelson, Utilization, predictability,
 * workloads, and user runtime estimates in scheduling the IBM SP2 with backfilling, 2001) written down as plainly as
 * possible: at each event everything is looked at anew.
 */
import type { LoggedJob } from '../../source/simulation/workload-log.ts';

interface Running {
  job: LoggedJob;
  endsAt: number;
  expectedAt: number;
}

/** Returns when each job starts. */
export function referenceStarts(
  jobs: readonly LoggedJob[],
  slots: number,
  queue: 'fifo' | 'easy' | 'sjbf',
  estimates: 'request' | 'actual',
): number[] {
  const starts = new Map<LoggedJob, number>();
  const estimate = (job: LoggedJob) => (estimates === 'request' ? (job.requestMs ?? job.runMs) : job.runMs);
  const arriving = [...jobs];
  let waiting: LoggedJob[] = [];
  let running: Running[] = [];
  const free = () => slots - running.reduce((sum, { job }) => sum + job.slots, 0);

  function start(job: LoggedJob, at: number): void {
    starts.set(job, at);
    waiting = waiting.filter((other) => other !== job);
    running.push({ job, endsAt: at + job.runMs, expectedAt: at + estimate(job) });
  }

  function schedule(at: number): void {
    for (let head = waiting[0]; head !== undefined && head.slots <= free(); head = waiting[0]) start(head, at);
    if (queue === 'fifo') return;
    for (let started = true; started; ) {
      started = false;
      const [head, ...later] = waiting;
      if (head === undefined) return;
      if (queue === 'sjbf') later.sort((a, b) => estimate(a) - estimate(b) || jobs.indexOf(a) - jobs.indexOf(b));
      // When the head can start, and what is left beside it then.
      let then = free();
      let reservedAt = at;
      for (const { job, expectedAt } of [...running].sort((a, b) => a.expectedAt - b.expectedAt)) {
        if (then >= head.slots && expectedAt > reservedAt) break;
        then += job.slots;
        reservedAt = expectedAt;
      }
      const next = later.find(
        (job) => job.slots <= free() && (at + estimate(job) <= reservedAt || job.slots <= then - head.slots),
      );
      if (next === undefined) continue;
      start(next, at);
      started = true;
    }
  }

  while (arriving.length > 0 || running.length > 0) {
    const [next] = arriving;
    const ending = [...running].sort((a, b) => a.endsAt - b.endsAt || jobs.indexOf(a.job) - jobs.indexOf(b.job))[0];
    if (next !== undefined && (ending === undefined || next.submittedAt <= ending.endsAt)) {
      arriving.shift();
      waiting.push(next);
      schedule(next.submittedAt);
    } else if (ending !== undefined) {
      running = running.filter((other) => other !== ending);
      schedule(ending.endsAt);
    }
  }
  return jobs.map((job) => starts.get(job) ?? Number.NaN);
}
