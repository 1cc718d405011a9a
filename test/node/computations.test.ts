import { expect, test } from 'vitest';
import { InputError, seconds } from '../../source/model/built-in-input.ts';
import { computations } from '../../source/node/runners/computations.ts';

const compute = (name: string, input: unknown): unknown => computations[name]?.(input, () => {});

test.each([
  ['sum-up', 0, 0],
  ['sum-up', 1, 1],
  ['sum-up', 100, 5050],
  ['sum-up', '3000000', 4500001500000],
  ['sum-up', 134217727, 9007199187632128],
  ['sum-up', 150000000, '11250000075000000'],
  ['factorize', 1, []],
  ['factorize', 2, [2]],
  ['factorize', 97, [97]],
  ['factorize', 1001, [7, 11, 13]],
  ['factorize', '1000000007', [1000000007]],
  ['factorize', 100160063, [10007, 10009]],
  ['factorize', '100140049', [10007, 10007]],
  ['factorize', '2305843009213693951', ['2305843009213693951']],
  ['factorize', '1000000016000000063', [1000000007, 1000000009]],
  ['factorize', '18446744073709551617', [274177, 67280421310721]],
  ['factorize', '170141183460469231731687303715884105727', ['170141183460469231731687303715884105727']],
  ['factorize', ' 12 ', [2, 2, 3]],
  ['increment', [], []],
  ['increment', [0, -1, 1.5], [1, 0, 2.5]],
  ['increment', '[1,2]', [2, 3]],
])('%s of %j', (name, input, expected) => {
  expect(compute(name, input)).toEqual(expected);
});

test('factors multiply to the number', () => {
  for (let n = 1; n < 3_000; n++) {
    const factors = compute('factorize', n) as number[];
    expect(factors.reduce((product, one) => product * one, 1)).toBe(n);
  }
});

test.each([
  ['sum-up', -1, 'sum-up: expected a whole number from 0 to 9007199254740991, got -1'],
  ['sum-up', 1.5, 'sum-up: expected a whole number from 0 to 9007199254740991, got 1.5'],
  ['sum-up', null, 'sum-up: expected a whole number from 0 to 9007199254740991, got null'],
  ['sum-up', { n: 3 }, 'sum-up: expected a whole number from 0 to 9007199254740991, got {"n":3}'],
  ['factorize', 0, 'factorize: expected a whole number of at least 1, got 0'],
  ['factorize', '12a', 'factorize: expected a whole number of at least 1, got "12a"'],
  [
    'factorize',
    2 ** 61,
    'factorize: expected a whole number of at least 1, got 2305843009213694000, which is not exact: give it as text ("…")',
  ],
  ['factorize', '9'.repeat(2_000), 'factorize: expected a whole number of at least 1, got one of 2000 digits'],
  ['increment', 3, 'increment: expected an array of numbers, got 3'],
  ['increment', [1, 'x'], 'increment: expected an array of numbers, got [1,"x"]'],
])('%s refuses %j', (name, input, message) => {
  expect(() => compute(name, input)).toThrow(new InputError(message));
});

test('seconds', () => {
  expect([seconds(1.5), seconds('0.25'), seconds(0)]).toEqual([1.5, 0.25, 0]);
  for (const wrong of [-1, 'x', null, '', {}, Number.NaN]) expect(() => seconds(wrong)).toThrow(InputError);
});
