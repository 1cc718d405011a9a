/** Long lists of a coordinator, a page at a time. */
import type { JobRow, ResultRow, TaskRow } from '../model/report.ts';
import type { Client } from './client.ts';

const pageRows = 1_000;

/** All jobs in order of id. */
export async function* jobPages(client: Client): AsyncIterable<JobRow[]> {
  for (let from = 0; ; ) {
    const rows = await client.request('jobs', { from, count: pageRows });
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    from = last.job + 1;
  }
}

/** All tasks of a job in order of index. */
export async function* taskPages(client: Client, job: number): AsyncIterable<TaskRow[]> {
  for (let from = 0; ; ) {
    const rows = await client.request('tasks', { job, from, count: pageRows });
    if (rows.length === 0) return;
    yield rows;
    from += rows.length; // a page may be shorter than asked before the end
  }
}

/** All results of a job in order of index. */
export async function* resultPages(client: Client, job: number): AsyncIterable<ResultRow[]> {
  for (let from = 0; ; ) {
    const rows = await client.request('results', { job, from, count: pageRows });
    if (rows.length === 0) return;
    yield rows;
    from += rows.length;
  }
}

/** A result as the contract has it: `truncated` stands only where something was cut. */
export function resultJson({ truncated, ...row }: ResultRow): Omit<ResultRow, 'truncated'> & { truncated?: true } {
  return truncated ? { ...row, truncated } : row;
}
