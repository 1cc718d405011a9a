/** Tables: which columns fit, and the lines of what is seen of the rows. Pure. */
import { blank, cells, cut, pad } from '../view/cells.ts';
import { fixed, joined, type SafeText, vouched } from '../view/safe-text.ts';
import { type Line, type Piece, padRow, type Row } from './line.ts';
import type { TableState } from './table-state.ts';
import type { Theme } from './theme.ts';

export interface Column<T> {
  readonly title: SafeText;
  /** Cells that it needs, and that it takes when there is room. */
  readonly min: number;
  readonly max?: number;
  /** Cells of what is left that it takes in each round; 1 by default. */
  readonly grow?: number;
  /** The lower, the sooner it is there; 0: always. */
  readonly rank: number;
  readonly side?: 'left' | 'right';
  /** The order of rows that this column shows. */
  readonly sort?: string;
  /** What stands in it: padded to the width by the table. */
  cell(row: T, width: number): Row;
}

export interface Fitted<T> {
  readonly column: Column<T>;
  readonly width: number;
}

/** Returns the columns that fit into `width` cells with a space between them, in their order, and how wide each is. */
export function fitColumns<T>(columns: readonly Column<T>[], width: number): Fitted<T>[] {
  let left = width + 1;
  const taken = new Set<Column<T>>();
  for (const column of [...columns].sort((a, b) => a.rank - b.rank)) {
    if (column.rank > 0 && column.min + 1 > left) continue;
    taken.add(column);
    left -= column.min + 1;
  }
  const fitted = columns.filter((column) => taken.has(column)).map((column) => ({ column, width: column.min }));
  // What is left goes round, so that columns grow together.
  for (let grew = true; left > 0 && grew; ) {
    grew = false;
    for (const one of fitted) {
      const more = Math.min(left, one.column.grow ?? 1, (one.column.max ?? one.column.min) - one.width);
      if (more <= 0) continue;
      one.width += more;
      left -= more;
      grew = true;
    }
  }
  return fitted;
}

export interface TableView<T> {
  readonly theme: Theme;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly idOf: (row: T) => string;
  readonly table: TableState;
  /** Place of the first of `rows` among those that match. */
  readonly from: number;
  readonly matched: number;
  readonly width: number;
  /** Lines below the head. */
  readonly height: number;
  /** What is said where there are no rows. */
  readonly empty: SafeText;
}

/** Returns the head and the lines of a table, with a scroll bar at the right. */
export function tableLines<T>(view: TableView<T>): Line[] {
  const { theme, rows, table, from, matched, width, height } = view;
  // The mark before each row, and the scroll bar.
  const fitted = fitColumns(view.columns, width - 4);
  const lines: Line[] = [{ row: headRow(fitted, table, theme), ground: 'bar' }];
  const bar = scrollBar(theme, table.top, matched, height);
  for (let i = 0; i < height; i++) {
    const place = table.top + i;
    const row = rows[place - from];
    if (place >= matched || row === undefined) {
      const waits =
        place < matched ? fixed('  …') : i === 0 && matched === 0 ? joined(fixed('  '), view.empty) : fixed('');
      lines.push({ row: [...padRow([[waits, 'dim']], width - 1), bar[i] as Piece] });
      continue;
    }
    const id = view.idOf(row);
    const selected = table.selected === null ? place === table.index : id === table.selected;
    const marked = table.marked.has(id);
    const mark = selected ? vouched(theme.glyphs === 'ascii' ? '>' : '▌') : marked ? fixed('+') : fixed(' ');
    const pieces: Piece[] = [
      [mark, marked ? 'warn' : 'accent'],
      [marked && selected ? fixed('+') : fixed(' '), 'warn'],
    ];
    for (const { column, width: cellsWide } of fitted) {
      pieces.push(...fill(column.cell(row, cellsWide), cellsWide, column.side), [fixed(' '), 'text']);
    }
    const ground = selected ? 'selected' : marked ? 'marked' : undefined;
    lines.push({ row: [...padRow(pieces, width - 1), bar[i] as Piece], ground });
  }
  return lines;
}

/** Cells that the longest of some texts takes, within bounds: columns that are as wide as what is in sight. */
export function longest<T>(rows: readonly T[], textOf: (row: T) => SafeText, least: number, most: number): number {
  let width = least;
  for (const row of rows) width = Math.max(width, cells(textOf(row)));
  return Math.min(most, width);
}

function fill(row: Row, width: number, side: 'left' | 'right' = 'right'): Row {
  if (side === 'right') return padRow(row, width);
  const used = row.reduce((sum, [text]) => sum + cells(text), 0);
  return used >= width ? padRow(row, width) : [[blank(width - used), 'text'], ...row];
}

function headRow<T>(fitted: readonly Fitted<T>[], table: TableState, theme: Theme): Row {
  const pieces: Piece[] = [[fixed('  '), 'head']];
  for (const { column, width } of fitted) {
    const sorted = column.sort !== undefined && column.sort === table.sort;
    const sign = theme.glyphs === 'ascii' ? (table.reverse ? '^' : 'v') : table.reverse ? '▴' : '▾';
    const title = sorted ? joined(cut(column.title, Math.max(1, width - 1), ''), vouched(sign)) : column.title;
    pieces.push(
      [pad(title, width, column.side === 'left' ? 'left' : 'right'), sorted ? 'sorted' : 'head'],
      [fixed(' '), 'head'],
    );
  }
  return pieces;
}

function scrollBar(theme: Theme, top: number, matched: number, height: number): Piece[] {
  if (matched <= height || height < 1) return Array.from({ length: height }, () => [fixed(' '), 'faint'] as const);
  const size = Math.max(1, Math.round((height * height) / matched));
  const start = Math.round(((height - size) * top) / Math.max(1, matched - height));
  const [thumb, track] = theme.glyphs === 'ascii' ? [fixed('#'), fixed('|')] : [fixed('┃'), fixed('│')];
  return Array.from({ length: height }, (_, i) =>
    i >= start && i < start + size ? ([thumb, 'dim'] as const) : ([track, 'faint'] as const),
  );
}
