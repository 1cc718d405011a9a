import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PassingMap } from '../../source/model/passing-map.ts';

test('it does what a Map does, in the same order', () => {
  const steps = fc.array(fc.tuple(fc.constantFrom('set', 'set', 'delete', 'delete', 'clear'), fc.nat(9)), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 400 }), (steps, times) => {
      const ours = new PassingMap<number, number>();
      const map = new Map<number, number>();
      // Those that pass, in between: more than it takes for a new table.
      for (let i = 0; i < times; i++) {
        ours.set(i + 100, i);
        map.set(i + 100, i);
        if (i > 3) expect(ours.delete(i + 96)).toBe(map.delete(i + 96));
      }
      for (const [i, [step, key]] of steps.entries()) {
        if (step === 'set') {
          ours.set(key, i);
          map.set(key, i);
        } else if (step === 'delete') expect(ours.delete(key)).toBe(map.delete(key));
        else if (i % 50 === 0) {
          ours.clear();
          map.clear();
        }
        expect([ours.size, ours.has(key), ours.get(key)]).toEqual([map.size, map.has(key), map.get(key)]);
      }
      expect([...ours]).toEqual([...map]);
      expect([...ours.values()]).toEqual([...map.values()]);
    }),
  );
});

test('what is deleted while it is iterated over does not come', () => {
  const map = new PassingMap<number, number>();
  for (let i = 0; i < 1_000; i++) map.set(i, i);
  const seen: number[] = [];
  for (const value of map.values()) {
    seen.push(value);
    map.delete(value);
    map.delete(value + 1);
  }
  expect(seen).toEqual(Array.from({ length: 500 }, (_, i) => 2 * i));
});
