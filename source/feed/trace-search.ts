/** Finds a place in a trace: among what is remembered of it, and between two such places by the heads of its blocks. */
import type { Block, TraceFile } from './trace-file.ts';
import { headBytes } from './trace-format.ts';
import type { KeyframeAt, PagesAt } from './trace-index.ts';
import type { Landmarks } from './trace-landmarks.ts';

/**
 * Returns the last keyframe that is not beyond; undefined where there is none. `isBeyond` holds for all that follow one that
 * it holds for.
 */
export function lastKeyframe(
  source: TraceFile,
  { keyframes, areKeyframesThinned }: Landmarks,
  isBeyond: (keyframe: KeyframeAt) => boolean,
): KeyframeAt | undefined {
  const place = countWhile(keyframes, (keyframe) => !isBeyond(keyframe));
  const known = keyframes[place - 1];
  if (!areKeyframesThinned) return known;
  let found = known;
  let { facts, events } = known ?? { facts: 0, events: 0 };
  const end = keyframes[place]?.offset ?? source.bytes;
  for (const { kind, at, offset, count, ...block } of source.blocks(known?.offset ?? headBytes)) {
    if (offset >= end) break;
    if (kind === 'keyframe') {
      const keyframe = { number: count, at, offset, facts, events };
      if (isBeyond(keyframe)) break;
      found = keyframe;
    } else if (kind === 'facts') {
      facts += count;
      events += block.events;
    }
  }
  return found;
}

/** Returns the block of pages with that number; null where there is none. */
export function pageBlock(source: TraceFile, { pages, arePagesThinned }: Landmarks, number: number): Block | null {
  const place = countWhile(pages, (one) => one.number <= number);
  const known: PagesAt | undefined = pages[place - 1];
  if (known?.number === number) return isPages(source.blockAt(known.offset), number);
  if (!arePagesThinned) return null;
  const end = pages[place]?.offset ?? source.bytes;
  for (const block of source.blocks(known?.offset ?? headBytes)) {
    if (block.offset >= end) break;
    if (isPages(block, number) !== null) return block;
  }
  return null;
}

function isPages(block: Block | null, number: number): Block | null {
  return block?.kind === 'pages' && block.count === number ? block : null;
}

/** Returns how many at the beginning of the list it holds for; it holds for none after one that it does not hold for. */
function countWhile<T>(list: readonly T[], holds: (one: T) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(list[middle] as T)) low = middle + 1;
    else high = middle;
  }
  return low;
}
