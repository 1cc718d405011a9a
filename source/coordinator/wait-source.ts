import type { JobRow } from '../model/report.ts';
import type { Scheduler } from '../scheduler/scheduler.ts';
import { jobRow } from '../view/report.ts';
import type { Clock } from './clock.ts';
import type { JobWatch } from './job-watch.ts';
import { finished, pending, type Source } from './source.ts';

/** How often rows are told again while the jobs go on. */
const everyMs = 500;

/** Rows of jobs: at once, then about twice a second where something changed, and last when all of them have ended. */
export function waitSource(
  jobs: readonly number[],
  { state }: Scheduler,
  clock: Clock,
  watch: JobWatch,
  wake: () => void,
): Source {
  let due = true;
  let told = '';
  let over = false;
  const timer = setInterval(() => {
    due = true;
    wake();
  }, everyMs);
  const unwatch = jobs.map((job) =>
    watch.ended(job, () => {
      due = true;
      wake();
    }),
  );
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
      const text = JSON.stringify(rows);
      if (text === told && !over) return pending;
      told = text;
      return rows;
    },
    close() {
      clearInterval(timer);
      for (const end of unwatch) end();
    },
  };
}
