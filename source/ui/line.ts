/**
 * Lines of the screen: pieces of safe text with the role of each, painted into one string for one `<Text>`. Ink then lays out
 * a few dozen lines instead of hundreds of cells, which is most of what a frame costs.
 */
import { blank, cells, cellsOf, cut } from '../view/cells.ts';
import { type SafeText, vouched } from '../view/safe-text.ts';
import type { Ground, Role, Theme } from './theme.ts';

/** A piece of a line; `ground`: what lies behind this piece alone. */
export type Piece = readonly [text: SafeText, role: Role, ground?: Ground];
export type Row = readonly Piece[];

/** A row, and what lies behind the whole of it. */
export interface Line {
  readonly row: Row;
  readonly ground?: Ground;
}

/** Nothing. */
export const emptyRow: Row = [];

/** Cells that a row takes. */
export function rowCells(row: Row): number {
  let width = 0;
  for (const [text] of row) width += cells(text);
  return width;
}

/** At most `width` cells of a row. */
export function cutRow(row: Row, width: number): Row {
  let left = width;
  const out: Piece[] = [];
  for (const [text, role, ground] of row) {
    if (left <= 0) break;
    const kept = cut(text, left);
    left -= cells(kept);
    out.push([kept, role, ground]);
  }
  return out;
}

/** Exactly `width` cells: cut, or filled with spaces. */
export function padRow(row: Row, width: number): Row {
  const used = rowCells(row);
  if (used === width) return row;
  if (used > width) return padRow(cutRow(row, width), width);
  return [...row, [blank(width - used), 'text']];
}

/** `left` and `right` at the two ends of `width` cells; where both do not fit, the left is cut, then the right goes. */
export function spread(left: Row, right: Row, width: number): Row {
  const rightCells = rowCells(right);
  if (rightCells + 8 > width) return padRow(left, width);
  return [...padRow(left, width - rightCells), ...right];
}

/** Roles whose look is seen on spaces too. */
export const seenOnSpaces = new Set<Role>(['brand', 'sorted']);

/** Paints a row as a text of its own; with a ground it fills the width. */
export function paint(theme: Theme, row: Row, width: number, ground: Ground = 'none'): string {
  const fitted = ground === 'none' ? withoutTail(rowCells(row) > width ? cutRow(row, width) : row) : padRow(row, width);
  const under = theme.grounds[ground];
  let out = '';
  let open = '';
  let openGround = '';
  let openShows = false;
  for (const [text, role, own] of fitted) {
    if (text === '') continue;
    const behind = own === undefined ? under : theme.grounds[own] || under;
    const shows = seenOnSpaces.has(role);
    const ink = theme.roles[role];
    const wanted = ink === '' ? behind : behind === '' ? ink : `${ink};${behind}`;
    // Spaces look the same in any ink: most of the codes of a table are saved by that.
    const same = wanted === open || (behind === openGround && !shows && !openShows && text.trim() === '');
    if (!same) {
      if (open !== '') out += '\x1b[0m';
      if (wanted !== '') out += `\x1b[${wanted}m`;
      open = wanted;
      openGround = behind;
      openShows = shows;
    }
    out += theme.glyphs === 'ascii' ? inAscii(text) : text;
  }
  return open === '' ? out : `${out}\x1b[0m`;
}

/** Without the spaces at its end, which nothing lies behind. */
function withoutTail(row: Row): Row {
  let end = row.length;
  while (end > 0) {
    const [text, , own] = row[end - 1] as Piece;
    if (own !== undefined || text.trim() !== '') break;
    end--;
  }
  return end === row.length ? row : row.slice(0, end);
}

const asciiSigns: Record<string, string> = {
  '…': '~',
  '–': '-',
  '—': '-',
  '·': '.',
  '›': '>',
  '▸': '>',
  '▾': 'v',
  '▴': '^',
  '█': '_',
  '↑': '^',
  '↓': 'v',
  '←': '<',
  '→': '>',
  '⏎': '=',
  '⇧': '^',
  '⌫': '<',
  '’': "'",
  '×': 'x',
  '◆': 'o',
  '✓': '*',
  '░': '-',
};

/** As many cells of ASCII for a terminal that knows no more: letters lose their accents, what has no likeness is `?`. */
export function inAscii(text: SafeText): string {
  if (/^[\x20-\x7e]*$/.test(text)) return text;
  let out = '';
  for (const character of text) {
    const bare = character.normalize('NFD')[0] ?? '?';
    out += asciiSigns[character] ?? (bare >= ' ' && bare <= '~' ? bare : '?'.repeat(cellsOf(character)));
  }
  return out;
}

/** A frame round rows: `height` rows of `width` cells altogether, the title in its upper edge, `note` at the right of it. */
export function boxed(
  theme: Theme,
  title: SafeText,
  note: SafeText,
  rows: readonly Row[],
  width: number,
  height: number,
): Row[] {
  const [nw, ne, sw, se, h, v] = (theme.glyphs === 'ascii' ? '++++-|' : '╭╮╰╯─│').split('').map(vouched) as [
    SafeText,
    SafeText,
    SafeText,
    SafeText,
    SafeText,
    SafeText,
  ];
  const inner = Math.max(0, width - 2);
  const label = title === '' ? vouched('') : cut(vouched(` ${title} `), inner - 1);
  const hint = note === '' || cells(label) + cells(note) + 4 > inner ? vouched('') : vouched(` ${note} `);
  const rule = Math.max(0, inner - 1 - cells(label) - cells(hint) - (hint === '' ? 0 : 1));
  const out: Row[] = [
    [
      [vouched(nw + h), 'faint'],
      [label, 'dim'],
      [vouched(h.repeat(rule)), 'faint'],
      [hint, 'faint'],
      [vouched((hint === '' ? '' : h) + ne), 'faint'],
    ],
  ];
  for (let i = 0; i < height - 2; i++) out.push([[v, 'faint'], ...padRow(rows[i] ?? emptyRow, inner), [v, 'faint']]);
  out.push([[vouched(sw + h.repeat(inner) + se), 'faint']]);
  return out;
}

/** Blocks of rows side by side; each block's rows have one width. */
export function beside(...blocks: readonly (readonly Row[])[]): Row[] {
  const height = Math.max(0, ...blocks.map((block) => block.length));
  return Array.from({ length: height }, (_, i) => blocks.flatMap((block) => block[i] ?? []));
}
