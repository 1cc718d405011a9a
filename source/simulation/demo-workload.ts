/** What the demo has done: commands over real files, arithmetic, naps, and a heap of nothing. */
import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Client } from '../client/client.ts';
import { type JobSpec, jobSpec } from '../model/job.ts';

export interface Submitted {
  name: string;
  job: number;
  tasks: number;
}

const mostFiles = 240;

/** Returns regular files at and below the directory of a program, at most 240, in a stable order. */
export async function filesNear(program: string): Promise<string[]> {
  const found: string[] = [];
  const waiting = [dirname(program)];
  for (let directory = waiting.shift(); directory !== undefined; directory = waiting.shift()) {
    const entries = await readdir(directory, { withFileTypes: true });
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(directory, entry.name);
      if (entry.isDirectory() && entry.name !== 'node_modules' && !entry.name.startsWith('.')) waiting.push(path);
      else if (entry.isFile() && (await stat(path)).size > 0) found.push(path);
      if (found.length === mostFiles) return found;
    }
  }
  return found;
}

/** Submits everything; returns what became which job. */
export async function submitWorkload(client: Client, files: readonly string[]): Promise<Submitted[]> {
  const numbers = Array.from({ length: 40 }, (_, i) =>
    JSON.stringify(String(1_000_000_007n * BigInt(998_244_353 + 2 * i))),
  );
  const naps = Array.from({ length: 24 }, (_, i) => JSON.stringify(0.2 + (i % 8) * 0.1));
  return [
    await submit(client, 'checksums', command(['sha256sum', '{}']), 'lines', files),
    await submit(client, 'compress', command(['sh', '-c', 'gzip -9c "$1" | wc -c', 'sh', '{}']), 'lines', files),
    await submit(client, 'naps', task('sleep'), 'json', naps),
    await submit(client, 'factorize', task('factorize'), 'json', numbers),
    await submit(client, 'sum-up', { ...task('sum-up'), input: 1_000_000 }, 'none', 60),
    await submit(client, 'noop', task('noop'), 'none', 1_000),
  ];
}

/** Returns the number of tasks of all jobs. */
export function tasksOf(submitted: readonly Submitted[]): number {
  return submitted.reduce((sum, { tasks }) => sum + tasks, 0);
}

/** Compares each task of `checksums` with what is computed here; returns null, or one line on what is wrong. */
export async function checksumsAreRight(
  client: Client,
  submitted: readonly Submitted[],
  read: (file: string) => Buffer,
): Promise<string | null> {
  const job = submitted.find(({ name }) => name === 'checksums');
  if (job === undefined) return 'no checksums were submitted';
  const seen = new Set<number>();
  for (let from = 0; from < job.tasks; ) {
    const rows = await client.request('results', { job: job.job, from, count: 1_000 });
    if (rows.length === 0) break;
    from += rows.length;
    for (const { index, stdout, state } of rows) {
      const [sum = '', file = ''] = (stdout ?? '').trimEnd().split('  ');
      if (state !== 'succeeded' || seen.has(index)) return `task ${job.job}.${index} is ${state}, or told twice`;
      if (createHash('sha256').update(read(file)).digest('hex') !== sum) return `wrong checksum of ${file}`;
      seen.add(index);
    }
  }
  return seen.size === job.tasks ? null : `${seen.size} checksums of ${job.tasks} came`;
}

type Work = JobSpec['work'];

function command(argv: string[]): Work {
  return { kind: 'command', argv, shell: false, task: '', input: null };
}

function task(name: string): Work {
  return { kind: 'task', argv: [], shell: false, task: name, input: null };
}

async function submit(
  client: Client,
  name: string,
  work: Work,
  items: JobSpec['items'],
  given: readonly string[] | number,
): Promise<Submitted> {
  const count = typeof given === 'number' ? given : given.length;
  let upload: number | null = null;
  if (typeof given !== 'number') {
    upload = 1;
    await client.request('upload', { upload, items: [...given] });
  }
  const spec = jobSpec({ name, work, items, span: { count, first: 0, step: 1 } });
  const { job } = await client.request('submit', { spec, upload });
  return { name, job, tasks: count };
}
