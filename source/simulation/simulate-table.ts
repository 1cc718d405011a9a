/** The answer of `lbtop simulate` for people: a table, and on a terminal a chart of each run. */
import { type Output, printLine } from '../client/io.ts';
import { type Column, coloured, onePage, printRows } from '../client/table.ts';
import { plainBar, sparkline } from '../view/charts.ts';
import type { Comparison } from './simulate.ts';
import type { Entry } from './statistics.ts';

const columns: readonly Column<Entry>[] = [
  { title: 'POLICY', text: ({ policy }) => policy },
  { title: 'QUEUE', text: ({ queue }) => queue },
  { title: 'TASKS', right: true, text: ({ tasks }) => String(tasks) },
  { title: 'MAKESPAN', right: true, text: ({ makespan }) => seconds(makespan) },
  { title: 'RESPONSE', right: true, text: ({ meanResponse }) => seconds(meanResponse) },
  { title: '±', right: true, text: ({ stderrResponse }) => seconds(stderrResponse) },
  { title: 'WAIT', right: true, text: ({ meanWait }) => seconds(meanWait) },
  { title: 'P50', right: true, text: ({ p50Wait }) => seconds(p50Wait) },
  { title: 'P99', right: true, text: ({ p99Wait }) => seconds(p99Wait) },
  { title: 'MAX', right: true, text: ({ maxWait }) => seconds(maxWait) },
  { title: 'SLOWDOWN', right: true, text: ({ meanBoundedSlowdown }) => meanBoundedSlowdown.toFixed(2) },
  { title: 'BUSY', right: true, text: ({ utilization }) => `${(100 * utilization).toFixed(1)}%` },
  { title: 'DROPPED', right: true, text: ({ dropped }) => String(dropped) },
];

const barWidth = 24;

/** Prints a row a run; on a terminal also the mean response as bars and the tasks that waited, over time. */
export async function printComparison(output: Output, comparisons: readonly Comparison[]): Promise<void> {
  await printRows(output, columns, onePage(comparisons.map(({ entry }) => entry)), false);
  if (!output.isTerminal) return;
  const worst = Math.max(...comparisons.map(({ entry }) => entry.meanResponse));
  const most = Math.max(...comparisons.map(({ waiting }) => Math.max(...waiting)));
  const nameOf = ({ policy, queue }: Entry) => `${policy} ${queue}`;
  const width = Math.max(...comparisons.map(({ entry }) => nameOf(entry).length));
  await printLine(
    output,
    `\n${coloured(output, `${''.padEnd(width)}  ${'MEAN RESPONSE'.padEnd(barWidth)}  WAITING OVER TIME (most ${seconds(most)})`, 'bold')}`,
  );
  for (const { entry, waiting } of comparisons) {
    const bar = coloured(output, plainBar(worst > 0 ? entry.meanResponse / worst : 0, barWidth, 'block'), 'cyan');
    const room = Math.max(1, Math.min(waiting.length, output.columns - width - barWidth - 4));
    const line = coloured(output, sparkline(thinned(waiting, room), room, 'block', most), 'green');
    await printLine(output, `${nameOf(entry).padEnd(width)}  ${bar}  ${line}`.trimEnd());
  }
}

/** Fewer values with the same course. */
function thinned(values: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, i) => values[Math.floor((i * values.length) / count)] as number);
}

/** Three digits that count, in seconds. */
function seconds(value: number): string {
  return value === 0 ? '0' : value >= 100 ? String(Math.round(value)) : value.toPrecision(3);
}
