/** Prints aligned columns. */
import { type Output, printJsonArray } from './io.ts';
import { cellText, cutTo, widthOf } from './plain-text.ts';

const colours = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Colour = keyof typeof colours;

/** Returns the text in this colour where the output wants colours. */
export function coloured(output: Output, text: string, colour: Colour | null | undefined): string {
  return colour && output.colour ? `\x1b[${colours[colour]}m${text}\x1b[0m` : text;
}

/** One column. Texts may be foreign: they are made plain here. */
export interface Column<R> {
  title: string;
  text(row: R): string;
  /** Numbers stand right. */
  right?: boolean;
  colour?(row: R): Colour | null;
}

/** Rows as they are in the `--json` form, a page at a time. */
export type Pages<R> = AsyncIterable<readonly R[]>;

/** One page. */
export async function* onePage<R>(rows: readonly R[]): Pages<R> {
  yield rows;
}

/**
 * Prints rows as a table, or with `json` as an array. Widths come from the first page; the last column is cut where a
 * terminal ends, elsewhere nothing is.
 */
export async function printRows<R>(
  output: Output,
  columns: readonly Column<R>[],
  pages: Pages<R>,
  json: boolean | undefined,
): Promise<void> {
  if (json) return printJsonArray(output, pages);
  let widths: number[] | null = null;
  for await (const page of pages) {
    const cells = page.map((row) => columns.map(({ text }) => cellText(text(row))));
    if (widths === null) {
      widths = columns.map(({ title }, i) =>
        cells.reduce((most, row) => Math.max(most, widthOf(row[i] as string)), title.length),
      );
      const titles = columns.map(({ title }) => title);
      await output.write(`${coloured(output, lineOf(output, columns, titles, widths), 'bold')}\n`);
    }
    let text = '';
    for (const [i, row] of page.entries()) text += `${lineOf(output, columns, cells[i] as string[], widths, row)}\n`;
    await output.write(text);
  }
}

function lineOf<R>(
  output: Output,
  columns: readonly Column<R>[],
  cells: readonly string[],
  widths: readonly number[],
  row?: R,
): string {
  const parts: string[] = [];
  let used = 0;
  for (const [i, column] of columns.entries()) {
    const last = i === columns.length - 1;
    const cell = cells[i] as string;
    const text = last && output.isTerminal ? cutTo(cell, Math.max(1, output.columns - used)) : cell;
    const gap = ' '.repeat(Math.max(0, (widths[i] as number) - widthOf(text)));
    const shown = coloured(output, text, row === undefined ? null : column.colour?.(row));
    parts.push(column.right ? gap + shown : last ? shown : shown + gap);
    used += (widths[i] as number) + 2;
  }
  return parts.join('  ').trimEnd();
}
