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

/** Returns one such row, and about how many bytes of a frame it takes. */
export async function readRow(
  state: State,
  job: JobRecord,
  outputs: Outputs,
  ordinal: number,
): Promise<{ row: ResultRow; bytes: number }> {
  const text = (await outputs.page(job.id, ordinal, 1, limits.resultStreamBytes)).tasks.get(ordinal);
  const row = resultRow(state, job, text, ordinal);
  return { row, bytes: rowBytes(row, text?.result ?? null) };
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
  const text = Buffer.from(data.buffer, data.byteOffset, data.length).toString('utf8');
  return { text, truncated: bytes > data.length };
}
