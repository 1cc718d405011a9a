/** Tasks: those that nodes hold, of the fleet or of one node, or those of one job. */
import type { ReactNode } from 'react';
import { displayText } from '../../view/display-text.ts';
import { clock, duration, elapsed, grouped, percent } from '../../view/format.ts';
import { fixed, joined, type SafeText, vouched } from '../../view/safe-text.ts';
import type { TaskLine } from '../../view/task-rows.ts';
import { Rows } from '../components/rows.tsx';
import { stateRole } from '../glyphs.ts';
import { type InterfaceState, layoutOf, tableOf, windowHere } from '../interface-state.ts';
import { type Column, tableLines } from '../table.ts';
import type { Theme } from '../theme.ts';

export function TasksTable({ state, theme }: { state: InterfaceState; theme: Theme }): ReactNode {
  const { tableRows } = layoutOf(state);
  const window = windowHere(state);
  const { screen } = state.place;
  const lines = tableLines({
    theme,
    columns: taskColumns(screen !== 'job', screen !== 'node', window?.at ?? 0, state.utcOffsetMinutes),
    rows: window?.tasks ?? [],
    idOf: (task) => task.task,
    table: tableOf(state),
    from: window?.top ?? 0,
    matched: window?.matched ?? 0,
    width: state.columns,
    height: tableRows,
    empty: window === null ? fixed('…') : emptyWords(state, window.total),
  });
  return <Rows theme={theme} lines={lines} width={state.columns} height={tableRows + 1} />;
}

function emptyWords(state: InterfaceState, total: number): SafeText {
  const window = windowHere(state);
  if (state.place.screen === 'job' && window?.job === null) return fixed('this job is not there (any more)');
  if (state.place.screen === 'node' && window?.node === null) return fixed('this node is not there (any more)');
  return total > 0 ? fixed('no task matches the filter') : fixed('nothing runs here now');
}

function taskColumns(withJob: boolean, withNode: boolean, at: number, utcOffset: number): Column<TaskLine>[] {
  const columns: Column<TaskLine>[] = [
    {
      title: fixed('TASK'),
      min: 8,
      max: 12,
      rank: 0,
      sort: 'task',
      cell: (task) => [[displayText(task.task), 'strong']],
    },
    {
      title: fixed('STATE'),
      min: 9,
      rank: 0,
      sort: 'state',
      cell: (task) => [[fixed(task.state), stateRole(task.state)]],
    },
    {
      title: fixed('TIME'),
      min: 7,
      rank: 1,
      side: 'left',
      sort: 'run',
      cell: (task) => [[timeOf(task, at), task.endedAt === null ? 'run' : 'text']],
    },
    {
      title: fixed('STARTED'),
      min: 8,
      rank: 6,
      sort: 'started',
      cell: (task) => [[task.startedAt === null ? fixed('') : clock(task.startedAt, utcOffset), 'dim']],
    },
    {
      title: fixed('CPU'),
      min: 7,
      rank: 7,
      side: 'left',
      cell: (task) => [[task.cpuMs === null ? fixed('') : duration(task.cpuMs), 'dim']],
    },
    {
      title: fixed('TRY'),
      min: 3,
      rank: 4,
      side: 'left',
      sort: 'attempt',
      cell: (task) => [[task.attempt === 0 ? fixed('') : grouped(task.attempt), task.attempt > 1 ? 'warn' : 'dim']],
    },
    {
      title: fixed('EXIT'),
      min: 4,
      rank: 5,
      side: 'left',
      cell: (task) => [
        [task.exitCode === null ? fixed('') : vouched(String(task.exitCode)), task.exitCode === 0 ? 'dim' : 'bad'],
      ],
    },
    {
      title: fixed('NOTE'),
      min: 8,
      max: 80,
      rank: 3,
      cell: (task) => [
        [task.progress === null ? fixed('') : joined(percent(task.progress * 100), fixed(' % ')), 'run'],
        [displayText(task.note, 200), task.state === 'failed' ? 'bad' : task.progress === null ? 'warn' : 'text'],
      ],
    },
  ];
  if (withNode)
    columns.splice(2, 0, {
      title: fixed('NODE'),
      min: 10,
      max: 16,
      rank: 2,
      sort: withJob ? 'node' : 'node',
      cell: (task) => [[task.node === null ? fixed('') : displayText(task.node), 'text']],
    });
  if (withJob)
    columns.splice(1, 0, {
      title: fixed('JOB'),
      min: 8,
      max: 24,
      rank: 2.5,
      cell: (task) => [[displayText(task.name, 40), 'dim']],
    });
  return columns;
}

function timeOf(task: TaskLine, at: number): SafeText {
  if (task.runMs !== null && task.endedAt !== null) return duration(task.runMs);
  if (task.startedAt !== null && task.endedAt === null) return joined(elapsed(at - task.startedAt));
  return fixed('');
}
