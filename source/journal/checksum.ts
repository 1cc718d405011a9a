/** CRC-32 over a row's bytes and its key, so that a row in another's place is found as well as a changed one. */
import { crc32 } from 'node:zlib';

const scratch = new Float64Array(8);
const scratchBytes = new Uint8Array(scratch.buffer);

/** Returns the checksum of up to 8 numbers and bytes after them. */
export function checksum(numbers: readonly number[], bytes: Uint8Array): number {
  scratch.set(numbers);
  return crc32(bytes, crc32(scratchBytes.subarray(0, numbers.length * 8)));
}

/** What `StoredBatch.crc` is. */
export function batchChecksum(seq: number, epoch: number, bytes: Uint8Array): number {
  return checksum([seq, epoch], bytes);
}
