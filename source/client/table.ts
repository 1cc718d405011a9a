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
  /** Left out where a terminal is too narrow for all columns: the highest first; never, where nothing is said. */
  spare?: number;
  colour?(row: R): Colour | null;
}

/** Rows as they are in the `--json` form, a page at a time. */
export type Pages<R> = AsyncIterable<readonly R[]>;

/** One page. */
export async function* onePage<R>(rows: readonly R[]): Pages<R> {
  yield rows;
}

/**
 * Prints rows as a table, or with `json` as an array. Widths come from the first page. A terminal that is too narrow gets
 * fewer columns, and the last one cut where it ends; elsewhere nothing is left out.
 */
export async function printRows<R>(
  output: Output,
  columns: readonly Column<R>[],
  pages: Pages<R>,
  json: boolean | undefined,
): Promise<void> {
  if (json) return printJsonArray(output, pages);
  let shown: readonly Column<R>[] = columns;
  let widths: number[] | null = null;
  for await (const page of pages) {
    if (widths === null) {
      const all = columns.map((column) =>
        page.reduce((most, row) => Math.max(most, widthOf(cellText(column.text(row)))), column.title.length),
      );
      const isBlank = columns.map((column) => page.every((row) => column.text(row) === ''));
      const fit = output.isTerminal ? fitting(columns, all, isBlank, output.columns) : columns.map((_, i) => i);
      shown = fit.map((i) => columns[i] as Column<R>);
      widths = fit.map((i) => all[i] as number);
      const titles = shown.map(({ title }) => title);
      await output.write(`${coloured(output, lineOf(output, shown, titles, widths), 'bold')}\n`);
    }
    let text = '';
    for (const row of page) {
      const cells = shown.map((column) => cellText(column.text(row)));
      text += `${lineOf(output, shown, cells, widths, row)}\n`;
    }
    await output.write(text);
  }
}

/** Of the last column, which is cut where the terminal ends, this much is to be seen. */
const lastCells = 20;
const gapCells = 2;

/** Returns which columns a terminal of that width has room for, in their order. What is blank goes first. */
function fitting<R>(
  columns: readonly Column<R>[],
  widths: readonly number[],
  isBlank: readonly boolean[],
  width: number,
): number[] {
  const fit = columns.map((_, i) => i);
  const needed = (): number =>
    fit.reduce((sum, i, place) => {
      const cells = widths[i] as number;
      return sum + (place === fit.length - 1 ? Math.min(cells, lastCells) : cells + gapCells);
    }, 0);
  const bySpare = columns.flatMap(({ spare }, i) =>
    spare === undefined ? [] : [{ spare: isBlank[i] ? Number.POSITIVE_INFINITY : spare, i }],
  );
  for (const { i } of bySpare.toSorted((a, b) => b.spare - a.spare)) {
    if (needed() <= width) break;
    fit.splice(fit.indexOf(i), 1);
  }
  return fit;
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
    used += (widths[i] as number) + gapCells;
  }
  return parts.join(' '.repeat(gapCells)).trimEnd();
}
