/** Rows as comma-separated values: a line of names, then a line a row; quoted as RFC 4180 has it, with plain line ends. */
import type { Output } from './io.ts';
import { cellText } from './plain-text.ts';

/**
 * Prints rows with the names that they have in JSON; what is no plain value stands as JSON, null is empty. Texts are as they
 * came, but plain on a terminal.
 */
export async function printCsv(
  output: Output,
  names: readonly string[],
  pages: AsyncIterable<readonly object[]>,
): Promise<void> {
  await output.write(lineOf(output, names));
  for await (const page of pages) {
    let text = '';
    for (const row of page) {
      const values = new Map<string, unknown>(Object.entries(row));
      text += lineOf(
        output,
        names.map((name) => textOf(values.get(name))),
      );
    }
    await output.write(text);
  }
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function lineOf(output: Output, cells: readonly string[]): string {
  const line = cells.map((cell) => quoted(output.isTerminal ? cellText(cell) : cell)).join(',');
  return `${line}\n`;
}

function quoted(cell: string): string {
  return /[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}
