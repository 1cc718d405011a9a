/** What is above the tasks of one node or of one job. */
import type { ReactNode } from 'react';
import { pad } from '../../view/cells.ts';
import { graph } from '../../view/charts.ts';
import { displayText } from '../../view/display-text.ts';
import { clock, compact, duration, elapsed, grouped, percent, size, unknown } from '../../view/format.ts';
import { fixed, joined, type SafeText, vouched } from '../../view/safe-text.ts';
import type { JobDetail, NodeDetail } from '../../view/window.ts';
import { plain, Rows } from '../components/rows.tsx';
import { barRow, cpuBar, nodeSign, stateRole } from '../glyphs.ts';
import { type InterfaceState, layoutOf, windowHere } from '../interface-state.ts';
import { beside, boxed, type Piece, type Row } from '../line.ts';
import { heat, type Role, type Theme } from '../theme.ts';
import { progressBar } from './jobs.tsx';

export function Detail({ state, theme }: { state: InterfaceState; theme: Theme }): ReactNode {
  const { detailRows } = layoutOf(state);
  if (detailRows === 0) return null;
  const window = windowHere(state);
  const at = window?.at ?? 0;
  const width = state.columns;
  let rows: Row[] = [];
  if (window?.node) rows = nodeRows(window.node, at, theme, width, detailRows, state.utcOffsetMinutes);
  if (window?.job) rows = jobRows(window.job, at, theme, width, detailRows, state.utcOffsetMinutes);
  return <Rows theme={theme} lines={plain(rows)} width={width} height={detailRows} />;
}

const label = (text: SafeText, width = 9): Piece => [pad(joined(fixed(' '), text), width), 'dim'];

function nodeRows(
  detail: NodeDetail,
  at: number,
  theme: Theme,
  width: number,
  height: number,
  utcOffset: number,
): Row[] {
  const { row, line } = detail;
  const [sign, role] = nodeSign(line, theme);
  const state: Row = [
    [joined(fixed(' '), sign, fixed(' ')), role],
    [displayText(row.name), 'strong'],
    [joined(fixed('  '), fixed(row.health), fixed(' ')), role],
    [line.note === '' ? fixed('') : joined(fixed(' '), displayText(line.note, 120)), role],
  ];
  if (height < 4) return [state];
  const cpu: Row = [
    label(fixed('cpu')),
    ...(row.cpu === null ? [] : cpuBar(theme, row.cpu, row.cpuOurs ?? 0, 20)),
    [
      row.cpu === null
        ? unknown
        : joined(pad(percent(row.cpu), 4, 'left'), fixed(' %, ours '), percent(row.cpuOurs ?? 0), fixed(' %')),
      'text',
    ],
  ];
  const memory: Row = [
    label(fixed('memory')),
    ...(row.memoryUsed === null
      ? []
      : barRow(theme, [row.memoryUsed / Math.max(1, row.memoryTotal), 0], 20, ['info', 'info'])),
    [
      row.memoryUsed === null
        ? unknown
        : joined(fixed(' '), size(row.memoryUsed), fixed(' of '), size(row.memoryTotal)),
      'text',
    ],
  ];
  const counts: Row = [
    label(fixed('tasks')),
    [joined(grouped(row.running), fixed(' running of '), grouped(row.slots)), 'run'],
    [joined(fixed('  '), grouped(row.assigned), fixed(' waiting  ')), 'dim'],
    [joined(grouped(row.succeeded), fixed(' done  ')), 'good'],
    [joined(grouped(row.failed), fixed(' failed')), row.failed > 0 ? 'bad' : 'dim'],
  ];
  const labels = Object.entries(row.labels).map(([name, value]) => displayText(`${name}=${value}`, 40));
  const more: Row = [
    label(fixed('machine')),
    [
      joined(
        grouped(row.cores),
        fixed(' cores  '),
        displayText(row.cpuModel, 40),
        fixed('  '),
        displayText(detail.platform, 20),
      ),
      'text',
    ],
  ];
  const where: Row = [
    label(fixed('address')),
    [joined(displayText(row.address, 60), fixed('  '), displayText(detail.host, 40)), 'text'],
  ];
  const since: Row = [
    label(fixed('joined')),
    [
      joined(
        clock(detail.joinedAt, utcOffset),
        fixed(', '),
        elapsed(at - detail.joinedAt),
        fixed(' ago  load '),
        row.load1 === null ? unknown : vouched(row.load1.toFixed(1)),
        fixed('  '),
        ...labels.flatMap((one) => [one, fixed(' ')]),
      ),
      'dim',
    ],
  ];
  if (height < 9) return [state, cpu, memory, counts, since].slice(0, height);
  const left = Math.floor(width / 2);
  const shown = cpuGraph(detail, left - 4, height - 3, theme);
  const note = row.cpu === null ? fixed('') : joined(percent(row.cpu), fixed(' %'));
  return [
    state,
    ...beside(
      boxed(theme, fixed('cpu, last minute: ours, others'), note, shown, left, height - 1),
      boxed(theme, fixed('node'), fixed(''), [cpu, memory, counts, more, where, since], width - left, height - 1),
    ),
  ];
}

/** The CPU of the last minute: what the tasks took in the colour of its height, what others took on top of it. */
function cpuGraph({ cpu, ours }: NodeDetail, width: number, height: number, theme: Theme): Row[] {
  const perCell = theme.glyphs === 'braille' ? 2 : 1;
  const first = ours.length - width * perCell;
  const ownShare = (cell: number): number => {
    let most = 0;
    for (let i = 0; i < perCell; i++) most = Math.max(most, (ours[first + cell * perCell + i] ?? 0) / 200);
    return most;
  };
  return graph(cpu, width, height, theme.glyphs, 200).map((text, y): Row => {
    const middle = (height - y - 0.5) / height;
    const pieces: Piece[] = [[fixed(' '), 'text']];
    // Cells of one kind are one piece. The glyphs of graphs are one unit each.
    for (let from = 0; from < text.length; ) {
      const own = ownShare(from) >= middle;
      let to = from + 1;
      while (to < text.length && ownShare(to) >= middle === own) to++;
      pieces.push([vouched(text.slice(from, to)), own ? heat(middle) : 'others']);
      from = to;
    }
    return pieces;
  });
}

function jobRows(
  { row, by, work, priority, retries, meanMs }: JobDetail,
  at: number,
  theme: Theme,
  width: number,
  height: number,
  utcOffset: number,
): Row[] {
  const name = row.name === '' ? fixed('') : joined(fixed(' '), displayText(row.name, 60));
  const head: Row = [
    [joined(fixed(' job '), vouched(String(row.job)), name), 'strong'],
    [joined(fixed('  '), fixed(row.state)), stateRole(row.state)],
    [joined(fixed('  submitted '), clock(row.submittedAt, utcOffset), fixed(' by '), displayText(by, 30)), 'dim'],
  ];
  if (height < 4) return [head];
  const barCells = Math.max(10, Math.min(60, width - 40));
  const ended = row.tasks - row.queued - row.assigned - row.running;
  const progress: Row = [
    label(fixed('progress'), 11),
    ...progressBar(theme, row, barCells),
    [joined(fixed(' '), grouped(ended), fixed(' of '), grouped(row.tasks)), 'text'],
    [row.etaMs === null ? fixed('') : joined(fixed('  eta '), elapsed(row.etaMs)), 'accent'],
  ];
  const count = (value: number, words: SafeText, role: Role): Piece => [
    joined(compact(value), fixed(' '), words, fixed('  ')),
    value === 0 ? 'faint' : role,
  ];
  const counts: Row = [
    label(fixed('tasks'), 11),
    count(row.queued, fixed('queued'), 'queue'),
    count(row.running + row.assigned, fixed('at nodes'), 'run'),
    count(row.succeeded, fixed('done'), 'good'),
    count(row.failed + row.lost, fixed('failed'), 'bad'),
    ...(row.cancelled + row.skipped > 0 ? [count(row.cancelled + row.skipped, fixed('cancelled'), 'warn')] : []),
  ];
  const what: Row = [label(fixed('runs'), 11), [displayText(work, width - 12), 'text']];
  const rest: Row = [
    label(fixed('took'), 11),
    [elapsed((row.endedAt ?? at) - row.submittedAt), 'text'],
    [
      joined(
        fixed('  mean task '),
        meanMs === null ? unknown : duration(meanMs),
        fixed('  priority '),
        vouched(String(priority)),
        fixed('  retries '),
        grouped(retries),
      ),
      'dim',
    ],
  ];
  if (height < 7) return [head, progress, counts, what, rest].slice(0, height);
  return [head, ...boxed(theme, fixed('job'), fixed(''), [progress, counts, what, rest], width, height - 1)];
}
