/**
 * Traces, `*.lbtrace`: the recording of a session, a head and blocks as docs/trace-format.md says, which is the page to
 * change first. This file has the bytes of both; what the payloads hold is in the files beside it.
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
  return isPointerWhole(head) ? Number(head.readBigUInt64BE(pointerAt)) : 0;
}

/** Returns true where the offset in the head of a file is the one that was written. */
export function isPointerWhole(head: Buffer): boolean {
  return checksum(head.subarray(pointerAt, pointerAt + 8)) === head.readUInt32BE(24);
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
