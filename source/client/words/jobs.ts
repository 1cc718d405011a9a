/** `lbtop jobs` */
import type { JobState } from '../../model/job.ts';
import { type JobRow, jobRowShape } from '../../model/report.ts';
import type { Call } from '../call.ts';
import { duration, time } from '../format.ts';
import { jobPages } from '../pages.ts';
import type { Colour, Column } from '../table.ts';
import { showTable } from '../table-word.ts';

const colours: Readonly<Record<JobState, Colour | null>> = {
  queued: 'dim',
  running: 'cyan',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
};

/** Prints all jobs in order of id. */
export function jobs(call: Call): Promise<number> {
  return showTable(call, { columns: columnsAt, shape: jobRowShape, pages: jobPages });
}

function columnsAt(now: number): Column<JobRow>[] {
  const number = (
    title: string,
    field: 'tasks' | 'queued' | 'assigned' | 'running' | 'succeeded' | 'failed',
    spare?: number,
  ): Column<JobRow> => ({
    title,
    ...(spare !== undefined && { spare }),
    right: true,
    text: (row) => String(row[field]),
  });
  return [
    { title: 'JOB', right: true, text: ({ job }) => String(job) },
    { title: 'STATE', text: ({ state }) => state, colour: ({ state }) => colours[state] },
    number('TASKS', 'tasks'),
    number('QUEUED', 'queued', 1),
    number('ASSIGNED', 'assigned', 5),
    number('RUNNING', 'running'),
    number('SUCCEEDED', 'succeeded'),
    { ...number('FAILED', 'failed'), colour: ({ failed }) => (failed > 0 ? 'red' : null) },
    {
      title: 'OTHER',
      spare: 4,
      right: true,
      text: ({ cancelled, skipped, lost }) => String(cancelled + skipped + lost),
    },
    { title: 'SUBMITTED', spare: 3, text: ({ submittedAt }) => time(submittedAt, now) },
    {
      title: 'TOOK',
      spare: 2,
      right: true,
      text: ({ submittedAt, endedAt }) => duration((endedAt ?? now) - submittedAt),
    },
    { title: 'ETA', spare: 0, right: true, text: ({ etaMs }) => duration(etaMs) },
    { title: 'NAME', text: ({ name }) => name },
  ];
}
