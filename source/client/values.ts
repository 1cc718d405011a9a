/** The kinds of values that flags take, and how each is read from text. */
import type { Span } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import type { Json } from '../model/shape.ts';
import { type Address, parseAddress, parseWhereabouts, readEngine, type Whereabouts } from './places.ts';

/** One kind of value. */
export interface Value<T> {
  /** After `expected `: `a duration such as 10s`. */
  readonly says: string;
  /** Returns undefined where the text is no such value. */
  read(text: string): T | undefined;
  /** `none`: the flag alone says it (a value only after `=`); `maybe`: it may also stand alone. */
  readonly arity: 'none' | 'one' | 'maybe';
  /** What a flag without value means. */
  readonly alone?: T;
  /** All there are, where they can be told. */
  readonly choices?: readonly string[];
  /** Present where the flag may be given several times. */
  add?(before: T, next: T): T;
}

/** The type that a kind of value gives. */
export type ValueOf<V> = V extends Value<infer T> ? T : never;

function one<T>(says: string, read: (text: string) => T | undefined): Value<T> {
  return { says, read, arity: 'one' };
}

/** On, or not. */
export const toggle: Value<boolean> = {
  says: 'true or false',
  arity: 'none',
  alone: true,
  read: (text) => (/^(1|true|yes|on)$/i.test(text) ? true : /^(0|false|no|off|)$/i.test(text) ? false : undefined),
};

/** Any text that is not empty, at most `longest` characters. */
export function words(longest: number): Value<string> {
  return one(`1 to ${longest} characters`, (text) => (text !== '' && text.length <= longest ? text : undefined));
}

/** A path. */
export const file: Value<string> = { ...words(limits.textLength), says: 'a path' };

/** A text that the pattern matches whole. */
export function matching(says: string, pattern: RegExp): Value<string> {
  return one(says, (text) => (pattern.test(text) ? text : undefined));
}

/** One of these. */
export function choice<const C extends readonly string[]>(choices: C): Value<C[number]> {
  return { ...one(`one of ${choices.join(', ')}`, (text) => choices.find((one) => one === text)), choices };
}

/** A whole number. */
export function count(min: number, max: number): Value<number> {
  return one(`a whole number from ${min} to ${max}`, (text) => {
    const value = /^[-+]?\d+$/.test(text) ? Number(text) : Number.NaN;
    return value >= min && value <= max ? value : undefined;
  });
}

/** A number. */
export function number(min: number, max: number): Value<number> {
  return one(max === Number.MAX_VALUE ? `a number from ${min}` : `a number from ${min} to ${max}`, (text) =>
    readNumber(text, min, max),
  );
}

/** Where something listens. */
export const address: Value<Address> = one('HOST:PORT, an IPv6 address in brackets', (text) => parseAddress(text));

/** Where a coordinator may be. */
export const whereabouts: Value<Whereabouts> = one(
  'HOST:PORT, an IPv6 address in brackets, several with commas between them, or etcd://HOST:2379,HOST:2379',
  parseWhereabouts,
);

/** The same, or nothing: true. */
export const whereaboutsOrNone: Value<Whereabouts | true> = { ...whereabouts, arity: 'maybe', alone: true };

/** The members of an engine. */
export const engine: Value<string> = one('etcd://HOST:2379,HOST:2379', readEngine);

const durationUnits: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  '': 1_000,
};

/** A duration, in ms; a number without a unit counts seconds, as everywhere in a shell. */
export const duration: Value<number> = one('a duration such as 500ms, 10s, 5m, 2h or 1h30m', (text) => {
  if (!/^(\d+(\.\d+)?(ms|s|m|h|d))+$|^\d+(\.\d+)?$/.test(text)) return undefined;
  let ms = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|)/g))
    ms += Number(amount) * (durationUnits[unit ?? ''] as number);
  return Number.isFinite(ms) ? ms : undefined;
});

/** How often something is done again, in ms: at most ten times a second; every 2 s where nothing is said. */
export const interval: Value<number> = {
  says: 'a duration from 100ms to 1d, such as 5s',
  arity: 'maybe',
  alone: 2_000,
  read(text) {
    const ms = duration.read(text);
    return ms !== undefined && ms >= 100 && ms <= 86_400_000 ? ms : undefined;
  },
};

const sizePowers = ['', 'K', 'M', 'G', 'T', 'P'];

/** A size, in bytes: K, KiB are 1024, KB is 1000. */
export const size: Value<number> = one('a size such as 64K, 1.5G or 2GiB', (text) => {
  const match = /^(\d+(?:\.\d+)?)([KMGTP]?)(iB|B|)$/i.exec(text);
  if (match === null) return undefined;
  const [, amount, letter = '', suffix = ''] = match;
  const base = suffix.toUpperCase() === 'B' && letter !== '' ? 1_000 : 1_024;
  if (suffix.length === 2 && letter === '') return undefined;
  return Math.round(Number(amount) * base ** sizePowers.indexOf(letter.toUpperCase()));
});

/** Numbers of an array: `1-1000`, `0-90:10`, `7`. */
export const span: Value<Span> = one(
  `numbers such as 1-1000 or 0-90:10, at most ${limits.tasksPerJob} of them`,
  (text) => {
    const match = /^(\d{1,15})(?:-(\d{1,15})(?::(\d{1,15}))?)?$/.exec(text);
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    const step = Number(match[3] ?? 1);
    if (last < first || step === 0) return undefined;
    const many = Math.floor((last - first) / step) + 1;
    return many <= limits.tasksPerJob ? { count: many, first, step } : undefined;
  },
);

/** Any JSON. */
export const jsonValue: Value<Json> = one('JSON, quoted for the shell', (text) => {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
});

/** `KEY=VALUE`, any number of times. */
export function pairs(example: string): Value<Record<string, string>> {
  return {
    ...one(`${example}`, (text) => {
      const pair = cut(text);
      return pair === undefined ? undefined : { [pair[0]]: pair[1] };
    }),
    add: (before, next) => ({ ...before, ...next }),
  };
}

/** `NAME=N`, any number of times; `NAME` alone is one of it. */
export const amounts: Value<Record<string, number>> = {
  ...one('NAME=N such as gpu=1', (text) => {
    const [name, amount] = cut(text) ?? [text, '1'];
    const value = readNumber(amount, 0, Number.MAX_SAFE_INTEGER);
    return value === undefined || name === '' ? undefined : { [name]: value };
  }),
  add: (before, next) => ({ ...before, ...next }),
};

/** Jobs, separated by commas, any number of times. */
export const jobs: Value<number[]> = {
  ...one('jobs such as 7 or 7,8', (text) =>
    /^[1-9]\d{0,14}(,[1-9]\d{0,14})*$/.test(text) ? text.split(',').map(Number) : undefined,
  ),
  add: (before, next) => [...before, ...next],
};

/** Texts, one each time. */
export const texts: Value<string[]> = {
  ...one('a text', (text) => (text === '' ? undefined : [text])),
  add: (before, next) => [...before, ...next],
};

function cut(text: string): [key: string, value: string] | undefined {
  const at = text.indexOf('=');
  const key = text.slice(0, at);
  return at < 1 || key.length > limits.reasonLength || key === '__proto__' ? undefined : [key, text.slice(at + 1)];
}

function readNumber(text: string, min: number, max: number): number | undefined {
  const value = /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}
