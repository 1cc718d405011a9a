/**
 * Stored batches in one buffer, which goes from thread to thread without a copy:
 *
 *   [batches, { seq, epoch, crc, bytes } …]  doubles
 *   each batch's bytes
 */
import type { StoredBatch } from './store.ts';

const columns = 4;

/** Returns the rows in a buffer of its own; `size` is the sum of their bytes. */
export function packPage(rows: readonly StoredBatch[], size: number): ArrayBuffer {
  const head = 8 * (1 + columns * rows.length);
  const page = new ArrayBuffer(head + size);
  const numbers = new Float64Array(page, 0, 1 + columns * rows.length);
  const body = new Uint8Array(page, head);
  numbers[0] = rows.length;
  let at = 0;
  let column = 1;
  for (const { seq, epoch, crc, bytes } of rows) {
    numbers[column] = seq;
    numbers[column + 1] = epoch;
    numbers[column + 2] = crc;
    numbers[column + 3] = bytes.length;
    body.set(bytes, at);
    at += bytes.length;
    column += columns;
  }
  return page;
}

/** Returns the batches of a page, as views of it. */
export function unpackPage(page: ArrayBuffer): StoredBatch[] {
  const count = new Float64Array(page, 0, 1)[0] as number;
  const numbers = new Float64Array(page, 0, 1 + columns * count);
  const batches = new Array<StoredBatch>(count);
  let at = numbers.byteLength;
  for (let i = 0; i < count; i++) {
    const column = 1 + columns * i;
    const size = numbers[column + 3] as number;
    batches[i] = {
      seq: numbers[column] as number,
      epoch: numbers[column + 1] as number,
      crc: numbers[column + 2] as number,
      bytes: new Uint8Array(page, at, size),
    };
    at += size;
  }
  return batches;
}
