/** The map in pages does what a Map does. */

import { expect, test } from 'vitest';
import { IdMap } from '../../source/scheduler/id-map.ts';
import fc from '../arbitrary.ts';

const id = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 5_000 }), fc.maxSafeNat());
const step = fc.tuple(fc.constantFrom('set', 'delete', 'get'), id);

test('as a Map, whatever is done to it', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const [map, model] = [new IdMap<string>(), new Map<number, string>()];
      for (const [what, id] of steps) {
        if (what === 'set') [map, model].forEach((one) => void one.set(id, `v${id}`));
        else if (what === 'delete') expect(map.delete(id)).toBe(model.delete(id));
        expect([map.get(id), map.has(id), map.size]).toEqual([model.get(id), model.has(id), model.size]);
      }
      const ascending = [...model].sort(([a], [b]) => a - b);
      const pairs = [...map.keys()].map((id, i) => [id, [...map.values()][i]] as const);
      expect(pairs.toSorted(([a], [b]) => a - b)).toEqual(ascending);
    }),
  );
});

test('what came in ascending order stays in it', () => {
  fc.assert(
    fc.property(fc.uniqueArray(id), fc.array(id), (ids, gone) => {
      const map = new IdMap<number>();
      const ascending = ids.toSorted((a, b) => a - b);
      for (const one of ascending) map.set(one, one);
      for (const one of gone) map.delete(one);
      const left = ascending.filter((one) => !gone.includes(one));
      expect([...map.keys()]).toEqual(left);
      expect([...map.values()]).toEqual(left);
    }),
  );
});

test('entries may go while they are gone through', () => {
  const map = new IdMap<number>();
  for (let id = 1; id <= 3_000; id++) map.set(id, id);
  for (const one of map.values()) if (one !== 1_500) map.delete(one);
  expect([...map.keys()]).toEqual([1_500]);
  for (const nothing of [0, -1, 0.5, 1e9]) expect(map.get(nothing)).toBe(undefined);
});
