/** The reading side of a local journal: synchronous, with a connection of its own, so that it never holds an append. */
import { checksum } from './checksum.ts';
import { type Piece, pieceFrom } from './output-pieces.ts';
import { packPage } from './page-bytes.ts';
import { readHead } from './schema.ts';
import type { Sqlite } from './sqlite.ts';
import type {
  OutputPiece,
  OutputSize,
  StoredBatch,
  StreamNumber,
  StreamStart,
  TaskPage,
  TaskRecords,
} from './store.ts';
import { damage } from './store-error.ts';

export interface Reads {
  /** Returns stored batches from `from` on, packed as `unpackPage` reads; about `bytes` of them, none at the head. */
  page(from: number, bytes: number): ArrayBuffer;
  snapshot(): { seq: number; parts: number } | null;
  /** A chunk, or null where that snapshot has been replaced by now. */
  chunk(seq: number, part: number): Uint8Array | null;
  output(
    job: number,
    ordinal: number,
    attempt: number,
    stream: number,
    offset: number,
    maxBytes: number,
  ): OutputPiece | null;
  outputSize(job: number, ordinal: number, attempt: number, stream: number): OutputSize;
  result(job: number, ordinal: number, attempt: number): string | null;
  tasks(job: number, from: number, count: number, streamBytes: number): TaskPage;
  /** The first part of a job's items from `from` on, or null. */
  items(job: number, from: number): { part: number; bytes: Uint8Array } | null;
}

/** A page of batches ends after so many, where they are small. */
const pageBatches = 4_096;
/** A page of tasks ends after so many, or when it has so many bytes: it is made in one go. */
const pageTasks = 1_000;
const pageBytes = 4 * 1024 * 1024;

/** Returns the reads of an open journal. They throw StoreError `damaged`, or what SQLite throws. */
export function createReads(db: Sqlite): Reads {
  const q = {
    batches: db.prepare('SELECT seq, epoch, crc, bytes FROM batches WHERE seq >= ? ORDER BY seq'),
    chunk: db.prepare('SELECT crc, bytes FROM snapshots WHERE seq = ? AND part = ?'),
    forgotten: db.prepare('SELECT 1 FROM forgotten WHERE job = ?'),
    pieces: db.prepare(
      `SELECT offset, cut, crc, data FROM outputs WHERE job = ?1 AND ordinal = ?2 AND attempt = ?3 AND stream = ?4
       AND offset >= coalesce((SELECT max(offset) FROM outputs
         WHERE job = ?1 AND ordinal = ?2 AND attempt = ?3 AND stream = ?4 AND offset <= ?5), 0) ORDER BY offset`,
    ),
    size: db.prepare(
      `SELECT coalesce(sum(cut), 0) AS cut, coalesce(max(offset + cut + length(data)), 0) AS bytes
       FROM outputs WHERE job = ? AND ordinal = ? AND attempt = ? AND stream = ?`,
    ),
    result: db.prepare('SELECT attempt, crc, json FROM results WHERE job = ? AND ordinal = ?'),
    tasks: db.prepare(
      `SELECT ordinal, max(attempt) AS attempt FROM (
         SELECT ordinal, attempt FROM results WHERE job = ?1 AND ordinal >= ?2 AND ordinal < ?3
         UNION ALL SELECT ordinal, attempt FROM outputs WHERE job = ?1 AND ordinal >= ?2 AND ordinal < ?3)
       GROUP BY ordinal ORDER BY ordinal`,
    ),
    items: db.prepare('SELECT part, crc, bytes FROM items WHERE job = ? AND part >= ? ORDER BY part LIMIT 1'),
  };
  const isForgotten = (job: number) => q.forgotten.get(job) !== undefined;

  function* pieces(job: number, ordinal: number, attempt: number, stream: number, offset: number): Generator<Piece> {
    for (const row of q.pieces.iterate(job, ordinal, attempt, stream, offset)) {
      const piece = row as unknown as Piece & { crc: number };
      const numbers = [job, ordinal, attempt, stream, piece.offset, piece.cut];
      checkRow('outputs', `the output of task ${ordinal} of job ${job}`, numbers, piece.data, piece.crc);
      yield piece;
    }
  }

  function output(job: number, ordinal: number, attempt: number, stream: number, offset: number, maxBytes: number) {
    return pieceFrom(pieces(job, ordinal, attempt, stream, offset), offset, maxBytes, { table: 'outputs' });
  }

  function outputSize(job: number, ordinal: number, attempt: number, stream: number): OutputSize {
    const row = q.size.get(job, ordinal, attempt, stream);
    return { bytes: Number(row?.bytes), cut: Number(row?.cut) };
  }

  function result(job: number, ordinal: number, attempt: number): string | null {
    const row = q.result.get(job, ordinal);
    if (row === undefined || row.attempt !== attempt) return null;
    const json = row.json as Uint8Array;
    checkRow('results', `the result of task ${ordinal} of job ${job}`, [job, ordinal, attempt], json, row.crc);
    return Buffer.from(json.buffer, json.byteOffset, json.length).toString('utf8');
  }

  function start(
    job: number,
    ordinal: number,
    attempt: number,
    stream: StreamNumber,
    streamBytes: number,
  ): StreamStart {
    const size = outputSize(job, ordinal, attempt, stream);
    const piece = size.bytes === 0 ? null : output(job, ordinal, attempt, stream, 0, streamBytes);
    return { data: piece?.data ?? new Uint8Array(0), ...size };
  }

  return {
    page(from, bytes) {
      const rows: StoredBatch[] = [];
      let size = 0;
      for (const row of q.batches.iterate(from)) {
        const { seq, epoch, crc, bytes: facts } = row as unknown as StoredBatch;
        if (![seq, epoch, crc].every((one) => typeof one === 'number') || !(facts instanceof Uint8Array))
          throw damage('it is not a batch', { table: 'batches', sequence: seq });
        rows.push({ seq, epoch, crc, bytes: facts });
        size += facts.length;
        if (size >= bytes || rows.length >= pageBatches) break;
      }
      return packPage(rows, size);
    },
    snapshot() {
      const { snapshot, parts } = readHead(db);
      return snapshot === 0 ? null : { seq: snapshot, parts };
    },
    chunk(seq, part) {
      const row = q.chunk.get(seq, part);
      if (row === undefined) {
        if (readHead(db).snapshot !== seq) return null;
        throw damage(`part ${part} of the snapshot is missing`, { table: 'snapshots', sequence: seq });
      }
      const bytes = row.bytes as Uint8Array;
      if (!(bytes instanceof Uint8Array) || row.crc !== checksum([seq, part], bytes))
        throw damage(`the checksum of part ${part} of the snapshot is wrong`, { table: 'snapshots', sequence: seq });
      return bytes;
    },
    output: (job, ...rest) => (isForgotten(job) ? null : output(job, ...rest)),
    outputSize: (job, ...rest) => (isForgotten(job) ? { bytes: 0, cut: 0 } : outputSize(job, ...rest)),
    result: (job, ...rest) => (isForgotten(job) ? null : result(job, ...rest)),
    tasks(job, from, count, streamBytes) {
      if (isForgotten(job)) return { tasks: [], next: null };
      const tasks: TaskRecords[] = [];
      const end = from + Math.min(count, pageTasks);
      let bytes = 0;
      for (const row of q.tasks.all(job, from, end)) {
        const ordinal = Number(row.ordinal);
        if (bytes > pageBytes) return { tasks, next: ordinal };
        const attempt = Number(row.attempt);
        const task = {
          ordinal,
          attempt,
          result: result(job, ordinal, attempt),
          streams: [
            start(job, ordinal, attempt, 1, streamBytes),
            start(job, ordinal, attempt, 2, streamBytes),
          ] as const,
        };
        bytes += 100 + (task.result?.length ?? 0) + task.streams[0].data.length + task.streams[1].data.length;
        tasks.push(task);
      }
      return { tasks, next: end < from + count ? end : null };
    },
    items(job, from) {
      const row = isForgotten(job) ? undefined : q.items.get(job, from);
      if (row === undefined) return null;
      const bytes = row.bytes as Uint8Array;
      checkRow('items', `the items of job ${job}`, [job, Number(row.part)], bytes, row.crc);
      return { part: Number(row.part), bytes };
    },
  };
}

function checkRow(table: string, what: string, numbers: number[], bytes: unknown, crc: unknown): void {
  if (!(bytes instanceof Uint8Array) || crc !== checksum(numbers, bytes))
    throw damage(`the checksum of ${what} is wrong`, { table });
}
