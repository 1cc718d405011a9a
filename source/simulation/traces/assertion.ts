/** What `lbtop whatif --assert` takes: `makespan<120, p99Wait<=2, meanWait<recorded`; all of it has to hold. */
import { LbtopError } from '../../model/errors.ts';
import type { Entry } from '../statistics.ts';

const signs = ['<=', '>=', '<', '>'] as const;
type Sign = (typeof signs)[number];

/** One comparison of a figure with a number of seconds (or a share), or with the same figure as it was recorded. */
export interface Assertion<F extends string> {
  text: string;
  figure: F;
  sign: Sign;
  than: number | 'recorded';
}

/** What came of an assertion. */
export interface Held {
  policy: string;
  text: string;
  holds: boolean;
  /** Why it does not; '' where it does. */
  why: string;
}

/** Reads assertions about those figures. Throws LbtopError (usage). */
export function parseAssertions<F extends string>(text: string, figures: readonly F[]): Assertion<F>[] {
  return text.split(/,|&&/).map((part) => {
    const one = part.trim();
    const [, name, sign, than = ''] = /^([A-Za-z0-9]+)\s*(<=|>=|<|>)\s*(recorded|\d+(?:\.\d+)?)$/.exec(one) ?? [];
    const figure = figures.find((known) => known === name);
    if (figure === undefined)
      throw new LbtopError(
        'usage',
        `--assert: expected a comparison such as makespan<120 of ${figures.join(', ')}, got ${JSON.stringify(one)}`,
      );
    return { text: one, figure, sign: sign as Sign, than: than === 'recorded' ? than : Number(than) };
  });
}

/** Looks whether it holds of a result by more than the error: what this recording cannot show does not hold. */
export function held<F extends keyof Entry>(
  { text, figure, sign, than }: Assertion<F>,
  result: Entry,
  recorded: Entry,
  error: Readonly<Record<F, number>>,
): Held {
  const value = Number(result[figure]);
  const bound = than === 'recorded' ? Number(recorded[figure]) : than;
  const below = sign === '<' || sign === '<=';
  const strict = sign === '<' || sign === '>';
  const distance = below ? bound - value : value - bound;
  const isTrue = strict ? distance > 0 : distance >= 0;
  const told = { policy: result.policy, text };
  if (result.dropped > 0 && below) return { ...told, holds: false, why: `${result.dropped} tasks did not end` };
  if (!isTrue) return { ...told, holds: false, why: `it is ${round(value)}, the bound ${round(bound)}` };
  if (error[figure] > 0 && distance <= error[figure])
    return {
      ...told,
      holds: false,
      why: `it is ${round(value)}, but with an error of ${round(error[figure])} this recording cannot show it`,
    };
  return { ...told, holds: true, why: '' };
}

function round(value: number): number {
  return Math.round(value * 1_000) / 1_000;
}
