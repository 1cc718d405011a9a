import { expect, test } from 'vitest';
import { OrdinalMap } from '../../source/scheduler/ordinal-map.ts';

test('it is a map, before its first entry and after its last', () => {
  const map = new OrdinalMap<string>();
  expect([map.size, map.has(3), map.get(3), map.delete(3), [...map], [...map.values()]]).toEqual([
    ...[0, false, undefined, false, [], []],
  ]);
  map.set(7, 'seven');
  map.set(3, 'three');
  expect([[...map], [...map.values()], map.size]).toEqual([
    [
      [7, 'seven'],
      [3, 'three'],
    ],
    ['seven', 'three'],
    2,
  ]);
  expect(map.delete(7)).toBe(true);
  expect([...new OrdinalMap([...map])]).toEqual([[3, 'three']]);
});

test('entries may go while they are gone through', () => {
  const map = new OrdinalMap([1, 2, 3].map((one) => [one, one] as const));
  for (const [ordinal] of map) if (ordinal < 3) map.delete(ordinal);
  expect([...map.values()]).toEqual([3]);
});
