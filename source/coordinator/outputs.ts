/**
 * What tasks wrote and returned: the contract, and the one that keeps it in memory, of each task that of its last attempt.
 * Bounded: the outputs of tasks that ended longest ago go first, and are marked as cut.
 */
import { limits } from '../model/limits.ts';
import type { Attempt } from '../model/node.ts';
import { outputWatch } from './output-watch.ts';

/** 1 stdout, 2 stderr. */
export type StreamNumber = 1 | 2;

/** At once where it is in memory. */
export type Soon<T> = T | Promise<T>;

export interface OutputPiece {
  data: Uint8Array;
  /** Bytes that were cut right after `data`. */
  cut: number;
  /** The offset to read on from. */
  next: number;
}

/** What is held of a task: its result as JSON text, and the beginnings of its streams with their whole sizes. */
export interface TaskText {
  readonly result: string | null;
  readonly streams: readonly [StreamStart, StreamStart];
}

export interface StreamStart {
  readonly data: Uint8Array;
  /** Those that were cut included. */
  readonly bytes: number;
}

/** Tasks by ordinal, those of which something is held. All before `next` have been looked at. */
export interface TextPage {
  readonly tasks: ReadonlyMap<number, TaskText>;
  readonly next: number;
}

export interface Outputs {
  /**
   * Takes a piece; one that begins before what is there already (sent again) gives only its new part, a gap counts as
   * cut. Calls `stored` with the offset up to which the stream is held, once that is as durable as it gets here.
   */
  append(
    attempt: Attempt,
    stream: StreamNumber,
    offset: number,
    data: Uint8Array,
    cut: number,
    stored: (offset: number) => void,
  ): void;
  /**
   * Null, or what resolves when all that was appended of an attempt is as far as what is committed next: its end must not
   * be durable before its output.
   */
  pending(attempt: Attempt): Promise<void> | null;
  /** Returns at most `maxBytes` from `offset` on, or null where nothing is there (yet). */
  read(job: number, ordinal: number, stream: StreamNumber, offset: number, maxBytes: number): Soon<OutputPiece | null>;
  /** Bytes of a stream, those that were cut included. */
  size(job: number, ordinal: number, stream: StreamNumber): Soon<{ bytes: number; cut: number }>;
  /** Of at most `count` (at least 1) ordinals from `from` on, with at most `streamBytes` of each stream. */
  page(job: number, from: number, count: number, streamBytes: number): Soon<TextPage>;
  /** Called as soon as the end of the attempt is applied: it is durable no later than that. */
  setResult(attempt: Attempt, result: string): void;
  /** The task's end is durable (null: that of all of the job that were queued): its output may go when room is needed. */
  ended(job: number, ordinal: number | null): void;
  /** The job is purged. Called as soon as that is applied. */
  forget(job: number): void;
  /** Calls `listener` when output of a task came or it ended (null: any); returns the way to end that. */
  watch(job: number, listener: (ordinal: number | null) => void): () => void;
}

interface Stream {
  buffer: Buffer;
  bytes: number;
  cut: number;
}

interface TaskOutput {
  attempt: number;
  streams: [Stream, Stream];
  result: string | null;
}

const none = Buffer.alloc(0);
/** Guess of what an entry costs beside its bytes. */
const entryBytes = 200;

/** Returns an empty store that holds at most `maxBytes`. */
export function memoryOutputs(maxBytes: number = limits.outputMemoryBytes): Outputs {
  const jobs = new Map<number, Map<number, TaskOutput>>();
  const watchers = outputWatch();
  let total = 0;
  /** Ended tasks, the earliest first. */
  let order: [job: number, ordinal: number][] = [];
  let oldest = 0;

  function entry({ job, ordinal, attempt }: Attempt): TaskOutput {
    let tasks = jobs.get(job);
    if (tasks === undefined) {
      tasks = new Map();
      jobs.set(job, tasks);
    }
    let task = tasks.get(ordinal);
    if (task === undefined || task.attempt !== attempt) {
      if (task !== undefined) total -= bytesOf(task);
      task = { attempt, streams: [emptyStream(), emptyStream()], result: null };
      tasks.set(ordinal, task);
      total += entryBytes;
    }
    return task;
  }

  function makeRoom(): void {
    while (total > maxBytes && oldest < order.length) {
      const [job, ordinal] = order[oldest++] as [number, number];
      const task = jobs.get(job)?.get(ordinal);
      if (task === undefined) continue;
      for (const stream of task.streams) {
        total -= stream.buffer.length;
        stream.cut += stream.bytes;
        stream.bytes = 0;
        stream.buffer = none;
      }
    }
    if (oldest > 10_000) {
      order = order.slice(oldest);
      oldest = 0;
    }
  }

  const streamOf = (job: number, ordinal: number, stream: StreamNumber) =>
    jobs.get(job)?.get(ordinal)?.streams[stream - 1];

  return {
    pending: () => null,
    append(attempt, number, offset, data, cut, stored) {
      const stream = entry(attempt).streams[number - 1] as Stream;
      const held = stream.bytes + stream.cut;
      if (offset > held) stream.cut += offset - held;
      const fresh = data.subarray(Math.min(data.length, Math.max(0, held - offset)));
      if (fresh.length > 0) {
        if (stream.cut > 0 && stream.bytes === 0) {
          // What came before it is gone: only its end is told, so nothing is put after a hole.
          stream.cut += fresh.length;
        } else {
          const before = stream.buffer.length;
          put(stream, fresh);
          total += stream.buffer.length - before;
        }
      }
      if (offset + data.length >= held) stream.cut += cut;
      makeRoom();
      watchers.tell(attempt.job, attempt.ordinal);
      stored(stream.bytes + stream.cut);
    },
    read(job, ordinal, number, offset, maxBytes) {
      const stream = streamOf(job, ordinal, number);
      if (stream === undefined) return null;
      const end = Math.min(stream.bytes, offset + maxBytes);
      if (offset < end) {
        const data = stream.buffer.subarray(offset, end);
        return { data, cut: end === stream.bytes ? stream.cut : 0, next: end };
      }
      return offset === stream.bytes && offset === 0 && stream.cut > 0
        ? { data: none, cut: stream.cut, next: 0 }
        : null;
    },
    size(job, ordinal, number) {
      const stream = streamOf(job, ordinal, number);
      return { bytes: (stream?.bytes ?? 0) + (stream?.cut ?? 0), cut: stream?.cut ?? 0 };
    },
    page(job, from, count, streamBytes) {
      const held = jobs.get(job);
      const tasks = new Map<number, TaskText>();
      const start = ({ buffer, bytes, cut }: Stream): StreamStart => ({
        data: buffer.subarray(0, Math.min(bytes, streamBytes)),
        bytes: bytes + cut,
      });
      for (let ordinal = from; ordinal < from + count; ordinal++) {
        const task = held?.get(ordinal);
        if (task === undefined) continue;
        tasks.set(ordinal, { result: task.result, streams: [start(task.streams[0]), start(task.streams[1])] });
      }
      return { tasks, next: from + count };
    },
    setResult(attempt, result) {
      const task = entry(attempt);
      task.result = result;
      total += result.length;
    },
    ended(job, ordinal) {
      if (ordinal !== null && jobs.get(job)?.has(ordinal)) order.push([job, ordinal]);
      watchers.tell(job, ordinal);
    },
    forget(job) {
      for (const task of jobs.get(job)?.values() ?? []) total -= bytesOf(task);
      jobs.delete(job);
    },
    watch: watchers.watch,
  };
}

function emptyStream(): Stream {
  return { buffer: none, bytes: 0, cut: 0 };
}

function bytesOf({ streams, result }: TaskOutput): number {
  return entryBytes + streams[0].buffer.length + streams[1].buffer.length + (result?.length ?? 0);
}

function put(stream: Stream, data: Uint8Array): void {
  const needed = stream.bytes + data.length;
  if (needed > stream.buffer.length) {
    // The first piece of most tasks is their only one: it gets just its room.
    const grown = Buffer.allocUnsafeSlow(stream.bytes === 0 ? needed : Math.max(needed, stream.buffer.length * 2));
    stream.buffer.copy(grown, 0, 0, stream.bytes);
    stream.buffer = grown;
  }
  stream.buffer.set(data, stream.bytes);
  stream.bytes = needed;
}
