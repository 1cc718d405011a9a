/** The meters below the title: how busy the fleet is, how long the queue, how fast it goes. */
import { pad } from '../../view/cells.ts';
import { graph, sparkline } from '../../view/charts.ts';
import { compact, duration, elapsed, grouped, percent, rate, unknown } from '../../view/format.ts';
import { fixed, joined, type SafeText } from '../../view/safe-text.ts';
import type { Totals } from '../../view/totals.ts';
import type { Window } from '../../view/window.ts';
import { barRow, cpuBar } from '../glyphs.ts';
import { beside, boxed, type Piece, type Row } from '../line.ts';
import type { Role, Theme } from '../theme.ts';

const space = fixed(' ');
const gap = fixed('  ');

/** Three boxes of six rows: the fleet, the queue, the throughput. */
export function meterBoxes(window: Window | null, theme: Theme, columns: number): Row[] {
  const left = Math.max(30, Math.min(44, Math.floor(columns * 0.3)));
  const middle = Math.floor((columns - left) / 2);
  const right = columns - left - middle;
  const box = (title: SafeText, note: SafeText, rows: Row[], width: number): Row[] =>
    boxed(theme, title, note, rows, width, 6);
  if (window === null)
    return beside(
      box(fixed('fleet'), fixed(''), [], left),
      box(fixed('queue'), fixed(''), [], middle),
      box(fixed('throughput'), fixed(''), [], right),
    );
  const { totals, graphs } = window;
  return beside(
    box(fixed('fleet'), fixed(''), fleetRows(totals, theme, left - 2), left),
    box(
      fixed('queue'),
      spanOf(window, theme, middle - 4),
      graphRows(theme, graphs.queued, middle - 4, 'queue', queueWords(totals)),
      middle,
    ),
    box(
      fixed('throughput'),
      spanOf(window, theme, right - 4),
      graphRows(theme, graphs.ended, right - 4, 'flow', flowWords(totals, right - 4)),
      right,
    ),
  );
}

function fleetRows(totals: Totals, theme: Theme, width: number): Row[] {
  const bar = Math.max(4, width - 17);
  const { cpu, cpuOurs, memoryUsed, memoryTotal, slots, tasks } = totals;
  const memory = memoryTotal === 0 ? 0 : memoryUsed / memoryTotal;
  const busy = slots.total === 0 ? 0 : slots.busy / slots.total;
  const row = (name: SafeText, meter: Row, words: SafeText): Row => [
    [pad(name, 7), 'dim'],
    ...meter,
    [pad(words, 9, 'left'), 'text'],
  ];
  return [
    row(
      fixed(' cpu'),
      cpuBar(theme, cpu ?? 0, cpuOurs ?? 0, bar, totals.cpuLimit),
      cpu === null ? unknown : joined(percent(cpu), fixed(' %')),
    ),
    row(fixed(' mem'), barRow(theme, [memory, 0], bar, ['info', 'info']), joined(percent(memory * 100), fixed(' %'))),
    row(
      fixed(' slots'),
      barRow(theme, [busy, 0], bar, ['run', 'run']),
      joined(compact(slots.busy), fixed('/'), compact(slots.total)),
    ),
    [
      [fixed(' done '), 'dim'],
      [grouped(tasks.succeeded), 'good'],
      [fixed('  failed '), 'dim'],
      [grouped(tasks.failed + tasks.lost), tasks.failed + tasks.lost > 0 ? 'bad' : 'dim'],
    ],
  ];
}

function graphRows(theme: Theme, values: readonly number[], width: number, role: Role, words: Row): Row[] {
  const rows = graph(values, width, 3, theme.glyphs).map(
    (text): Row => [
      [space, 'text'],
      [text, role],
    ],
  );
  return [...rows, [[space, 'text'], ...words]];
}

/** How far back a graph of so many cells reaches. */
function spanOf(window: Window, theme: Theme, width: number): SafeText {
  const shown = Math.min(window.graphs.queued.length, theme.glyphs === 'braille' ? 2 * width : width);
  return shown === 0 ? fixed('') : elapsed(shown * window.graphs.bucketMs);
}

function queueWords({ tasks, requeued }: Totals): Row {
  return [
    [grouped(tasks.queued), 'strong'],
    [fixed(' waiting  '), 'dim'],
    [grouped(tasks.running + tasks.assigned), 'strong'],
    [fixed(' at nodes'), 'dim'],
    ...(requeued > 0 ? ([[joined(gap, grouped(requeued), fixed(' requeued')), 'warn']] as const) : []),
  ];
}

function flowWords({ perSecond10s, runP50, runP99, waitP50 }: Totals, width: number): Row {
  const time = (ms: number | null): SafeText => (ms === null ? unknown : duration(ms));
  const words: Piece[] = [
    [joined(rate(perSecond10s), fixed('/s')), 'strong'],
    [joined(fixed('  run p50 '), time(runP50), fixed(' p99 '), time(runP99)), 'dim'],
  ];
  if (width >= 44) words.push([joined(fixed('  wait '), time(waitP50)), 'dim']);
  return words;
}

/** The same in two lines. */
export function meterLines(window: Window | null, theme: Theme, columns: number): Row[] {
  if (window === null) return [[], []];
  const { totals, graphs } = window;
  const third = Math.floor((columns - 1) / 3);
  const meter = (name: SafeText, words: SafeText, wordCells: number, draw: (width: number) => Row): Row => [
    [pad(joined(space, name), 7), 'dim'],
    ...draw(Math.max(3, third - 8 - wordCells)),
    [joined(pad(words, wordCells, 'left'), space), 'text'],
  ];
  const { cpu, cpuOurs, memoryUsed, memoryTotal, slots } = totals;
  const memory = memoryTotal === 0 ? 0 : memoryUsed / memoryTotal;
  const busy = slots.total === 0 ? 0 : slots.busy / slots.total;
  const line =
    (values: readonly number[], role: Role) =>
    (width: number): Row => [[sparkline(values, width, theme.glyphs), role]];
  return [
    [
      ...meter(fixed('cpu'), cpu === null ? unknown : joined(percent(cpu), fixed(' %')), 8, (width) =>
        cpuBar(theme, cpu ?? 0, cpuOurs ?? 0, width, totals.cpuLimit),
      ),
      ...meter(fixed('mem'), joined(percent(memory * 100), fixed(' %')), 8, (width) =>
        barRow(theme, [memory, 0], width, ['info', 'info']),
      ),
      ...meter(fixed('slots'), joined(compact(slots.busy), fixed('/'), compact(slots.total)), 8, (width) =>
        barRow(theme, [busy, 0], width, ['run', 'run']),
      ),
    ],
    [
      ...meter(fixed('queue'), compact(totals.tasks.queued), 8, line(graphs.queued, 'queue')),
      ...meter(fixed('flow'), joined(rate(totals.perSecond10s), fixed('/s')), 8, line(graphs.ended, 'flow')),
      ...meter(fixed('run'), compact(totals.tasks.running + totals.tasks.assigned), 8, line(graphs.running, 'run')),
    ],
  ];
}
