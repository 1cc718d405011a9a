/**
 * The number of the last acknowledged batch, in a small file beside the journal. SQLite takes a damaged frame of its log
 * for the log's end and says nothing; with this number that does not pass for a crash. It is not synced: after a power
 * failure it may be too low, never too high.
 *
 * 32 bytes: [u64 journal's identity][u64 batch][u64 batch that is in the tables][u32 0][u32 CRC-32 of the first 28], little-endian.
 */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

const size = 32;

export interface Mark {
  /** The last acknowledged batch. */
  readonly seq: number;
  /** The last one known to be in the tables' file, and no longer in SQLite's log only. */
  readonly inTables: number;
}

/** Returns the mark of this journal, or null where there is none (another journal's, or not whole). */
export function readMark(file: string, journal: number): Mark | null {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch {
    return null;
  }
  try {
    const bytes = Buffer.alloc(size);
    if (readSync(handle, bytes, 0, size, 0) !== size || bytes.readUInt32LE(28) !== crc32(bytes.subarray(0, 28)))
      return null;
    if (bytes.readBigUInt64LE(0) !== BigInt(journal)) return null;
    return { seq: Number(bytes.readBigUInt64LE(8)), inTables: Number(bytes.readBigUInt64LE(16)) };
  } finally {
    closeSync(handle);
  }
}

export interface Marker {
  write(mark: Mark): void;
  close(): void;
}

/** Opens the mark of a journal for writing. */
export function openMarker(file: string, journal: number): Marker {
  const handle = openSync(file, 'r+');
  const bytes = Buffer.alloc(size);
  bytes.writeBigUInt64LE(BigInt(journal), 0);
  return {
    write({ seq, inTables }) {
      putWhole(bytes, seq, 8);
      putWhole(bytes, inTables, 16);
      bytes.writeUInt32LE(crc32(bytes.subarray(0, 28)), 28);
      try {
        writeSync(handle, bytes, 0, size, 0);
      } catch {
        // Too low is allowed, and the batch is stored: where the disk is bad, the journal itself tells.
      }
    },
    close: () => closeSync(handle),
  };
}

/** As writeBigUInt64LE, without making a bigint for every batch. */
function putWhole(bytes: Buffer, value: number, at: number): void {
  bytes.writeUInt32LE(value % 0x1_0000_0000, at);
  bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), at + 4);
}
