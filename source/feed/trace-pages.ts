/** Pages: what many keyframes of a trace have in common is written once, and named by block and place. */
import { ShapeError } from '../model/shape.ts';
import { packValue, unpackValue } from '../wire/codec.ts';

/** Where a page is: the number of its block of pages, from 1, and its place in that block. */
export interface PageRef {
  readonly block: number;
  readonly place: number;
}

/** Blocks are closed at about this size, so that reading one page costs little. */
const blockBytes = 256 * 1024;

/** A block of pages as it goes into a trace. */
export interface PageBlock {
  number: number;
  payload: Buffer;
}

/** Gathers pages into blocks. */
export interface PageGatherer {
  /** Adds a page, a plain value of about `bytes`; returns where it will be found. */
  add(page: unknown, bytes: number): PageRef;
  /** Returns the blocks since the last call. */
  take(): PageBlock[];
}

/** Returns a gatherer whose blocks are numbered from there. */
export function pageGatherer(from = 1): PageGatherer {
  let number = from;
  let pages: unknown[] = [];
  let size = 0;
  let blocks: PageBlock[] = [];
  const close = (): void => {
    if (pages.length === 0) return;
    blocks.push({ number, payload: packValue(pages) });
    number++;
    pages = [];
    size = 0;
  };
  return {
    add(page, bytes) {
      if (size > 0 && size + bytes > blockBytes) close();
      size += bytes;
      return { block: number, place: pages.push(page) - 1 };
    },
    take() {
      close();
      const taken = blocks;
      blocks = [];
      return taken;
    },
  };
}

/** Returns the pages of a block. Throws PlainError or ShapeError. */
export function unpackPages(payload: Buffer): unknown[] {
  const pages = unpackValue(payload);
  if (!Array.isArray(pages)) throw new ShapeError('expected a list of pages');
  return pages;
}

/** Reads a page. Throws where it cannot be had. */
export type PageReader = (ref: PageRef) => unknown;

/** References as one flat list of numbers: a key, block and place each. */
export function packRefs(refs: Iterable<readonly [key: number, ref: PageRef]>): number[] {
  const flat: number[] = [];
  for (const [key, { block, place }] of refs) flat.push(key, block, place);
  return flat;
}

/** Returns what `packRefs` was given. Throws ShapeError. */
export function unpackRefs(raw: unknown): Map<number, PageRef> {
  if (!Array.isArray(raw) || raw.length % 3 !== 0 || !raw.every((one) => Number.isSafeInteger(one) && one >= 0))
    throw new ShapeError('expected references to pages');
  const refs = new Map<number, PageRef>();
  for (let i = 0; i < raw.length; i += 3) refs.set(raw[i], { block: raw[i + 1], place: raw[i + 2] });
  return refs;
}
