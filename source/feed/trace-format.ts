/**
 * Traces, `*.lbtrace`: the recording of a session. This page and source/wire/fact-bytes.ts are enough to read one.
 * Numbers are big endian, offsets count from the beginning of the file, instants are milliseconds since the epoch,
 * CRC is CRC-32 (that of zlib), "value" is plain MessagePack (no extension types), compression is Zstandard.
 *
 * A file is a head of 32 bytes and blocks, one directly after the other. The head keeps its form in all versions:
 *
 *   0   8 bytes   89 'L' 'B' 'T' 0D 0A 1A 0A
 *   8   u16       major version of the format (1); a reader refuses a major version newer than its own
 *   10  u16       minor version (1): what it adds, older readers of the same major version pass over
 *   12  u32       0
 *   16  u64       offset of the newest index block, 0: none. Written again, in place, after each index block
 *   24  u32       CRC of bytes 16–23; where it is wrong the offset is not used
 *   28  u32       CRC of bytes 0–15
 *
 * A block is a head of 32 bytes and its payload, which is a compressed value, or nothing where its length is 0:
 *
 *   0   u32       length of the payload
 *   4   u8        kind: 1 session, 2 facts, 3 pages, 4 keyframe, 5 gap, 6 index, 7 inputs. Other kinds are passed over
 *   5   u8        flags. Bit 0, of facts: an incident is among them
 *   6   u16       0
 *   8   f64       instant: of the first fact; before pages, keyframes, indexes: of the last one; gap: of the first missing
 *   16  u32       facts, inputs: how many; pages, keyframe: its number, each from 1 on; gap: how many facts are missing (0: nobody knows)
 *   20  u32       facts: how many of them are events (all but `sampled` and `progressed`)
 *   24  u32       CRC of the payload
 *   28  u32       CRC of bytes 0–27
 *
 * **session** The first block, and again wherever a recorder went on in the same file:
 *   `[program version, instant of the state at its start (0: there was none yet)]`.
 *
 * **facts** What `packFacts` makes of the next facts of the session: at most 65,536. Each such block stands for itself.
 *   Samples are rounded when they are recorded: CPU to 0.01 %, load to 0.01, memory to 1 KiB.
 *
 * **inputs** What the scheduler was told that led to the facts of the block of facts before it; where there is none, to
 *   nothing. trace-inputs.ts says what they are. A recording may be without.
 *
 * **keyframe** The state after all facts before it, so that a reader may begin here. The first one stands before all
 *   facts. trace-keyframe.ts says what it holds. What seldom changes is not in it but in pages, which keyframes name by
 *   the number of a block of pages and the place in it, from 0.
 *
 * **pages** A list of pages, before the first keyframe that names one of them. trace-keyframe.ts, trace-tables.ts and
 *   trace-series.ts say what is in a page.
 *
 * **gap** Facts are missing here: the disk was full, the recorder could not keep up, or it ended and another went on. A
 *   keyframe follows at once; the state between the last fact before and that keyframe is not known.
 *
 * **index** Written every few keyframes and at the end, about all blocks since the index before it:
 *   `[offset of the index before (0: none), keyframes, pages, incidents, gaps, facts, events]`
 *   keyframes `[[number, instant, offset, facts before it, events before it], …]`, pages `[[number, offset], …]`,
 *   incidents `[[instant, what (0 lost, 1 failed, 2 operator, 3 joined), how many within a second], …]`,
 *   gaps `[[instant, missing facts], …]`, and the number of facts and events up to here.
 *
 * A file may end anywhere (a crash, or it is still being written): what comes after the last whole block is not there yet.
 * A block whose head or payload does not fit its CRC is damage: the reader says where, and goes on at the next keyframe.
 */
import { LbtopError } from '../model/errors.ts';
import { checksum } from './trace-bytes.ts';

export const formatMajor = 1;
export const formatMinor = 1;
export const headBytes = 32;
export const blockHeadBytes = 32;

const magic = Buffer.from('\x89LBT\r\n\x1a\n', 'latin1');
/** Of the head, what never changes ends there. */
export const pointerAt = 16;

/** Names of the kinds of blocks, by number. */
export const blockKinds = { session: 1, facts: 2, pages: 3, keyframe: 4, gap: 5, index: 6, inputs: 7 } as const;
export type BlockKind = keyof typeof blockKinds;
const kindOf = new Map<number, BlockKind>(
  Object.entries(blockKinds).map(([kind, number]) => [number, kind as BlockKind]),
);

/** Set on facts that hold an incident. */
export const incidentFlag = 1;

/** What the head of a block says. */
export interface BlockHead {
  /** Null: a kind that this version does not know. */
  kind: BlockKind | null;
  flags: number;
  at: number;
  /** Facts, keyframe number or missing facts, by kind. */
  count: number;
  events: number;
  payloadBytes: number;
}

/** Returns the first bytes of a file. */
export function packHead(): Buffer {
  const head = Buffer.alloc(headBytes);
  magic.copy(head);
  head.writeUInt16BE(formatMajor, 8);
  head.writeUInt16BE(formatMinor, 10);
  head.writeUInt32BE(checksum(head.subarray(0, pointerAt)), 28);
  packPointer(0).bytes.copy(head, pointerAt);
  return head;
}

/** Returns what is written into the head, and where, when an index block stands at `offset`. */
export function packPointer(offset: number): { bytes: Buffer; at: number } {
  const bytes = Buffer.alloc(12);
  bytes.writeBigUInt64BE(BigInt(offset), 0);
  bytes.writeUInt32BE(checksum(bytes.subarray(0, 8)), 8);
  return { bytes, at: pointerAt };
}

/**
 * Returns the offset of the newest index block, 0 where there is none or it cannot be trusted. Throws LbtopError (usage)
 * where the bytes are not the head of a trace that this version reads; `file` is for the message.
 */
export function unpackHead(head: Buffer, file: string): number {
  if (head.length === 0) throw new LbtopError('usage', `${file} is empty: not a recording`);
  const compared = Math.min(head.length, magic.length);
  if (!head.subarray(0, compared).equals(magic.subarray(0, compared)))
    throw new LbtopError('usage', `${file} is not an lbtop recording (*.lbtrace)`);
  if (head.length < headBytes) throw new LbtopError('usage', `${file} ends within its head: nothing was recorded`);
  if (checksum(head.subarray(0, pointerAt)) !== head.readUInt32BE(28))
    throw new LbtopError('usage', `${file} is damaged at offset 0: its head does not fit its checksum`);
  const major = head.readUInt16BE(8);
  if (major > formatMajor)
    throw new LbtopError(
      'usage',
      `${file} was recorded by a newer lbtop (format ${major}, this one reads ${formatMajor}): update lbtop to replay it`,
    );
  const pointer = head.subarray(pointerAt, pointerAt + 8);
  const trusted = checksum(pointer) === head.readUInt32BE(24);
  return trusted ? Number(pointer.readBigUInt64BE()) : 0;
}

/** Returns a block: its head and the payload, squeezed already. */
export function packBlock(head: Omit<BlockHead, 'payloadBytes'> & { kind: BlockKind }, payload: Buffer | null): Buffer {
  const block = Buffer.allocUnsafe(blockHeadBytes + (payload?.length ?? 0));
  block.writeUInt32BE(payload?.length ?? 0, 0);
  block.writeUInt8(blockKinds[head.kind], 4);
  block.writeUInt8(head.flags, 5);
  block.writeUInt16BE(0, 6);
  block.writeDoubleBE(head.at, 8);
  block.writeUInt32BE(head.count, 16);
  block.writeUInt32BE(head.events, 20);
  block.writeUInt32BE(payload === null ? 0 : checksum(payload), 24);
  block.writeUInt32BE(checksum(block.subarray(0, 28)), 28);
  payload?.copy(block, blockHeadBytes);
  return block;
}

/** Returns what the head of a block at `bytes[at]` says, or null where no head stands there. */
export function unpackBlockHead(bytes: Buffer, at: number): BlockHead | null {
  if (bytes.length - at < blockHeadBytes || bytes[at + 6] !== 0 || bytes[at + 7] !== 0) return null;
  if (checksum(bytes.subarray(at, at + 28)) !== bytes.readUInt32BE(at + 28)) return null;
  return {
    kind: kindOf.get(bytes.readUInt8(at + 4)) ?? null,
    flags: bytes.readUInt8(at + 5),
    at: bytes.readDoubleBE(at + 8),
    count: bytes.readUInt32BE(at + 16),
    events: bytes.readUInt32BE(at + 20),
    payloadBytes: bytes.readUInt32BE(at),
  };
}

/** Returns true where a payload is the one that the block's head was written for. `block`: the whole block. */
export function isWhole(block: Buffer): boolean {
  const payload = block.subarray(blockHeadBytes);
  return block.readUInt32BE(24) === (payload.length === 0 ? 0 : checksum(payload));
}
