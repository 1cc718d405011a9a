/** The jobs: how far they are, how they ended. */
import type { ReactNode } from 'react';
import type { JobRow } from '../../model/report.ts';
import { displayText } from '../../view/display-text.ts';
import { clock, compact, elapsed, unknown } from '../../view/format.ts';
import { fixed, joined, vouched } from '../../view/safe-text.ts';
import { Rows } from '../components/rows.tsx';
import { barRow, stateRole } from '../glyphs.ts';
import { type InterfaceState, layoutOf, tableOf, windowHere } from '../interface-state.ts';
import type { Row } from '../line.ts';
import { type Column, longest, tableLines } from '../table.ts';
import type { Role, Theme } from '../theme.ts';

export function JobsScreen({ state, theme }: { state: InterfaceState; theme: Theme }): ReactNode {
  const { tableRows } = layoutOf(state);
  const window = windowHere(state);
  const rows = window?.jobs ?? [];
  const lines = tableLines({
    theme,
    columns: jobColumns(theme, rows, window?.at ?? 0, state.utcOffsetMinutes),
    rows,
    idOf: (job) => String(job.job),
    table: tableOf(state),
    from: window?.top ?? 0,
    matched: window?.matched ?? 0,
    width: state.columns,
    height: tableRows,
    empty:
      window === null
        ? fixed('…')
        : window.total > 0
          ? fixed('no job matches the filter')
          : fixed('no job yet: submit one with  lbtop submit -- COMMAND ARG…'),
  });
  return <Rows theme={theme} lines={lines} width={state.columns} height={tableRows + 1} />;
}

/** Succeeded and failed parts of a job as a bar. */
export function progressBar(theme: Theme, job: JobRow, width: number): Row {
  const bad = job.failed + job.lost + job.cancelled + job.skipped;
  const done = job.succeeded / job.tasks;
  return barRow(theme, [done, bad / job.tasks], width, ['good', job.failed + job.lost > 0 ? 'bad' : 'warn']);
}

function jobColumns(theme: Theme, rows: readonly JobRow[], at: number, utcOffset: number): Column<JobRow>[] {
  const number = (value: number, role: Role): Row => [[compact(value), value === 0 ? 'faint' : role]];
  const nameCells = longest(rows, (row) => displayText(row.name, 40), 8, 40);
  return [
    {
      title: fixed('JOB'),
      min: 4,
      max: 7,
      rank: 0,
      side: 'left',
      sort: 'newest',
      cell: (job) => [[vouched(String(job.job)), 'strong']],
    },
    {
      title: fixed('NAME'),
      min: 8,
      max: nameCells,
      grow: 3,
      rank: 0,
      sort: 'name',
      cell: (job) => [[job.name === '' ? unknown : displayText(job.name, 64), 'text']],
    },
    {
      title: fixed('STATE'),
      min: 9,
      rank: 0,
      sort: 'state',
      cell: (job) => [[fixed(job.state), stateRole(job.state)]],
    },
    { title: fixed('PROGRESS'), min: 10, max: 36, rank: 2, cell: (job, width) => progressBar(theme, job, width) },
    {
      title: fixed('%'),
      min: 4,
      rank: 1,
      side: 'left',
      cell: (job) => {
        const ended = job.tasks - job.queued - job.assigned - job.running;
        return [[vouched(String(Math.floor((100 * ended) / job.tasks))), 'text']];
      },
    },
    { title: fixed('TASKS'), min: 6, rank: 3, side: 'left', sort: 'tasks', cell: (job) => number(job.tasks, 'text') },
    { title: fixed('QUEUED'), min: 6, rank: 7, side: 'left', cell: (job) => number(job.queued, 'queue') },
    { title: fixed('RUN'), min: 5, rank: 4, side: 'left', cell: (job) => number(job.running + job.assigned, 'run') },
    { title: fixed('DONE'), min: 6, rank: 6, side: 'left', sort: 'done', cell: (job) => number(job.succeeded, 'good') },
    {
      title: fixed('FAIL'),
      min: 5,
      rank: 5,
      side: 'left',
      sort: 'failed',
      cell: (job) => number(job.failed + job.lost, 'bad'),
    },
    {
      title: fixed('ETA'),
      min: 7,
      rank: 2.5,
      side: 'left',
      sort: 'eta',
      cell: (job) => [[job.etaMs === null ? fixed('') : joined(elapsed(job.etaMs)), 'accent']],
    },
    {
      title: fixed('TOOK'),
      min: 7,
      rank: 8,
      side: 'left',
      cell: (job) => [[elapsed((job.endedAt ?? at) - job.submittedAt), job.endedAt === null ? 'dim' : 'text']],
    },
    {
      title: fixed('SUBMITTED'),
      min: 9,
      rank: 9,
      side: 'left',
      cell: (job) => [[clock(job.submittedAt, utcOffset), 'dim']],
    },
  ];
}
