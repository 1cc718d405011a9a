import { indexOf, taskId } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import type { ResultRow } from '../model/report.ts';
import type { Json } from '../model/shape.ts';
import { type JobRecord, nodeOf, type State } from '../scheduler/state.ts';
import type { Outputs, StreamNumber } from './outputs.ts';

/** A page ends early when its rows hold so much output. */
export const pageBytes = 4 * 1024 * 1024;

/** Returns rows of `results` from the ordinal `from` on: at most `count`, at least one where there are any. */
export function resultRows(state: State, job: JobRecord, outputs: Outputs, from: number, count: number): ResultRow[] {
  const rows: ResultRow[] = [];
  let bytes = 0;
  for (let ordinal = from; ordinal < job.tasks.count && rows.length < count && bytes < pageBytes; ordinal++) {
    const row = resultRow(state, job, outputs, ordinal);
    bytes += 200 + (row.stdout?.length ?? 0) + (row.stderr?.length ?? 0);
    rows.push(row);
  }
  return rows;
}

function resultRow(state: State, job: JobRecord, outputs: Outputs, ordinal: number): ResultRow {
  const { tasks } = job;
  const index = indexOf(job.spec.span, ordinal);
  const exitCode = tasks.get(ordinal, 'exitCode');
  const isCommand = job.spec.work.kind === 'command';
  const stdout = isCommand ? streamText(outputs, job.id, ordinal, 1) : null;
  const stderr = isCommand ? streamText(outputs, job.id, ordinal, 2) : null;
  const result = outputs.result(job.id, ordinal);
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
    error: tasks.error(ordinal),
    runMs: known(tasks.get(ordinal, 'runMs')),
    cpuMs: known(tasks.get(ordinal, 'cpuMs')),
    truncated: (stdout?.truncated ?? false) || (stderr?.truncated ?? false),
  };
}

function streamText(outputs: Outputs, job: number, ordinal: number, stream: StreamNumber) {
  const { bytes } = outputs.size(job, ordinal, stream);
  const data = outputs.read(job, ordinal, stream, 0, limits.resultStreamBytes)?.data ?? Buffer.alloc(0);
  return { text: data.toString('utf8'), truncated: bytes > data.length };
}

/** Durations are kept as single floats: what is beyond a microsecond is noise. */
function known(value: number): number | null {
  return Number.isNaN(value) ? null : Math.round(value * 1_000) / 1_000;
}
