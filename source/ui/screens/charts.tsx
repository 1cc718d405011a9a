/** How it went: throughput, waiting, running; percentiles; the CPU of every node as one cell. */
import type { ReactNode } from 'react';
import { pad } from '../../view/cells.ts';
import { graph, shade } from '../../view/charts.ts';
import { displayText } from '../../view/display-text.ts';
import { compact, duration, elapsed, percent, rate, unknown } from '../../view/format.ts';
import { fixed, joined, type SafeText } from '../../view/safe-text.ts';
import type { Window } from '../../view/window.ts';
import { plain, Rows } from '../components/rows.tsx';
import { nodeSign } from '../glyphs.ts';
import { type InterfaceState, layoutOf, windowHere } from '../interface-state.ts';
import { boxed, type Piece, type Row } from '../line.ts';
import { longest } from '../table.ts';
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
  const mapRows = height >= 16 ? mapHeight(window, width, Math.floor(height / 3)) : 0;
  // A graph without a line is none: where there is little room there are fewer.
  const count = Math.max(1, Math.min(3, Math.floor((height - mapRows) / 3)));
  const each = Math.floor((height - mapRows) / count);
  const extra = height - mapRows - count * each;
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
  const charts = [
    chart(flow, span, graphs.ended, 'flow', each + extra),
    chart(queue, topOf(graphs.queued), graphs.queued, 'queue', each),
    chart(running, topOf(graphs.running), graphs.running, 'run', each),
  ];
  return [...charts.slice(0, count).flat(), ...(mapRows === 0 ? [] : nodeMap(window, theme, width, mapRows))];
}

function topOf(values: readonly number[]): SafeText {
  return joined(fixed('top '), compact(Math.max(0, ...values)));
}

/** Rows of the map, at most `most`: a line a node where that fits, else a cell a node. */
function mapHeight({ nodes }: Window, width: number, most: number): number {
  const inLines = 2 + Math.max(1, nodes.length);
  return inLines <= most ? inLines : Math.min(2 + Math.ceil(nodes.length / Math.max(1, width - 4)), most);
}

/** The CPU of every node: over the last minute, a line each, where there is room for that, else as it is now. */
function nodeMap(window: Window, theme: Theme, width: number, height: number): Row[] {
  const fits = window.nodes.length <= height - 2;
  const rows = fits ? historyLines(window, theme, width - 4) : nodeCells(window, theme, width - 4);
  const title = fits ? fixed('cpu of each node, last minute') : fixed('cpu of each node');
  return boxed(theme, title, joined(compact(window.total), fixed(' nodes')), rows, width, height);
}

/** A line a node: its CPU by the second as height and colour. */
function historyLines({ nodes }: Window, theme: Theme, width: number): Row[] {
  const nameCells = longest(nodes, (node) => displayText(node.name, 64), 4, Math.min(20, Math.floor(width / 3)));
  return nodes.map((node): Row => {
    const pieces: Piece[] = [
      [fixed(' '), 'text'],
      nodeSign(node, theme),
      [joined(fixed(' '), pad(displayText(node.name, 64), nameCells), fixed(' ')), 'dim'],
    ];
    for (const value of node.history.subarray(-Math.max(1, width - nameCells - 8)))
      pieces.push([shade(value / 200, theme.glyphs), heat(value / 200)]);
    const now = node.cpu === null ? unknown : joined(percent(node.cpu), fixed(' %'));
    pieces.push([joined(fixed(' '), now), 'text']);
    return pieces;
  });
}

/** One cell a node: its CPU as height and colour, its sign where it is not there. */
function nodeCells({ nodes }: Window, theme: Theme, perRow: number): Row[] {
  const rows: Row[] = [];
  for (let i = 0; i < nodes.length; i += perRow) {
    const pieces: Piece[] = [[fixed(' '), 'text']];
    for (const node of nodes.slice(i, i + perRow))
      pieces.push(
        node.cpu === null ? nodeSign(node, theme) : [shade(node.cpu / 100, theme.glyphs), heat(node.cpu / 100)],
      );
    rows.push(pieces);
  }
  return rows;
}
