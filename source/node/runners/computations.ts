/**
 * The built-in tasks that compute. Each takes the input of a task (any JSON) and `pace`, which it calls every few
 * milliseconds; returns what becomes the result; throws InputError where the input is not what it expects.
 */
import { lastNumber, numberToFactorize, vector } from '../../model/built-in-input.ts';
import { primeFactors } from './prime-factors.ts';

export type Computation = (input: unknown, pace: () => void) => unknown;

export const computations: Readonly<Record<string, Computation>> = { 'sum-up': sumUp, factorize, increment };

const additionsPerPace = 2_000_000;

/** Adds up 1…N, number by number: it is there to be work. A number where it is exact, else decimal text. */
function sumUp(input: unknown, pace: () => void): number | string {
  const last = lastNumber(input);
  let sum = 0n;
  for (let first = 1; first <= last; first += additionsPerPace) {
    const end = Math.min(last, first + additionsPerPace - 1);
    // Exact in a double as long as end - first stays below 2^25.
    let offsets = 0;
    for (let number = first; number <= end; number++) offsets += number - first;
    sum += BigInt(offsets) + BigInt(first) * BigInt(end - first + 1);
    pace();
  }
  return jsonNumber(sum);
}

/** The prime factors of N, ascending, each as often as it divides. */
function factorize(input: unknown, pace: () => void): (number | string)[] {
  return primeFactors(numberToFactorize(input), pace).map(jsonNumber);
}

/** Adds one to each element. */
function increment(input: unknown): number[] {
  return vector(input).map((one) => one + 1);
}

function jsonNumber(number: bigint): number | string {
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : number.toString();
}
