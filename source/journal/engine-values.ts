/**
 * A value of a batch as an engine has it, little-endian:
 *
 *   [u8 layout][u32 checksum][f64 seq][f64 epoch][u32 parts][bytes]
 *
 * With `parts` > 0 the bytes are the parts' one after the other, and none are here. An entry says by its epoch whose it
 * is: an epoch is the revision at which a term began, which no other term has.
 */
import { batchChecksum } from './checksum.ts';
import { damage, StoreError } from './store-error.ts';

const layout = 1;
const headerBytes = 1 + 4 + 8 + 8 + 4;

/** What is put into one request altogether: an engine takes 1.5 MiB where it was not told otherwise. */
export const requestBytes = 960 * 1024;
/** A value beyond this lies in parts, where the whole batch is too large for one request. */
const inlineBytes = 64 * 1024;
export const partBytes = 768 * 1024;

export interface EngineValue {
  readonly seq: number;
  readonly epoch: number;
  /** Of the whole. */
  readonly crc: number;
  readonly parts: number;
  /** Empty where there are parts. */
  readonly bytes: Uint8Array;
}

/** Returns the value for `bytes`, and its parts; `spread`: it may not stand in one value if it is large. */
export function packValue(
  seq: number,
  epoch: number,
  bytes: Uint8Array,
  spread: boolean,
): { value: Buffer; parts: Uint8Array[] } {
  const parts: Uint8Array[] = [];
  if (spread && bytes.length > inlineBytes)
    for (let at = 0; at < bytes.length; at += partBytes) parts.push(bytes.subarray(at, at + partBytes));
  const value = Buffer.allocUnsafe(headerBytes + (parts.length === 0 ? bytes.length : 0));
  value.writeUInt8(layout, 0);
  value.writeUInt32LE(batchChecksum(seq, epoch, bytes), 1);
  value.writeDoubleLE(seq, 5);
  value.writeDoubleLE(epoch, 13);
  value.writeUInt32LE(parts.length, 21);
  if (parts.length === 0) value.set(bytes, headerBytes);
  return { value, parts };
}

/** Reads it; whether the checksum is right is for those to see who have the whole. Throws StoreError, naming `key`. */
export function unpackValue(key: string, value: Buffer): EngineValue {
  if (value.length < headerBytes) throw damage(`${value.length} bytes are no value`, { table: key });
  if (value.readUInt8(0) !== layout)
    throw new StoreError('version', `${key} was written by a newer version of lbtop: use that version`, { table: key });
  return {
    crc: value.readUInt32LE(1),
    seq: value.readDoubleLE(5),
    epoch: value.readDoubleLE(13),
    parts: value.readUInt32LE(21),
    bytes: value.subarray(headerBytes),
  };
}
