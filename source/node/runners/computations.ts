/**
 * The built-in tasks that compute. Each takes the input of a task (any JSON) and `pace`, which it calls every few
 * milliseconds; returns what becomes the result; throws InputError where the input is not what it expects.
 */
import { primeFactors } from './prime-factors.ts';

/** Its message says what was expected and what came. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

export type Computation = (input: unknown, pace: () => void) => unknown;

export const computations: Readonly<Record<string, Computation>> = { 'sum-up': sumUp, factorize, increment };

const additionsPerPace = 2_000_000;
const longestNumber = 1_000;

/** Adds up 1…N, number by number: it is there to be work. A number where it is exact, else decimal text. */
function sumUp(input: unknown, pace: () => void): number | string {
  const last = Number(wholeNumber(input, 'sum-up', 0n, BigInt(Number.MAX_SAFE_INTEGER)));
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
  return primeFactors(wholeNumber(input, 'factorize', 1n, null), pace).map(jsonNumber);
}

/** Adds one to each element. */
function increment(input: unknown): number[] {
  const vector = typeof input === 'string' ? parsed(input) : input;
  if (!Array.isArray(vector) || !vector.every((one) => typeof one === 'number' && Number.isFinite(one)))
    throw new InputError(`increment: expected an array of numbers, got ${shown(input)}`);
  return vector.map((one: number) => one + 1);
}

/** Takes a number or its decimal text; returns it as a whole number of that range, exactly. */
export function wholeNumber(input: unknown, task: string, least: bigint, most: bigint | null): bigint {
  const range = most === null ? `of at least ${least}` : `from ${least} to ${most}`;
  const wrong = (why: string): InputError => new InputError(`${task}: expected a whole number ${range}, got ${why}`);
  let number: bigint;
  if (typeof input === 'number') {
    if (!Number.isInteger(input)) throw wrong(shown(input));
    if (!Number.isSafeInteger(input)) throw wrong(`${input}, which is not exact: give it as text ("…")`);
    number = BigInt(input);
  } else if (typeof input === 'string' && /^\s*[+-]?\d+\s*$/.test(input)) {
    if (input.length > longestNumber) throw wrong(`one of ${input.length} digits`);
    number = BigInt(input.trim().replace(/^\+/, ''));
  } else throw wrong(shown(input));
  if (number < least || (most !== null && number > most)) throw wrong(shown(input));
  return number;
}

/** Takes a number or its decimal text; returns the seconds to sleep. */
export function seconds(input: unknown): number {
  const number = typeof input === 'string' && input.trim() !== '' ? Number(input) : input;
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0)
    throw new InputError(`sleep: expected a number of seconds of at least 0, got ${shown(input)}`);
  return number;
}

function jsonNumber(number: bigint): number | string {
  return number <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(number) : number.toString();
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** The input as its user would recognise it, shortened. */
function shown(input: unknown): string {
  const text = JSON.stringify(input) ?? 'nothing';
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
}
