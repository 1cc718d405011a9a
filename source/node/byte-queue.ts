/** Bytes by their offset in a stream: added at the end, dropped from the front, kept in blocks whatever size they come in. */
export interface ByteQueue {
  /** Offset of the first byte that is kept. */
  readonly from: number;
  /** Offset after the last one. */
  readonly to: number;
  /** Copies the chunk. */
  append(chunk: Uint8Array): void;
  /** A view of up to `max` bytes from `offset` (may be shorter than what is kept); empty where there is nothing. */
  view(offset: number, max: number): Uint8Array;
  /** Forgets what lies before `offset`. */
  dropTo(offset: number): void;
}

interface Block {
  from: number;
  used: number;
  bytes: Uint8Array;
}

const blockBytes = 64 * 1024;
/** Most tasks write little: their first block is small. */
const firstBlockBytes = 1024;
/** A chunk of this size is worth a block of its own. */
const ownBlockBytes = 16 * 1024;

export function byteQueue(): ByteQueue {
  let blocks: Block[] = [];
  let from = 0;
  let to = 0;

  function push(bytes: Uint8Array): void {
    blocks.push({ from: to, used: bytes.length, bytes });
    to += bytes.length;
  }

  function append(chunk: Uint8Array): void {
    if (chunk.length >= ownBlockBytes) return push(Uint8Array.prototype.slice.call(chunk));
    let rest = chunk;
    while (rest.length > 0) {
      const last = blocks.at(-1);
      const room = last === undefined ? 0 : last.bytes.length - last.used;
      if (last === undefined || room === 0) {
        const bytes = Buffer.allocUnsafeSlow(to === 0 ? Math.max(firstBlockBytes, rest.length) : blockBytes);
        blocks.push({ from: to, used: 0, bytes });
        continue;
      }
      const part = rest.subarray(0, room);
      last.bytes.set(part, last.used);
      last.used += part.length;
      to += part.length;
      rest = rest.subarray(part.length);
    }
  }

  return {
    get from() {
      return from;
    },
    get to() {
      return to;
    },
    append,
    view(offset, max) {
      const block = blocks.find((one) => offset < one.from + one.used);
      if (block === undefined || offset < block.from) return new Uint8Array(0);
      const start = offset - block.from;
      return block.bytes.subarray(start, Math.min(block.used, start + max));
    },
    dropTo(offset) {
      if (offset <= from) return;
      from = Math.min(offset, to);
      const keep = blocks.findIndex((one) => one.from + one.used > from);
      if (keep !== 0) blocks = keep < 0 ? [] : blocks.slice(keep);
    },
  };
}
