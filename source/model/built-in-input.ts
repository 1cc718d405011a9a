/** What the built-in tasks take. Checked where a job is submitted, and again where an item or a number becomes an input. */
import type { BuiltInTask } from './job.ts';

/** Its message says what was expected and what came. */
export class InputError extends Error {
  override readonly name = 'InputError';
}

const longestNumber = 1_000;

/** Takes a number or its decimal text; returns it as a whole number of that range, exactly. Throws InputError. */
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

/** Takes a number or its decimal text; returns the seconds to sleep. Throws InputError. */
export function seconds(input: unknown): number {
  const number = typeof input === 'string' && input.trim() !== '' ? Number(input) : input;
  if (typeof number !== 'number' || !Number.isFinite(number) || number < 0)
    throw new InputError(`sleep: expected a number of seconds of at least 0, got ${shown(input)}`);
  return number;
}

/** Takes an array of numbers or its JSON text; returns the array. Throws InputError. */
export function vector(input: unknown): number[] {
  const numbers = typeof input === 'string' ? parsed(input) : input;
  if (!Array.isArray(numbers) || !numbers.every((one) => typeof one === 'number' && Number.isFinite(one)))
    throw new InputError(`increment: expected an array of numbers, got ${shown(input)}`);
  return numbers;
}

/** Returns the last number that `sum-up` adds. Throws InputError. */
export function lastNumber(input: unknown): number {
  return Number(wholeNumber(input, 'sum-up', 0n, BigInt(Number.MAX_SAFE_INTEGER)));
}

/** Returns the number that `factorize` takes apart. Throws InputError. */
export function numberToFactorize(input: unknown): bigint {
  return wholeNumber(input, 'factorize', 1n, null);
}

const checks: Readonly<Record<BuiltInTask, (input: unknown) => unknown>> = {
  sleep: seconds,
  'sum-up': lastNumber,
  factorize: numberToFactorize,
  increment: vector,
  noop: () => {},
};

/** Returns what is wrong with the input of a built-in task, in one line, or null where nothing is. */
export function inputObjection(task: BuiltInTask, input: unknown): string | null {
  try {
    checks[task](input);
    return null;
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
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
