/** `lbtop tasks` */
import type { TaskState } from '../../model/job.ts';
import { type TaskRow, taskRowShape } from '../../model/report.ts';
import type { Call } from '../call.ts';
import { duration, size, time, unknown } from '../format.ts';
import { taskPages } from '../pages.ts';
import type { Colour, Column } from '../table.ts';
import { showTable } from '../table-word.ts';
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
export async function tasks(call: Call): Promise<number> {
  const job = jobOf(call.operands[0] as string);
  return showTable(call, {
    columns: columnsAt,
    shape: taskRowShape,
    pages: (client) => taskPages(client, job),
  });
}

function columnsAt(now: number): Column<TaskRow>[] {
  return [
    { title: 'TASK', text: ({ task }) => task },
    { title: 'STATE', text: stateText, colour: ({ state }) => colours[state] },
    { title: 'NODE', text: ({ node }) => node ?? unknown },
    { title: 'ATTEMPT', spare: 2, right: true, text: ({ attempt }) => String(attempt) },
    { title: 'EXIT', right: true, text: ({ exitCode }) => String(exitCode ?? unknown) },
    { title: 'QUEUED', spare: 4, text: ({ queuedAt }) => time(queuedAt, now) },
    { title: 'STARTED', spare: 1, text: ({ startedAt }) => time(startedAt, now) },
    {
      title: 'TOOK',
      right: true,
      text: ({ startedAt, endedAt }) => duration(startedAt === null ? null : (endedAt ?? now) - startedAt),
    },
    { title: 'CPU', spare: 3, right: true, text: ({ cpuMs }) => duration(cpuMs) },
    { title: 'MEMORY', spare: 5, right: true, text: ({ peakBytes }) => size(peakBytes) },
    { title: 'ERROR', text: ({ error, note }) => error ?? note ?? '' },
  ];
}
