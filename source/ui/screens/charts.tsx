/** How it went: throughput, waiting, running; percentiles; the CPU of every node as one cell. */
import type { ReactNode } from 'react';
import { graph, shade } from '../../view/charts.ts';
import { compact, duration, elapsed, rate, unknown } from '../../view/format.ts';
import { fixed, joined, type SafeText } from '../../view/safe-text.ts';
import type { Window } from '../../view/window.ts';
import { plain, Rows } from '../components/rows.tsx';
import { nodeSign } from '../glyphs.ts';
import { type InterfaceState, layoutOf, windowHere } from '../interface-state.ts';
import { boxed, type Piece, type Row } from '../line.ts';
import { heat, type Role, type Theme } from '../theme.ts';

export function ChartsScreen({ state, theme }: { state: InterfaceState; theme: Theme }): ReactNode {
  const { tableRows } = layoutOf(state);
  const height = tableRows + 1;
  const window = windowHere(state);
  const lines = window === null ? [] : chartRows(window, theme, state.columns, height);
  return <Rows theme={theme} lines={plain(lines)} width={state.columns} height={height} />;
}

function chartRows(window: Window, theme: Theme, width: number, height: number): Row[] {
  const { totals, graphs } = window;
  // The map of nodes has its own lines as soon as the graphs have theirs.
  const mapRows =
    height >= 16 ? Math.min(3 + Math.ceil(window.nodes.length / Math.max(1, width - 4)), Math.floor(height / 3)) : 0;
  const each = Math.floor((height - mapRows) / 3);
  const extra = height - mapRows - 3 * each;
  const span = elapsed(
    Math.min(graphs.queued.length, theme.glyphs === 'braille' ? 2 * (width - 4) : width - 4) * graphs.bucketMs,
  );
  const time = (ms: number | null): SafeText => (ms === null ? unknown : duration(ms));
  const chart = (title: SafeText, note: SafeText, values: readonly number[], role: Role, rows: number): Row[] => {
    // A frame round a graph takes two rows: where there are none to spare, its title stands on it.
    const framed = each >= 3;
    const lines = graph(values, width - 4, Math.max(1, framed ? rows - 2 : rows - 1), theme.glyphs).map(
      (text): Row => [
        [fixed(' '), 'text'],
        [text, role],
      ],
    );
    if (framed) return boxed(theme, title, note, lines, width, rows);
    const head: Row = [[joined(fixed(' '), title), 'text']];
    return [head, ...lines].slice(0, rows);
  };
  const flow = joined(
    fixed('throughput  '),
    rate(totals.perSecond10s),
    fixed('/s  run p50 '),
    time(totals.runP50),
    fixed(' p90 '),
    time(totals.runP90),
    fixed(' p99 '),
    time(totals.runP99),
  );
  const queue = joined(
    fixed('waiting  '),
    compact(totals.tasks.queued),
    fixed('  wait p50 '),
    time(totals.waitP50),
    fixed(' p99 '),
    time(totals.waitP99),
  );
  const running = joined(fixed('at nodes  '), compact(totals.tasks.running + totals.tasks.assigned));
  return [
    ...chart(flow, span, graphs.ended, 'flow', each + extra),
    ...chart(queue, topOf(graphs.queued), graphs.queued, 'queue', each),
    ...chart(running, topOf(graphs.running), graphs.running, 'run', each),
    ...(mapRows === 0 ? [] : nodeMap(window, theme, width, mapRows)),
  ];
}

function topOf(values: readonly number[]): SafeText {
  return joined(fixed('top '), compact(Math.max(0, ...values)));
}

/** One cell a node: its CPU as height and colour, its sign where it is not there. */
function nodeMap(window: Window, theme: Theme, width: number, height: number): Row[] {
  const perRow = width - 4;
  const rows: Row[] = [];
  for (let i = 0; i < window.nodes.length; i += perRow) {
    const pieces: Piece[] = [[fixed(' '), 'text']];
    for (const node of window.nodes.slice(i, i + perRow))
      pieces.push(
        node.cpu === null ? nodeSign(node, theme) : [shade(node.cpu / 100, theme.glyphs), heat(node.cpu / 100)],
      );
    rows.push(pieces);
  }
  return boxed(theme, fixed('cpu of each node'), joined(compact(window.total), fixed(' nodes')), rows, width, height);
}
