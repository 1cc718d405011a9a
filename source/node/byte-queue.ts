/** Bytes by their offset in a stream: added at the end, dropped from the front, kept in blocks whatever size they come in. */
export interface ByteQueue {
  /** Offset of the first byte that is kept. */
  readonly from: number;
  /** Offset after the last one. */
  readonly to: number;
  /** Copies the chunk. */
  append(chunk: Uint8Array): void;
  /** A view of up to `max` bytes from `offset` (may be shorter than what is kept), valid until they are dropped; empty where there is nothing. */
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
/** Blocks that serve again: what flows through costs no new memory, and the collector is slow with memory of this kind. */
const spare: Uint8Array[] = [];
const mostSpare = 64;

/** Returns an empty queue that goes on from an offset. */
export function byteQueue(offset = 0): ByteQueue {
  const blocks: Block[] = [];
  let from = offset;
  let to = offset;

  function grow(needed: number): Block {
    const small = to === offset && needed <= firstBlockBytes;
    const bytes = small ? Buffer.allocUnsafeSlow(firstBlockBytes) : (spare.pop() ?? Buffer.allocUnsafeSlow(blockBytes));
    const block = { from: to, used: 0, bytes };
    blocks.push(block);
    return block;
  }

  return {
    get from() {
      return from;
    },
    get to() {
      return to;
    },
    append(chunk) {
      let rest = chunk;
      while (rest.length > 0) {
        const last = blocks.at(-1);
        const block = last !== undefined && last.used < last.bytes.length ? last : grow(rest.length);
        const part = rest.subarray(0, block.bytes.length - block.used);
        block.bytes.set(part, block.used);
        block.used += part.length;
        to += part.length;
        rest = rest.subarray(part.length);
      }
    },
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
      if (keep === 0) return;
      for (const { bytes } of blocks.splice(0, keep < 0 ? blocks.length : keep))
        if (bytes.length === blockBytes && spare.length < mostSpare) spare.push(bytes);
    },
  };
}
