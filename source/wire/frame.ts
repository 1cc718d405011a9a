/**
 * Frames: what a connection carries, and nothing about sockets or messages' fields. messages.ts says what they are:
 * `[u32 length][u32 CRC-32][payload]`, where the payload is a MessagePack array of messages.
 */
import { crc32 } from 'node:zlib';
import { limits } from '../model/limits.ts';

/** Bytes before the payload: its length and its checksum. */
export const frameHeaderBytes = 8;

/** What arrived is not a frame, or what should be sent does not fit one. */
export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly reason: 'length' | 'checksum';

  constructor(reason: 'length' | 'checksum', message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Finds frames in a stream that arrives in pieces of any size. */
export interface FrameReader {
  /**
   * Takes the next bytes of the stream and calls `take` with each payload that they complete, in order. A payload is a
   * view: of `chunk` where the frame lies wholly in it, else of a buffer made for this frame. Throws FrameError on a
   * length that is 0 or above the limit (before a byte of that frame is kept) and on a wrong checksum; what `take`
   * throws passes through. After a throw the stream has lost its place and the reader is of no more use.
   */
  push(chunk: Buffer, take: (payload: Buffer) => void): void;
  /** Sets the longest payload accepted from the next frame on; may be called from within `take`. */
  raiseLimit(limitBytes: number): void;
  /** True while the stream stands inside a frame. */
  readonly inFrame: boolean;
  /** How many frames have ended: tells whether two moments `inFrame` were within the same one. */
  readonly frames: number;
}

/** A frame that straddles chunks is gathered in a buffer that starts at this size and grows with what really arrives. */
const firstHoldBytes = 16 * 1024;
const holdGrowth = 4;

/** Returns a reader that accepts payloads of 1 to `limitBytes` bytes. */
export function frameReader(limitBytes: number): FrameReader {
  let limit = limitBytes;
  let frames = 0;
  /** The beginning of a frame that straddles chunks: `have` bytes in `held` of the `need` that it takes. */
  let held = Buffer.alloc(0);
  let have = 0;
  let need = frameHeaderBytes;

  function lengthAt(bytes: Buffer, at: number): number {
    const length = bytes.readUInt32BE(at);
    if (length === 0 || length > limit)
      throw new FrameError('length', `a frame of ${length} bytes: expected 1 to ${limit}`);
    return length;
  }

  function payloadOf(bytes: Buffer, at: number, end: number): Buffer {
    const payload = bytes.subarray(at + frameHeaderBytes, end);
    if (crc32(payload) !== bytes.readUInt32BE(at + 4))
      throw new FrameError('checksum', 'a frame whose checksum is wrong');
    frames += 1;
    return payload;
  }

  /** Moves up to `wanted` bytes of the frame from the chunk into `held`; returns where it stopped. */
  function hold(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + need - have);
    if (held.length < have + end - at) {
      const grown = Buffer.allocUnsafeSlow(
        Math.min(need, Math.max(firstHoldBytes, held.length * holdGrowth, have + end - at)),
      );
      held.copy(grown, 0, 0, have);
      held = grown;
    }
    chunk.copy(held, have, at, end);
    have += end - at;
    return end;
  }

  return {
    push(chunk, take) {
      let at = 0;
      while (at < chunk.length) {
        if (have === 0 && chunk.length - at >= frameHeaderBytes) {
          const end = at + frameHeaderBytes + lengthAt(chunk, at);
          if (end <= chunk.length) {
            const payload = payloadOf(chunk, at, end);
            at = end;
            take(payload);
            continue;
          }
          need = end - at;
        }
        at = hold(chunk, at);
        if (have === frameHeaderBytes && need === frameHeaderBytes) need += lengthAt(held, 0);
        else if (have === need) {
          const payload = payloadOf(held, 0, need);
          held = Buffer.alloc(0); // the next frame has its own, so that a view that was kept never changes
          have = 0;
          need = frameHeaderBytes;
          take(payload);
        }
      }
    },
    raiseLimit(limitBytes) {
      limit = limitBytes;
    },
    get inFrame() {
      return have > 0;
    },
    get frames() {
      return frames;
    },
  };
}

/** Gathers encoded messages into as few frames as the limits allow. */
export interface FrameWriter {
  /**
   * Copies one encoded message, `bytes[start..end)`, to the end of the frame under way; begins another where it would
   * not fit. Throws FrameError if no frame can hold it; nothing is added then.
   */
  append(bytes: Buffer, start: number, end: number): void;
  /** Ends the frame under way, so that the next message begins another one, and sets the limit of those to come. */
  raiseLimit(limitBytes: number): void;
  /** Returns the frames, ready to be sent, and starts anew. Empty if nothing was added. */
  take(): Buffer[];
  /** How many bytes `take` would return. */
  readonly bytes: number;
}

const smallestBufferBytes = 256;
const largestFirstBufferBytes = 64 * 1024;
/** Room for the payload's array header of 3 bytes; with fewer than 16 messages it takes 1, and the frame starts 2 later. */
const messagesAt = frameHeaderBytes + 3;
const countsInOneByte = 16;
const mostMessages = Math.min(limits.messagesPerFrame, 0xffff);

/** Returns a writer of frames whose payloads have at most `limitBytes` bytes. */
export function frameWriter(limitBytes: number): FrameWriter {
  let limit = limitBytes;
  let sealed: Buffer[] = [];
  let sealedBytes = 0;
  let buffer: Buffer | null = null;
  let end = 0;
  let count = 0;
  /** Where the last frame ended: the next is probably alike, and growing costs a copy. */
  let usual = smallestBufferBytes;

  function seal(): void {
    if (buffer === null) return;
    const start = count < countsInOneByte ? 2 : 0;
    if (start > 0) buffer[messagesAt - 1] = 0x90 | count;
    else {
      buffer[messagesAt - 3] = 0xdc;
      buffer.writeUInt16BE(count, messagesAt - 2);
    }
    const frame = buffer.subarray(start, end);
    writeHeader(frame);
    sealed.push(frame);
    sealedBytes += frame.length;
    usual = Math.min(largestFirstBufferBytes, Math.max(smallestBufferBytes, end));
    buffer = null;
    end = 0;
    count = 0;
  }

  function room(wanted: number): Buffer {
    if (buffer !== null && buffer.length >= wanted) return buffer;
    const grown = Buffer.allocUnsafe(
      Math.max(wanted, buffer === null ? usual : Math.min(buffer.length * 2, messagesAt + limit)),
    );
    buffer?.copy(grown, 0, 0, end);
    buffer = grown;
    return grown;
  }

  return {
    append(bytes, start, stop) {
      const length = stop - start;
      const most = limit - (messagesAt - frameHeaderBytes);
      if (length > most) throw new FrameError('length', `a message of ${length} bytes: a frame holds ${most}`);
      if (count === mostMessages || end + length > messagesAt + most) seal();
      if (buffer === null) end = messagesAt;
      bytes.copy(room(end + length), end, start, stop);
      end += length;
      count += 1;
    },
    raiseLimit(limitBytes) {
      seal();
      limit = limitBytes;
    },
    take() {
      seal();
      const frames = sealed;
      sealed = [];
      sealedBytes = 0;
      return frames;
    },
    get bytes() {
      return sealedBytes + end;
    },
  };
}

/** Returns a frame with a copy of `payload`. */
export function frameOf(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  frame.set(payload, frameHeaderBytes);
  writeHeader(frame);
  return frame;
}

/** Fills in the first 8 bytes of a frame whose payload is already in place after them. */
function writeHeader(frame: Buffer): void {
  frame.writeUInt32BE(frame.length - frameHeaderBytes, 0);
  frame.writeUInt32BE(crc32(frame.subarray(frameHeaderBytes)), 4);
}
