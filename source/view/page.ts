/** The rows of a table that are looked at, found without sorting or copying more than needed. */
import type { Look } from './look.ts';

export interface Page<T> {
  rows: T[];
  /** Rows that match the filter. */
  matched: number;
  /** Where the selected row stands among them; -1 where it does not. */
  selectedAt: number;
}

/**
 * Returns the rows `look.top` to `look.top + look.rows` of `items` in the order of `key` (null: as they are).
 * Equal keys, and rows without one, which come last, keep the order of `items`. `reverse` turns the whole order round.
 */
export function pageOf<T>(
  items: readonly T[],
  key: ((item: T) => number | string | null) | null,
  look: Look,
  isSelected: (item: T) => boolean,
): Page<T> {
  const count = items.length;
  const selected = look.selected === null ? -1 : items.findIndex(isSelected);
  if (key === null) {
    const from = look.reverse ? count - look.top - look.rows : look.top;
    const rows = items.slice(Math.max(0, from), Math.max(0, from + look.rows));
    if (look.reverse) rows.reverse();
    return { rows, matched: count, selectedAt: selected < 0 || !look.reverse ? selected : count - 1 - selected };
  }
  const before = orderBy(items, key, look.reverse);
  let selectedAt = -1;
  if (selected >= 0) {
    selectedAt = 0;
    for (let i = 0; i < count; i++) if (i !== selected && before(i, selected)) selectedAt++;
  }
  const first = firstOf(count, look.top + look.rows, before);
  return { rows: first.slice(look.top).map((index) => items[index] as T), matched: count, selectedAt };
}

/** Returns a total order of indexes. */
function orderBy<T>(
  items: readonly T[],
  key: (item: T) => number | string | null,
  reverse: boolean,
): (left: number, right: number) => boolean {
  const sign = reverse ? -1 : 1;
  if (items.length > 0 && typeof key(items[0] as T) === 'string') {
    const words = items.map((item) => String(key(item) ?? ''));
    return (left, right) => {
      const a = words[left] as string;
      const b = words[right] as string;
      if (a === b) return sign * (left - right) < 0;
      return a < b === !reverse;
    };
  }
  const numbers = new Float64Array(items.length);
  for (let i = 0; i < items.length; i++) {
    const value = key(items[i] as T);
    // Unknown comes last, whichever way round.
    numbers[i] = typeof value === 'number' ? sign * value : Number.MAX_VALUE;
  }
  return (left, right) => {
    const a = numbers[left] as number;
    const b = numbers[right] as number;
    return a === b ? sign * (left - right) < 0 : a < b;
  };
}

/** Returns the first `wanted` of `count` indexes in that order: a heap holds the best so far, the worst of them on top. */
function firstOf(count: number, wanted: number, before: (left: number, right: number) => boolean): number[] {
  const compare = (left: number, right: number): number => (before(left, right) ? -1 : 1);
  if (wanted >= count / 2) {
    const all = Array.from({ length: count }, (_, index) => index);
    return all.sort(compare).slice(0, wanted);
  }
  const heap: number[] = [];
  for (let index = 0; index < count; index++) {
    if (heap.length < wanted) {
      let child = heap.push(index) - 1;
      while (child > 0) {
        const parent = (child - 1) >> 1;
        if (before(index, heap[parent] as number)) break;
        heap[child] = heap[parent] as number;
        child = parent;
      }
      heap[child] = index;
    } else if (wanted > 0 && before(index, heap[0] as number)) {
      let parent = 0;
      for (;;) {
        let child = 2 * parent + 1;
        if (child >= wanted) break;
        if (child + 1 < wanted && before(heap[child] as number, heap[child + 1] as number)) child++;
        if (before(heap[child] as number, index)) break;
        heap[parent] = heap[child] as number;
        parent = child;
      }
      heap[parent] = index;
    }
  }
  return heap.sort(compare);
}
