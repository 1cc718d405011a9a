/** The records of the memory store. */
import { type Piece, pieceFrom } from './output-pieces.ts';
import type { OutputPiece, OutputSize, StoreRecord, StreamNumber, StreamStart, TaskPage } from './store.ts';

export interface MemoryRecords {
  put(record: StoreRecord): void;
  output(
    job: number,
    ordinal: number,
    attempt: number,
    stream: StreamNumber,
    offset: number,
    maxBytes: number,
  ): OutputPiece | null;
  outputSize(job: number, ordinal: number, attempt: number, stream: StreamNumber): OutputSize;
  result(job: number, ordinal: number, attempt: number): string | null;
  tasks(job: number, from: number, count: number, streamBytes: number): TaskPage;
  items(job: number): Uint8Array[];
}

interface TaskEntry {
  result: { attempt: number; json: string } | null;
  /** Of each attempt the pieces of stdout and stderr, by offset. */
  attempts: Map<number, [Map<number, Piece>, Map<number, Piece>]>;
}

interface JobEntry {
  tasks: Map<number, TaskEntry>;
  items: Map<number, Uint8Array>;
}

const none = new Uint8Array(0);

/** Returns a place for records, empty. */
export function memoryRecords(): MemoryRecords {
  const jobs = new Map<number, JobEntry>();

  function jobOf(id: number): JobEntry {
    let job = jobs.get(id);
    if (job === undefined) {
      job = { tasks: new Map(), items: new Map() };
      jobs.set(id, job);
    }
    return job;
  }

  function taskOf(id: number, ordinal: number): TaskEntry {
    const { tasks } = jobOf(id);
    let task = tasks.get(ordinal);
    if (task === undefined) {
      task = { result: null, attempts: new Map() };
      tasks.set(ordinal, task);
    }
    return task;
  }

  function pieces(job: number, ordinal: number, attempt: number, stream: StreamNumber): Piece[] {
    const found = jobs.get(job)?.tasks.get(ordinal)?.attempts.get(attempt)?.[stream - 1];
    return found === undefined ? [] : [...found.values()].sort((a, b) => a.offset - b.offset);
  }

  function output(...[job, ordinal, attempt, stream, offset, maxBytes]: Parameters<MemoryRecords['output']>) {
    const all = pieces(job, ordinal, attempt, stream);
    const first = Math.max(
      0,
      all.findLastIndex((piece) => piece.offset <= offset),
    );
    return pieceFrom(all.slice(first), offset, maxBytes, { table: 'outputs' });
  }

  function outputSize(job: number, ordinal: number, attempt: number, stream: StreamNumber): OutputSize {
    const all = pieces(job, ordinal, attempt, stream);
    const last = all.at(-1);
    return {
      bytes: last === undefined ? 0 : last.offset + last.data.length + last.cut,
      cut: all.reduce((sum, { cut }) => sum + cut, 0),
    };
  }

  function result(job: number, ordinal: number, attempt: number): string | null {
    const found = jobs.get(job)?.tasks.get(ordinal)?.result;
    return found?.attempt === attempt ? found.json : null;
  }

  return {
    put(record) {
      if (record.kind === 'forget') jobs.delete(record.job);
      else if (record.kind === 'items') {
        const { items } = jobOf(record.job);
        if (record.part === 0) items.clear();
        items.set(record.part, Uint8Array.from(record.bytes));
      } else if (record.kind === 'result') {
        const task = taskOf(record.job, record.ordinal);
        if (task.result === null || record.attempt >= task.result.attempt)
          task.result = { attempt: record.attempt, json: record.json };
      } else {
        const { attempt, stream, offset, data, cut } = record;
        const { attempts } = taskOf(record.job, record.ordinal);
        if (offset === 0) for (const earlier of attempts.keys()) if (earlier < attempt) attempts.delete(earlier);
        const streams = attempts.get(attempt) ?? [new Map<number, Piece>(), new Map<number, Piece>()];
        attempts.set(attempt, streams);
        const before = streams[stream - 1]?.get(offset);
        if (before === undefined || data.length + cut >= before.data.length + before.cut)
          streams[stream - 1]?.set(offset, { offset, data: Uint8Array.from(data), cut });
      }
    },
    output,
    outputSize,
    result,
    tasks(job, from, count, streamBytes) {
      const start = (ordinal: number, attempt: number, stream: StreamNumber): StreamStart => ({
        data: output(job, ordinal, attempt, stream, 0, streamBytes)?.data ?? none,
        ...outputSize(job, ordinal, attempt, stream),
      });
      const found = [...(jobs.get(job)?.tasks ?? [])].filter(([ordinal]) => ordinal >= from && ordinal < from + count);
      found.sort(([a], [b]) => a - b);
      const tasks = found.map(([ordinal, task]) => {
        const attempt = Math.max(task.result?.attempt ?? 0, ...task.attempts.keys());
        return {
          ordinal,
          attempt,
          result: result(job, ordinal, attempt),
          streams: [start(ordinal, attempt, 1), start(ordinal, attempt, 2)] as const,
        };
      });
      return { tasks, next: null };
    },
    items(job) {
      return [...(jobs.get(job)?.items ?? [])].sort(([a], [b]) => a - b).map(([, bytes]) => Uint8Array.from(bytes));
    },
  };
}
