/** The nodes: CPU (ours and others), slots, what they did, how they are. */
import type { ReactNode } from 'react';
import { cut } from '../../view/cells.ts';
import { sparkline } from '../../view/charts.ts';
import { displayText } from '../../view/display-text.ts';
import { compact, percent, unknown } from '../../view/format.ts';
import type { NodeLine } from '../../view/node-rows.ts';
import { fixed, joined, type SafeText, vouched } from '../../view/safe-text.ts';
import { Rows } from '../components/rows.tsx';
import { cpuBar, nodeSign } from '../glyphs.ts';
import { type InterfaceState, layoutOf, tableOf, windowHere } from '../interface-state.ts';
import type { Row } from '../line.ts';
import { type Column, longest, tableLines } from '../table.ts';
import { heat, type Role, type Theme } from '../theme.ts';

export function NodesScreen({ state, theme }: { state: InterfaceState; theme: Theme }): ReactNode {
  const { tableRows } = layoutOf(state);
  const window = windowHere(state);
  const rows = window?.nodes ?? [];
  const lines = tableLines({
    theme,
    columns: nodeColumns(theme, rows, window?.totals.cpuLimit ?? 80),
    rows,
    idOf: (node) => node.name,
    table: tableOf(state),
    from: window?.top ?? 0,
    matched: window?.matched ?? 0,
    width: state.columns,
    height: tableRows,
    empty:
      window === null
        ? fixed('…')
        : window.total > 0
          ? fixed('no node matches the filter')
          : fixed('no node yet: lbtop --node, or what lbtop token create --role node prints'),
  });
  return <Rows theme={theme} lines={lines} width={state.columns} height={tableRows + 1} />;
}

function number(value: number, role: Role): Row {
  return [[compact(value), value === 0 ? 'faint' : role]];
}

/** The columns of a table of nodes; the name takes what the longest in sight needs. */
function nodeColumns(theme: Theme, rows: readonly NodeLine[], cpuLimit: number): Column<NodeLine>[] {
  const nameCells = longest(rows, (row) => displayText(row.name, 64), 8, 24);
  const dead = (node: NodeLine): boolean => node.health === 'lost' || node.health === 'left';
  const share = (value: number | null): Row =>
    value === null ? [[unknown, 'faint']] : [[percent(value), heat(value / 100)]];
  return [
    { title: fixed(''), min: 1, rank: 0, cell: (node) => [nodeSign(node, theme)] },
    {
      title: fixed('NODE'),
      min: Math.min(nameCells, 12),
      max: nameCells,
      rank: 0,
      sort: 'name',
      cell: (node) => [[displayText(node.name, 64), dead(node) ? 'dim' : 'text']],
    },
    {
      title: fixed('OURS+OTHERS'),
      min: 11,
      max: 24,
      rank: 2,
      sort: 'ours',
      cell: (node, width) => (node.cpu === null ? [] : cpuBar(theme, node.cpu, node.cpuOurs ?? 0, width, cpuLimit)),
    },
    { title: fixed('CPU%'), min: 5, rank: 0, side: 'left', sort: 'cpu', cell: (node) => share(node.cpu) },
    {
      title: fixed('MEM%'),
      min: 5,
      rank: 5,
      side: 'left',
      sort: 'memory',
      cell: (node) =>
        share(node.memoryUsed === null || node.memoryTotal === 0 ? null : (100 * node.memoryUsed) / node.memoryTotal),
    },
    {
      title: fixed('SLOTS'),
      min: 7,
      rank: 1,
      side: 'left',
      sort: 'running',
      cell: (node) => [
        [compact(node.running), node.running > 0 ? 'run' : 'faint'],
        [joined(fixed('/'), compact(node.slots)), 'dim'],
      ],
    },
    {
      title: fixed('WAIT'),
      min: 5,
      rank: 8,
      side: 'left',
      sort: 'waiting',
      cell: (node) => number(node.assigned, 'queue'),
    },
    {
      title: fixed('DONE'),
      min: 6,
      rank: 6,
      side: 'left',
      sort: 'done',
      cell: (node) => number(node.succeeded, 'text'),
    },
    { title: fixed('FAIL'), min: 5, rank: 7, side: 'left', sort: 'failed', cell: (node) => number(node.failed, 'bad') },
    {
      title: fixed('LOAD'),
      min: 5,
      rank: 9,
      side: 'left',
      sort: 'load',
      cell: (node) => [[node.load1 === null ? unknown : vouched(node.load1.toFixed(1)), 'dim']],
    },
    {
      title: fixed('LAST MINUTE'),
      min: 11,
      max: 30,
      rank: 4,
      cell: (node, width) => [[sparkline(node.history, width, theme.glyphs, 200), dead(node) ? 'faint' : 'accent']],
    },
    {
      title: fixed('NOTE'),
      min: 14,
      max: 60,
      grow: 4,
      rank: 3,
      sort: 'health',
      cell: (node, width) => [[cut(noteOf(node), width), nodeSign(node, theme)[1]]],
    },
  ];
}

function noteOf(node: NodeLine): SafeText {
  return displayText(node.note, 200);
}
