import { expect, test } from 'vitest';
import { drawLot } from '../../source/scheduler/lot.ts';
import { nodeIndex } from '../../source/scheduler/node-index.ts';
import { ordinalHeap } from '../../source/scheduler/ordinal-heap.ts';
import fc from '../arbitrary.ts';

const change = fc.record({ place: fc.nat(70), rank: fc.constantFrom(0, 1, 1.5, 2, 3, 4, Infinity) });

test('the index answers as a list that is looked through', () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80 }), fc.nat(80), fc.nat(2), (changes, from, least) => {
      const index = nodeIndex();
      const ranks = new Map<number, number>();
      for (const { place, rank } of changes) {
        index.set(place, rank);
        if (rank === Infinity) ranks.delete(place);
        else ranks.set(place, rank);
      }
      const open = [...ranks.keys()].sort((a, b) => a - b);
      const byRank = [...open].sort((a, b) => (ranks.get(a) as number) - (ranks.get(b) as number) || a - b);
      expect(index.open).toBe(open.length);
      expect(index.lowest()).toBe(byRank[0] ?? -1);
      expect(index.next(from)).toBe(open.find((place) => place > from) ?? open[0] ?? -1);
      expect(index.next(-1)).toBe(open[0] ?? -1);
      for (let number = -1; number <= open.length; number++) expect(index.nth(number)).toBe(open[number] ?? -1);
      const seen: number[] = [];
      expect(index.search((place) => seen.push(place) > open.length)).toBe(-1);
      expect(seen).toEqual(byRank);
      expect(index.search((place) => place % 3 >= least)).toBe(byRank.find((place) => place % 3 >= least) ?? -1);
    }),
    { numRuns: 300 },
  );
});

test('the heap gives its numbers in order', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.array(fc.nat(50)), (first, then) => {
      const heap = ordinalHeap([...first].sort((a, b) => a - b));
      for (const one of then) heap.push(one);
      const expected = [...first, ...then].sort((a, b) => a - b);
      expect(heap.sorted()).toEqual(expected);
      expect(expected.map(() => heap.pop())).toEqual(expected);
      expect(heap.pop()).toBe(undefined);
    }),
    { numRuns: 200 },
  );
});

test('lots fall evenly whatever they are drawn for', () => {
  const vary: ((n: number) => [number, number, number, number])[] = [
    (n) => [n, 0, 1, 0],
    (n) => [1, n, 1, 0],
    (n) => [1, 0, n, 0],
    (n) => [1, n, 1, 1],
    (n) => [2 ** 40 + n, 0, 1, 0],
  ];
  for (const draw of vary) {
    const counts = new Array<number>(10).fill(0);
    for (let n = 0; n < 10_000; n++) {
      const lot = drawLot(7, ...draw(n), 10);
      counts[lot] = (counts[lot] as number) + 1;
    }
    // Chi-squared with 9 degrees of freedom exceeds 27.9 once in a thousand.
    expect(counts.reduce((sum, count) => sum + (count - 1_000) ** 2 / 1_000, 0)).toBeLessThan(27.9);
  }
});
