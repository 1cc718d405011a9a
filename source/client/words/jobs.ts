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
  ): Column<JobRow> => ({
    title,
    right: true,
    text: (row) => String(row[field]),
  });
  return [
    { title: 'JOB', right: true, text: ({ job }) => String(job) },
    { title: 'STATE', text: ({ state }) => state, colour: ({ state }) => colours[state] },
    number('TASKS', 'tasks'),
    number('QUEUED', 'queued'),
    number('ASSIGNED', 'assigned'),
    number('RUNNING', 'running'),
    number('SUCCEEDED', 'succeeded'),
    { ...number('FAILED', 'failed'), colour: ({ failed }) => (failed > 0 ? 'red' : null) },
    { title: 'OTHER', right: true, text: ({ cancelled, skipped, lost }) => String(cancelled + skipped + lost) },
    { title: 'SUBMITTED', text: ({ submittedAt }) => time(submittedAt, now) },
    { title: 'TOOK', right: true, text: ({ submittedAt, endedAt }) => duration((endedAt ?? now) - submittedAt) },
    { title: 'ETA', right: true, text: ({ etaMs }) => duration(etaMs) },
    { title: 'NAME', text: ({ name }) => name },
  ];
}
