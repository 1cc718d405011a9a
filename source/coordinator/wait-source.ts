import type { JobRow } from '../model/report.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import { jobRow } from '../view/report.ts';
import type { Clock } from './clock.ts';
import type { JobWatch } from './job-watch.ts';
import { finished, pending, type Source } from './source.ts';

/** How often rows are told again while the jobs go on. */
const everyMs = 500;
/** Jobs that end this soon are told of once: between a submission and its result two more messages would be on the way. */
const firstMs = 10;

/** Rows of jobs: soon, then about twice a second where something changed, and last when all of them have ended. */
export function waitSource(
  jobs: readonly number[],
  { state }: Scheduler,
  clock: Clock,
  watch: JobWatch,
  wake: () => void,
): Source {
  let due = jobs.every((id) => state.jobs.get(id)?.endedAt !== null); // those that are not there have ended too
  let told = '';
  let over = false;
  const tell = (): void => {
    due = true;
    wake();
  };
  let timer = setTimeout(() => {
    tell();
    timer = setInterval(tell, everyMs);
  }, firstMs);
  const unwatch = jobs.map((job) => watch.ended(job, tell));
  return {
    pull() {
      if (over) return finished;
      if (!due) return pending;
      due = false;
      const rows: JobRow[] = [];
      for (const id of jobs) {
        const job = state.jobs.get(id);
        if (job !== undefined) rows.push(jobRow(state, job, clock.now()));
      }
      over = rows.every(({ endedAt }) => endedAt !== null);
      if (over) return rows;
      const text = JSON.stringify(rows);
      if (text === told) return pending;
      told = text;
      return rows;
    },
    close() {
      clearTimeout(timer); // an interval as well
      for (const end of unwatch) end();
    },
  };
}
