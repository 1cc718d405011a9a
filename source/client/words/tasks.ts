/** `lbtop tasks` */
import type { TaskState } from '../../model/job.ts';
import type { TaskRow } from '../../model/report.ts';
import type { Call } from '../call.ts';
import { duration, size, time, unknown } from '../format.ts';
import { taskPages } from '../pages.ts';
import { type Colour, type Column, printRows } from '../table.ts';
import { jobOf } from '../targets.ts';

const colours: Readonly<Record<TaskState, Colour | null>> = {
  queued: 'dim',
  assigned: null,
  running: 'cyan',
  succeeded: 'green',
  failed: 'red',
  cancelled: 'yellow',
  skipped: 'yellow',
  lost: 'red',
};

/** `running 42 %` where the task says how far it is. */
function stateText({ state, progress }: TaskRow): string {
  return progress === null ? state : `${state} ${Math.floor(progress * 100)} %`;
}

/** Prints the tasks of a job in order of index. */
export async function tasks({ flags, io, operands, client }: Call): Promise<number> {
  const job = jobOf(operands[0] as string);
  const now = io.now();
  const columns: Column<TaskRow>[] = [
    { title: 'TASK', text: ({ task }) => task },
    { title: 'STATE', text: stateText, colour: ({ state }) => colours[state] },
    { title: 'NODE', text: ({ node }) => node ?? unknown },
    { title: 'ATTEMPT', right: true, text: ({ attempt }) => String(attempt) },
    { title: 'EXIT', right: true, text: ({ exitCode }) => String(exitCode ?? unknown) },
    { title: 'QUEUED', text: ({ queuedAt }) => time(queuedAt, now) },
    { title: 'STARTED', text: ({ startedAt }) => time(startedAt, now) },
    {
      title: 'TOOK',
      right: true,
      text: ({ startedAt, endedAt }) => duration(startedAt === null ? null : (endedAt ?? now) - startedAt),
    },
    { title: 'CPU', right: true, text: ({ cpuMs }) => duration(cpuMs) },
    { title: 'MEMORY', right: true, text: ({ peakBytes }) => size(peakBytes) },
    { title: 'ERROR', text: ({ error, note }) => error ?? note ?? '' },
  ];
  await printRows(io.stdout, columns, taskPages(await client(), job), flags.json);
  return 0;
}
