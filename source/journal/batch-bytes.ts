/**
 * A batch in one buffer of its own: what comes from the wire lies in pieces of larger buffers, so that one copy is due
 * anyway, and this one buffer then goes to another thread without a second one. A place for `columns` numbers for each
 * record, then all the bytes:
 *
 *   [records, facts' bytes, { kind, job, ordinal, attempt, number, offset, cut, bytes } …]  doubles
 *   facts, then each record's bytes
 *
 * `number` is the stream, or the part of the items.
 */
import type { Batch, StoreRecord, StreamNumber } from './store.ts';

const columns = 8;
const kinds = ['output', 'result', 'items', 'forget'] as const;
const none = new Uint8Array(0);

/** What a record takes beside its bytes, roughly, here and on disk. */
export const recordOverheadBytes = 64;

/** Returns about how much of a store's limit a record takes: never less than it really does. */
export function recordBytes(record: StoreRecord): number {
  switch (record.kind) {
    case 'output':
      return recordOverheadBytes + record.data.length;
    case 'result':
      return recordOverheadBytes + record.json.length * 3;
    case 'items':
      return recordOverheadBytes + record.bytes.length;
    case 'forget':
      return recordOverheadBytes;
  }
}

/** Returns the batch in a buffer that nothing else uses. */
export function gatherBatch({ facts, records }: Batch): ArrayBuffer {
  let bytes = 8 * (2 + columns * records.length);
  const begin = bytes;
  bytes += facts.length;
  for (const record of records) bytes += bytesOf(record);
  const buffer = new ArrayBuffer(bytes);
  const head = new Float64Array(buffer, 0, 2 + columns * records.length);
  const body = Buffer.from(buffer);
  head[0] = records.length;
  head[1] = facts.length;
  body.set(facts, begin);
  let at = begin + facts.length;
  let column = 2;
  for (const record of records) {
    const size = put(record, body, at);
    head[column] = kinds.indexOf(record.kind);
    head[column + 1] = record.job;
    if (record.kind === 'output' || record.kind === 'result') {
      head[column + 2] = record.ordinal;
      head[column + 3] = record.attempt;
    }
    if (record.kind === 'output') {
      head[column + 4] = record.stream;
      head[column + 5] = record.offset;
      head[column + 6] = record.cut;
    } else if (record.kind === 'items') head[column + 4] = record.part;
    head[column + 7] = size;
    at += size;
    column += columns;
  }
  return buffer;
}

function bytesOf(record: StoreRecord): number {
  switch (record.kind) {
    case 'output':
      return record.data.length;
    case 'result':
      return Buffer.byteLength(record.json);
    case 'items':
      return record.bytes.length;
    case 'forget':
      return 0;
  }
}

function put(record: StoreRecord, body: Buffer, at: number): number {
  switch (record.kind) {
    case 'output':
      body.set(record.data, at);
      return record.data.length;
    case 'result':
      return body.write(record.json, at);
    case 'items':
      body.set(record.bytes, at);
      return record.bytes.length;
    case 'forget':
      return 0;
  }
}

/** A record as its row: `number` is the stream or the part, `bytes` a view of the buffer. */
export interface GatheredRecord {
  kind: (typeof kinds)[number];
  job: number;
  ordinal: number;
  attempt: number;
  number: StreamNumber | number;
  offset: number;
  cut: number;
  bytes: Uint8Array;
}

/** Returns the facts of a gathered batch, and calls `take` with one record after the other, always the same object. */
export function factsOf(buffer: ArrayBuffer): Uint8Array {
  const head = new Float64Array(buffer, 0, 2);
  return new Uint8Array(buffer, 8 * (2 + columns * (head[0] as number)), head[1] as number);
}

/** Calls `take` with each record in order: always the same object, with other contents. */
export function eachRecord(buffer: ArrayBuffer, take: (record: GatheredRecord) => void): void {
  const { records, data } = recordsOf(buffer);
  eachRow(records, (row, at, size) => {
    row.bytes = new Uint8Array(buffer, data.byteOffset + at, size);
    take(row);
  });
}

/** Returns the two parts of a gathered batch that are about its records: a row of numbers for each, and all their bytes. */
export function recordsOf(buffer: ArrayBuffer): { records: Float64Array; data: Uint8Array } {
  const [count, factBytes] = new Float64Array(buffer, 0, 2) as unknown as [number, number];
  const records = new Float64Array(buffer, 16, columns * count);
  return { records, data: new Uint8Array(buffer, 16 + records.byteLength + factBytes) };
}

/**
 * Calls `take` with each row of `recordsOf`, and where its bytes lie in `data`: always the same object, with other
 * contents, and without `bytes`.
 */
export function eachRow(records: Float64Array, take: (row: GatheredRecord, at: number, bytes: number) => void): void {
  let at = 0;
  const row: GatheredRecord = {
    kind: 'forget',
    job: 0,
    ordinal: 0,
    attempt: 0,
    number: 0,
    offset: 0,
    cut: 0,
    bytes: none,
  };
  for (let column = 0; column < records.length; column += columns) {
    const size = records[column + 7] as number;
    row.kind = kinds[records[column] as number] ?? 'forget';
    row.job = records[column + 1] as number;
    row.ordinal = records[column + 2] as number;
    row.attempt = records[column + 3] as number;
    row.number = records[column + 4] as number;
    row.offset = records[column + 5] as number;
    row.cut = records[column + 6] as number;
    take(row, at, size);
    at += size;
  }
}
