/** The records of an engine's journal, read: the index says where, the engine has the bytes. */
import type { EngineReads } from './engine-reads.ts';
import { checkValue } from './engine-reads.ts';
import { type PieceRef, type Ref, recordIndex } from './engine-records.ts';
import { type Piece, pieceFrom } from './output-pieces.ts';
import type { OutputPiece, OutputSize, StreamNumber, StreamStart, TaskPage, TaskRecords } from './store.ts';
import { damage } from './store-error.ts';

export interface EngineShelf {
  /** Adds what was stored since; by others, or before this process was there. */
  catchUp(): Promise<void>;
  /** Adds a batch that this process has stored itself, right after all before it. */
  add(seq: number, rows: Float64Array, data: Uint8Array): void;
  takeDead(): number[];
  output(...where: OutputPlace): Promise<OutputPiece | null>;
  outputSize(job: number, ordinal: number, attempt: number, stream: StreamNumber): OutputSize;
  result(job: number, ordinal: number, attempt: number): Promise<string | null>;
  tasks(job: number, from: number, count: number, streamBytes: number): Promise<TaskPage>;
  items(job: number): AsyncGenerator<Uint8Array, void, undefined>;
}

type OutputPlace = [
  job: number,
  ordinal: number,
  attempt: number,
  stream: StreamNumber,
  offset: number,
  maxBytes: number,
];

/** Of the bytes last read or written. */
const cacheBytes = 32 * 1024 * 1024;
const pageTasks = 1_000;
const pageBytes = 4 * 1024 * 1024;
const none = new Uint8Array(0);

/** Returns the records of a journal; nothing is read yet. */
export function engineShelf(reads: EngineReads): EngineShelf {
  const index = recordIndex();
  const cache = new Map<number, Uint8Array>();
  let cached = 0;
  let reading: Promise<void> | null = null;

  function keep(seq: number, data: Uint8Array): void {
    cache.delete(seq);
    cache.set(seq, data);
    cached += data.length;
    for (const [oldest, { length }] of cache) {
      if (cached <= cacheBytes || oldest === seq) break;
      cache.delete(oldest);
      cached -= length;
    }
  }

  async function dataOf(seq: number): Promise<Uint8Array> {
    const held = cache.get(seq);
    if (held !== undefined) return held;
    const data = await reads.value('data', seq);
    if (data === null) throw damage('the bytes of its records are missing', { table: 'data', sequence: seq });
    keep(seq, data);
    return data;
  }

  async function bytesOf({ seq, at, bytes }: Ref): Promise<Uint8Array> {
    return bytes === 0 ? none : Uint8Array.from((await dataOf(seq)).subarray(at, at + bytes));
  }

  async function load(): Promise<void> {
    for await (const { values } of reads.pages('rows', index.seq + 1))
      for (const value of values) {
        checkValue('rows', value);
        index.add(value.seq, new Float64Array(Uint8Array.from(value.bytes).buffer));
      }
  }

  function pieces(job: number, ordinal: number, attempt: number, stream: StreamNumber): PieceRef[] {
    const all = index.task(job, ordinal)?.pieces ?? [];
    return all.filter((one) => one.attempt === attempt && one.stream === stream);
  }

  function outputSize(...[job, ordinal, attempt, stream]: Parameters<EngineShelf['outputSize']>): OutputSize {
    const all = pieces(job, ordinal, attempt, stream);
    const last = all.at(-1);
    return {
      bytes: last === undefined ? 0 : last.offset + last.bytes + last.cut,
      cut: all.reduce((sum, { cut }) => sum + cut, 0),
    };
  }

  async function output(...[job, ordinal, attempt, stream, offset, maxBytes]: OutputPlace) {
    const all = pieces(job, ordinal, attempt, stream);
    const first = all.findLastIndex((piece) => piece.offset <= offset);
    const some: Piece[] = [];
    for (const piece of all.slice(Math.max(0, first))) {
      some.push({ offset: piece.offset, cut: piece.cut, data: await bytesOf(piece) });
      if (piece.cut > 0 && piece.offset + piece.bytes + piece.cut > offset) break;
      if (piece.offset + piece.bytes >= offset + maxBytes) break;
    }
    return pieceFrom(some, offset, maxBytes, { table: 'data' });
  }

  async function result(job: number, ordinal: number, attempt: number): Promise<string | null> {
    const ref = index.task(job, ordinal)?.result ?? null;
    if (ref === null || ref.attempt !== attempt) return null;
    return Buffer.from(await bytesOf(ref)).toString();
  }

  async function start(
    ...[job, ordinal, attempt, stream, bytes]: [number, number, number, StreamNumber, number]
  ): Promise<StreamStart> {
    const size = outputSize(job, ordinal, attempt, stream);
    const piece = size.bytes === 0 ? null : await output(job, ordinal, attempt, stream, 0, bytes);
    return { data: piece?.data ?? none, ...size };
  }

  async function taskOf(job: number, ordinal: number, streamBytes: number): Promise<TaskRecords | null> {
    const task = index.task(job, ordinal);
    if (task === undefined) return null;
    const attempt = Math.max(task.result?.attempt ?? 0, task.pieces.at(-1)?.attempt ?? 0);
    return {
      ordinal,
      attempt,
      result: await result(job, ordinal, attempt),
      streams: [await start(job, ordinal, attempt, 1, streamBytes), await start(job, ordinal, attempt, 2, streamBytes)],
    };
  }

  return {
    catchUp() {
      reading ??= load().finally(() => {
        reading = null;
      });
      return reading;
    },
    add(seq, rows, data) {
      index.add(seq, rows);
      keep(seq, data);
    },
    takeDead: index.takeDead,
    output,
    outputSize,
    result,
    async tasks(job, from, count, streamBytes) {
      const end = from + Math.min(count, pageTasks);
      const tasks: TaskRecords[] = [];
      let bytes = 0;
      for (const ordinal of index.ordinals(job, from, end)) {
        if (bytes > pageBytes) return { tasks, next: ordinal };
        const task = await taskOf(job, ordinal, streamBytes);
        if (task === null) continue;
        bytes += 100 + (task.result?.length ?? 0) + task.streams[0].data.length + task.streams[1].data.length;
        tasks.push(task);
      }
      return { tasks, next: end < from + count ? end : null };
    },
    async *items(job) {
      for (const ref of index.items(job)) yield await bytesOf(ref);
    },
  };
}
