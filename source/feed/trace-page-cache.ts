/**
 * Pages that were read lately. Keyframes have most of their pages in common, each with others in its block that no longer
 * count: blocks are soon forgotten, single pages kept. Both up to so many bytes, whatever the length of the trace.
 */
import { LbtopError } from '../model/errors.ts';
import { packValue, unpackValue } from '../wire/codec.ts';
import { type PageReader, type PageRef, unpackPages } from './trace-pages.ts';

export interface PageCache {
  readonly read: PageReader;
  /** Bytes of pages and blocks that are kept, as they are packed. */
  readonly heldBytes: number;
}

/** Of what is kept, the part of blocks. */
const shareOfBlocks = 0.25;

/** Returns a cache of at most so many bytes, and at least one block. `expand` returns a block's payload, null where it has none. */
export function pageCache(expand: (block: number) => Buffer | null, mostBytes: number): PageCache {
  const blocks = recent<unknown[]>(mostBytes * shareOfBlocks);
  const pages = recent<unknown>(mostBytes * (1 - shareOfBlocks));

  function blockOf(number: number): unknown[] {
    const known = blocks.get(`${number}`);
    if (known !== undefined) return known;
    const payload = expand(number);
    if (payload === null) throw new LbtopError('failed', `page block ${number} cannot be read`);
    const all = unpackPages(payload);
    // Its buffer may be larger than what is in it.
    blocks.add(`${number}`, all, payload.buffer.byteLength);
    return all;
  }

  function read({ block, place }: PageRef): unknown {
    const name = `${block}/${place}`;
    const known = pages.get(name);
    if (known !== undefined) return known;
    const found = blockOf(block)[place];
    if (found === undefined) throw new LbtopError('failed', `page block ${block} has no page ${place}`);
    // Bytes in it are views of its block's, which would stay with it.
    const packed = packValue(found);
    const page = unpackValue(packed);
    pages.add(name, page, packed.length);
    return page;
  }

  return {
    read,
    get heldBytes() {
      return blocks.bytes() + pages.bytes();
    },
  };
}

/** Keeps what was added or asked for last: up to so many bytes, and one in any case. */
function recent<T>(mostBytes: number): {
  get(name: string): T | undefined;
  add(name: string, value: T, bytes: number): void;
  bytes(): number;
} {
  const kept = new Map<string, { value: T; bytes: number }>();
  let held = 0;
  return {
    get(name) {
      const known = kept.get(name);
      if (known === undefined) return undefined;
      kept.delete(name);
      kept.set(name, known);
      return known.value;
    },
    add(name, value, bytes) {
      kept.set(name, { value, bytes });
      held += bytes;
      for (const [oldest, one] of kept) {
        if (held <= mostBytes || oldest === name) break;
        kept.delete(oldest);
        held -= one.bytes;
      }
    },
    bytes: () => held,
  };
}
