/** What is unpacked depends on what arrived, never on what came before it. */

import { expect, test } from 'vitest';
import {
  bytes,
  dict,
  int,
  json,
  list,
  nullable,
  optional,
  real,
  ShapeError,
  struct,
  text,
} from '../../source/model/shape.ts';
import fc from '../arbitrary.ts';

const inner = { count: int(0, 9), name: text(200) };
const fresh = () =>
  struct({
    id: int(0, 9),
    at: real(),
    name: nullable(text(200)),
    inner: struct(inner),
    names: list(text(200), 9),
    labels: dict(text(200), 9),
    data: nullable(bytes(99)),
    input: json(3),
    share: optional(real(), 0.5),
  });
const shape = fresh();

const few = fc.integer({ min: 0, max: 2 });
const word = fc.constantFrom('', 'a', 'b', 'x'.repeat(100));
const value = fc.record({
  id: few,
  at: fc.constantFrom(0, -0, 1.5),
  name: fc.option(word),
  inner: fc.record({ count: few, name: word }),
  names: fc.array(word, { maxLength: 2 }),
  labels: fc.dictionary(fc.constantFrom('k', 'l'), word, { noNullPrototype: true }),
  data: fc.option(fc.uint8Array({ maxLength: 3 })),
  input: fc.constantFrom(null, 1, 'a', [1], { a: [] }),
  share: fc.constantFrom(0.5, 1),
});

/** How an array may arrive: as it was packed, by an older writer, by a newer one, broken at some place. */
const arrival = fc.constantFrom<(raw: unknown[]) => unknown[]>(
  (raw) => raw,
  (raw) => raw.slice(0, -1),
  (raw) => [...raw, 'new'],
  (raw) => raw.with(2, 7),
  (raw) => raw.slice(0, 3),
);

test('what came before changes nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(value, arrival), { minLength: 1, maxLength: 6 }), (values) => {
      for (const [one, arriving] of values) {
        const raw = arriving(shape.pack(one) as unknown[]);
        if (raw[2] === 7 || raw.length < 8) expect(() => shape.unpack(raw)).toThrow(ShapeError);
        else expect(shape.unpack(raw)).toEqual(raw.length < 9 ? { ...one, share: 0.5 } : one);
      }
    }),
    { numRuns: 500 },
  );
});

test('what was unpacked is its own', () => {
  const shape = fresh(); // what came twice alike before would be shared
  const one = {
    id: 1,
    at: 1,
    name: 'a',
    inner: { count: 1, name: 'a' },
    names: ['a'],
    labels: {},
    data: null,
    input: null,
    share: 1,
  };
  const first = shape.unpack(shape.pack(one));
  first.id = 5;
  first.inner.name = 'changed';
  first.names.push('b');
  expect(shape.unpack(shape.pack(one))).toStrictEqual(one);
});

test('what comes again and again is one object, which nobody can change', () => {
  const pair = struct({ id: int(0, 9), labels: dict(text(9), 9), inner: struct(inner) });
  const raw = (id: number, count: number) => pair.pack({ id, labels: {}, inner: { count, name: 'a' } });
  const [, , third, fourth] = [1, 1, 1, 1].map((id) => pair.unpack(raw(id, 2)));
  expect(fourth).toBe(third);
  expect(fourth).toStrictEqual({ id: 1, labels: {}, inner: { count: 2, name: 'a' } });
  expect(() => Object.assign(fourth as object, { id: 3 })).toThrow(TypeError);
  expect(() => Object.assign((fourth as { inner: object }).inner, { count: 3 })).toThrow(TypeError);
  // What differs in one place shares the others.
  const other = pair.unpack(raw(2, 2));
  expect(other).toStrictEqual({ id: 2, labels: {}, inner: { count: 2, name: 'a' } });
  expect(other.inner).toBe(fourth?.inner);
  expect(pair.unpack(raw(2, 3)).inner).toStrictEqual({ count: 3, name: 'a' });
  expect(pair.unpack(raw(1, 2))).toStrictEqual(fourth);
});
