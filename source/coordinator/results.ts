import { StringDecoder } from 'node:string_decoder';
import { indexOf, taskId } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import type { ResultRow } from '../model/report.ts';
import type { Json } from '../model/shape.ts';
import { type JobRecord, nodeOf, type State } from '../scheduler/state.ts';
import { closedWhy, taskUse } from '../view/report.ts';
import type { Outputs, StreamStart, TaskText } from './outputs.ts';

/** A page ends early when its rows hold so much output. */
export const pageBytes = 4 * 1024 * 1024;

/** Tasks that are asked for at once: what they may hold in memory is bounded by it. */
const tasksAtOnce = 128;

/** Returns rows of `results` from the ordinal `from` on: at most `count`, at least one where there are any. */
export async function resultRows(
  state: State,
  job: JobRecord,
  outputs: Outputs,
  from: number,
  count: number,
): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  const end = Math.min(job.tasks.count, from + count);
  let bytes = 0;
  for (let ordinal = from; ordinal < end && bytes < pageBytes; ) {
    const page = await outputs.page(job.id, ordinal, Math.min(tasksAtOnce, end - ordinal), limits.resultStreamBytes);
    for (; ordinal < page.next && ordinal < end && bytes < pageBytes; ordinal++) {
      const row = resultRow(state, job, page.tasks.get(ordinal), ordinal);
      bytes += rowBytes(row, page.tasks.get(ordinal)?.result ?? null);
      rows.push(row);
    }
  }
  return rows;
}

/**
 * Returns rows of these tasks in this order: at least one where there are any, and fewer than asked for where they hold much.
 * Neighbours are read together, whatever their order: one at a time a read from disk costs more than the task.
 */
export async function rowsOf(
  state: State,
  job: JobRecord,
  outputs: Outputs,
  ordinals: readonly number[],
): Promise<ResultRow[]> {
  const runs = runsOf(ordinals);
  const read = new Map<number, TaskText | undefined>();
  const rows: ResultRow[] = [];

  async function readFrom(from: number, count: number): Promise<void> {
    const page = await outputs.page(job.id, from, count, limits.resultStreamBytes);
    const end = Math.min(page.next, from + count);
    for (let ordinal = from; ordinal < end; ordinal++) read.set(ordinal, page.tasks.get(ordinal));
  }

  let bytes = 0;
  for (const ordinal of ordinals) {
    if (bytes >= pageBytes) break;
    const run = runs.get(ordinal);
    if (!read.has(ordinal) && run !== undefined) await readFrom(run.from, run.count);
    if (!read.has(ordinal)) await readFrom(ordinal, 1); // those before it in the run fill a page
    const text = read.get(ordinal);
    read.delete(ordinal);
    const row = resultRow(state, job, text, ordinal);
    bytes += rowBytes(row, text?.result ?? null);
    rows.push(row);
  }
  return rows;
}

interface Run {
  from: number;
  count: number;
}

/** Nodes end what they were given in turn: between neighbours of one are those of the others, read for nothing. */
const gapTasks = 8;

/** Returns for each of these ordinals the run of neighbours that it is in. */
function runsOf(ordinals: readonly number[]): Map<number, Run> {
  const runs = new Map<number, Run>();
  let run: Run = { from: 0, count: 0 };
  for (const ordinal of [...ordinals].sort((a, b) => a - b)) {
    const count = ordinal - run.from + 1;
    if (ordinal >= run.from + run.count + gapTasks || count > tasksAtOnce) run = { from: ordinal, count: 1 };
    else run.count = count;
    runs.set(ordinal, run);
  }
  return runs;
}

/** What a row takes of a frame, about: bytes that are no text take three each. */
function rowBytes({ stdout, stderr, error }: ResultRow, result: string | null): number {
  return [stdout, stderr, error, result].reduce(
    (sum, text) => sum + (text === null ? 0 : Buffer.byteLength(text)),
    200,
  );
}

function resultRow(state: State, job: JobRecord, text: TaskText | undefined, ordinal: number): ResultRow {
  const { tasks } = job;
  const index = indexOf(job.spec.span, ordinal);
  const exitCode = tasks.get(ordinal, 'exitCode');
  const isCommand = job.spec.work.kind === 'command';
  const stdout = isCommand ? streamText(text?.streams[0]) : null;
  const stderr = isCommand ? streamText(text?.streams[1]) : null;
  const result = text?.result ?? null;
  const { runMs, cpuMs, peakBytes } = taskUse(job, ordinal);
  return {
    task: taskId(job.id, index),
    index,
    state: tasks.state(ordinal),
    exitCode: exitCode === -1 ? null : exitCode,
    node: nodeOf(state, job, ordinal)?.name ?? null,
    attempt: tasks.get(ordinal, 'attempt'),
    result: result === null ? null : (JSON.parse(result) as Json),
    stdout: stdout?.text ?? null,
    stderr: stderr?.text ?? null,
    error: tasks.error(ordinal) ?? closedWhy(job, ordinal),
    runMs,
    cpuMs,
    truncated: (stdout?.truncated ?? false) || (stderr?.truncated ?? false),
    peakBytes,
  };
}

function streamText(start: StreamStart | undefined) {
  if (start === undefined) return { text: '', truncated: false };
  const { data, bytes } = start;
  const truncated = bytes > data.length;
  const decoder = new StringDecoder('utf8');
  const text = decoder.write(Buffer.from(data.buffer, data.byteOffset, data.length));
  // Where it was cut, half a letter at the end is not the task's.
  return { text: truncated ? text : text + decoder.end(), truncated };
}
