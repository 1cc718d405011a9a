/** What the words that print a table have in common: its formats, the pager, and `--watch`. */
import type { Shape } from '../model/shape.ts';
import type { Call } from './call.ts';
import type { Client } from './client.ts';
import { usage } from './complaint.ts';
import { printCsv } from './csv.ts';
import { type Output, printJson } from './io.ts';
import { type Column, type Pages, printRows } from './table.ts';

export interface TableOf<R extends object> {
  /** `now` in ms since the epoch. */
  columns(now: number): readonly Column<R>[];
  /** Of a row, for the names in CSV. */
  shape: Shape<R>;
  pages(client: Client): Pages<R>;
}

/** Prints it as the flags say. Resolves with the exit code; throws LbtopError. */
export async function showTable<R extends object>(call: Call, table: TableOf<R>): Promise<number> {
  const { flags, io } = call;
  if (flags.json && (flags.tableFormat ?? 'json') !== 'json')
    throw usage(`--json and --format ${flags.tableFormat}: choose one`);
  const format = flags.json ? 'json' : (flags.tableFormat ?? 'table');
  if (flags.watch !== undefined && format === 'csv')
    throw usage('--watch repeats a table or JSON: leave out --format csv');
  const client = await call.client();
  const print = async (output: Output): Promise<void> => {
    const pages = table.pages(client);
    if (format === 'csv') await printCsv(output, Object.keys(table.shape.fields ?? {}), pages);
    else if (format === 'json' && flags.watch !== undefined) {
      const rows: R[] = [];
      for await (const page of pages) rows.push(...page);
      await printJson(output, rows); // a line each time
    } else await printRows(output, table.columns(io.now()), pages, format === 'json');
  };
  if (flags.watch !== undefined) {
    const { watch } = await import('./watch.ts');
    await watch(call, flags.watch, print);
  } else if (format === 'table' && io.stdout.isTerminal) {
    const { paged } = await import('./pager.ts');
    await paged(io, print);
  } else await print(io.stdout);
  return 0;
}
