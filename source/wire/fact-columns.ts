/**
 * Columns: the values of one field of many facts, so that what resembles the row before costs little. A column is plain
 * MessagePack, one of these; the number of its rows is known from elsewhere:
 *
 *   [0, value]              every row has this value
 *   [1, scale, deltas]      numbers: the difference to the row before (the first: to 0)
 *   [2, scale, deltas]      the same, but to the last row with the same value in the table's first column (none: to 0)
 *   [3, [value, …], places] each row's place in that list
 *   [4, bytes]              doubles: the lowest bytes of all rows, then the next higher ones, … the highest (8 planes)
 *   [5, [value, …]]         the values themselves
 *   [6, [column, …]]        arrays (structs) that are all of this length, at most 32: a column for each element; they are
 *                           within each other at most 3 deep
 *
 * `deltas` and `places` are binary: unsigned LEB128 numbers; a delta d is written as 2d, where it is negative as -2d-1.
 * `scale` s > 0: the value is the sum of the deltas divided by s; s < 0: multiplied by -s. Sums stay within ±2^51.
 */
import { type Shape, ShapeError } from '../model/shape.ts';

/** Columns are within columns at most so deep: a job, its work, its arguments. */
const deepest = 3;
/** Lists that are longer are told as they are: what a few bytes become stays in proportion to them. */
const widest = 32;

const scales = [-1_024, 1, 10, 100, 1_000];
const highest = 2 ** 51;

/** For each value a number that equal ones share, from 0 without gaps. */
export function numbered(values: readonly unknown[]): Uint32Array {
  const numbers = new Map<unknown, number>();
  const out = new Uint32Array(values.length);
  for (let i = 0; i < out.length; i++) {
    let number = numbers.get(values[i]);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(values[i], number);
    }
    out[i] = number;
  }
  return out;
}

/**
 * Returns the values as the column that takes the least room. `key` has a number for each row: where it is not null,
 * numbers are told as differences to the last row with the same one.
 */
export function packColumn(values: readonly unknown[], key: Uint32Array | null, levels = deepest): unknown[] {
  const first = values[0];
  let i = 1;
  while (i < values.length && areAlike(values[i], first)) i++;
  if (i >= values.length) return [0, first ?? null];
  if (values.every((value) => typeof value === 'number')) return packNumbers(values as number[], key);
  if (values.every((value) => typeof value === 'string' || value === null)) return packWords(values);
  if (levels > 0 && Array.isArray(first) && first.length > 0 && first.length <= widest)
    if (values.every((value) => Array.isArray(value) && value.length === first.length))
      return [6, packStructs(values as unknown[][], key, levels - 1)];
  return [5, values.slice()];
}

/** Whether two values that MessagePack carries are the same to a reader. */
function areAlike(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true;
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false;
  if (Array.isArray(one))
    return Array.isArray(other) && one.length === other.length && one.every((value, i) => areAlike(value, other[i]));
  if (Array.isArray(other) || one instanceof Uint8Array || other instanceof Uint8Array) return false;
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && areAlike((one as Dict)[key], (other as Dict)[key]))
  );
}

type Dict = Record<string, unknown>;

function packStructs(rows: readonly unknown[][], key: Uint32Array | null, levels: number): unknown[] {
  const width = (rows[0] as unknown[]).length;
  const values = new Array<unknown>(rows.length);
  const columns: unknown[] = [];
  for (let field = 0; field < width; field++) {
    for (let i = 0; i < rows.length; i++) values[i] = (rows[i] as unknown[])[field];
    columns.push(packColumn(values, key, levels));
  }
  return columns;
}

function packNumbers(values: readonly number[], key: Uint32Array | null): unknown[] {
  for (const scale of scales) {
    if (!values.every((value) => fits(value, scale))) continue;
    const last: number[] = [];
    beginVarints(values.length);
    for (let i = 0; i < values.length; i++) {
      const lane = key === null ? 0 : (key[i] as number);
      const whole = scaled(values[i] as number, scale);
      const delta = whole - (last[lane] ?? 0);
      last[lane] = whole;
      putVarint(delta < 0 ? -2 * delta - 1 : 2 * delta);
    }
    return [key === null ? 1 : 2, scale, takeVarints()];
  }
  const raw = new Uint8Array(Float64Array.from(values).buffer);
  const planes = new Uint8Array(raw.length);
  for (let at = 0; at < raw.length; at++) planes[(at % 8) * values.length + (at >> 3)] = raw[at] as number;
  return [4, planes];
}

function scaled(value: number, scale: number): number {
  // Adding 0 makes -0 a 0, which then differs from the value: it goes as a double.
  return (scale > 0 ? Math.round(value * scale) : Math.round(value / -scale)) + 0;
}

function fits(value: number, scale: number): boolean {
  const whole = scaled(value, scale);
  return whole <= highest && whole >= -highest && Object.is(unscaled(whole, scale), value);
}

function unscaled(whole: number, scale: number): number {
  return scale > 0 ? whole / scale : whole * -scale;
}

function packWords(values: readonly unknown[]): unknown[] {
  const places = new Map<unknown, number>();
  beginVarints(values.length);
  for (const value of values) {
    let place = places.get(value);
    if (place === undefined) {
      place = places.size;
      places.set(value, place);
    }
    putVarint(place);
  }
  if (places.size === values.length) return [5, values.slice()];
  return [3, [...places.keys()], takeVarints()];
}

let scratch = new Uint8Array(64 * 1024);
let used = 0;

function beginVarints(count: number): void {
  used = 0;
  if (scratch.length < count * 8) scratch = new Uint8Array(count * 8); // 53 bits in sevens
}

function putVarint(value: number): void {
  let rest = value;
  while (rest >= 0x80) {
    scratch[used++] = (rest % 0x80) | 0x80;
    rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 0x80);
  }
  scratch[used++] = rest;
}

function takeVarints(): Uint8Array {
  return scratch.slice(0, used);
}

/**
 * Returns the values of a column of `count` rows, each as `shape` unpacks it; `key` as for `packColumn`. Throws ShapeError.
 */
export function unpackColumn(
  raw: unknown,
  count: number,
  shape: Shape<unknown>,
  key: Uint32Array | null,
  levels = deepest,
): unknown[] {
  if (!Array.isArray(raw)) throw bad('a column');
  // What is the same in many rows is checked once; it may be shared, as nobody changes a fact.
  if (raw[0] === 0) return new Array<unknown>(count).fill(count === 0 ? null : shape.unpack(raw[1]));
  if (raw[0] === 3) {
    if (!Array.isArray(raw[1])) throw bad('a list of values');
    return pick(raw[1].map(shape.unpack), raw[2], count);
  }
  if (raw[0] === 6 && shape.fields !== undefined && levels > 0)
    return unpackStructs(raw[1], count, shape.fields, key, levels - 1);
  const values = rawColumn(raw, count, key, levels);
  for (let i = 0; i < count; i++) values[i] = shape.unpack(values[i]);
  return values;
}

/** The structs of a column for each of their fields, without a list of each in between. */
function unpackStructs(
  columns: unknown,
  count: number,
  shapes: Readonly<Record<string, Shape<unknown>>>,
  key: Uint32Array | null,
  levels: number,
): unknown[] {
  if (!Array.isArray(columns)) throw bad('columns of a struct');
  const begun: Dict = {};
  for (const name of Object.keys(shapes)) begun[name] = undefined;
  const like = { ...begun }; // laid out as a whole, as shape.ts does it
  const differing = new Map<string, unknown[]>();
  Object.entries(shapes).forEach(([name, shape], field) => {
    const values = structField(name, columns[field], count, shape, key, levels);
    if (columns[field]?.[0] === 0) like[name] = values[0];
    else differing.set(name, values);
  });
  const rows = new Array<Dict>(count);
  for (let i = 0; i < count; i++) rows[i] = { ...like };
  for (const [name, values] of differing) for (let i = 0; i < count; i++) (rows[i] as Dict)[name] = values[i];
  return rows;
}

function structField(
  name: string,
  column: unknown,
  count: number,
  shape: Shape<unknown>,
  key: Uint32Array | null,
  levels: number,
): unknown[] {
  if (column === undefined && shape.absent !== undefined) return new Array<unknown>(count).fill(shape.absent.value);
  try {
    return unpackColumn(column, count, shape, key, levels);
  } catch (error) {
    throw error instanceof ShapeError ? new ShapeError(`${name}: ${error.message}`) : error;
  }
}

function rawColumn(raw: unknown, count: number, key: Uint32Array | null, levels: number): unknown[] {
  if (!Array.isArray(raw)) throw bad('a column');
  switch (raw[0]) {
    case 0:
      return new Array<unknown>(count).fill(raw[1]);
    case 1:
      return unpackNumbers(raw[1], raw[2], count, null);
    case 2:
      if (key === null) throw bad('a first column');
      return unpackNumbers(raw[1], raw[2], count, key);
    case 3:
      if (!Array.isArray(raw[1])) throw bad('a list of values');
      return pick(raw[1], raw[2], count);
    case 4:
      return unpackDoubles(raw[1], count);
    case 5:
      if (!Array.isArray(raw[1]) || raw[1].length !== count) throw bad(`${count} values`);
      return raw[1];
    case 6: {
      if (!Array.isArray(raw[1]) || levels === 0) throw bad(`columns within columns at most ${deepest} deep`);
      if (raw[1].length > widest) throw bad(`at most ${widest} columns`);
      const columns = raw[1].map((one) => rawColumn(one, count, key, levels - 1));
      const rows = new Array<unknown>(count);
      for (let i = 0; i < count; i++) {
        const row = new Array<unknown>(columns.length);
        for (let field = 0; field < row.length; field++) row[field] = (columns[field] as unknown[])[i];
        rows[i] = row;
      }
      return rows;
    }
    default:
      throw bad('a kind of column that this version knows');
  }
}

function unpackNumbers(scale: unknown, deltas: unknown, count: number, key: Uint32Array | null): number[] {
  if (typeof scale !== 'number' || !Number.isInteger(scale) || scale === 0) throw bad('a scale');
  const codes = readVarints(deltas, count);
  const out = new Array<number>(count);
  const last = new Float64Array(key === null ? 1 : count);
  for (let i = 0; i < count; i++) {
    const code = codes[i] as number;
    const half = Math.floor(code / 2);
    const lane = key === null ? 0 : (key[i] as number);
    const whole = (last[lane] as number) + (half * 2 === code ? half : -half - 1);
    last[lane] = whole;
    out[i] = scale > 0 ? whole / scale : whole * -scale;
  }
  return out;
}

function pick(values: unknown[], places: unknown, count: number): unknown[] {
  const out = new Array<unknown>(count);
  const at = readVarints(places, count);
  for (let i = 0; i < count; i++) {
    const place = at[i] as number;
    if (place >= values.length) throw bad('a place in the list of values');
    out[i] = values[place];
  }
  return out;
}

function unpackDoubles(planes: unknown, count: number): number[] {
  if (!(planes instanceof Uint8Array) || planes.length !== count * 8) throw bad(`${count} doubles`);
  const raw = new Uint8Array(planes.length);
  for (let at = 0; at < raw.length; at++) raw[at] = planes[(at % 8) * count + (at >> 3)] as number;
  return [...new Float64Array(raw.buffer)];
}

function readVarints(bytes: unknown, count: number): Float64Array {
  // Each takes at least a byte: nothing is made that the bytes do not warrant.
  if (!(bytes instanceof Uint8Array) || bytes.length < count) throw bad(`${count} numbers`);
  const out = new Float64Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    let byte = bytes[at++] as number;
    let value = byte & 0x7f;
    for (let weight = 0x80; byte >= 0x80; weight *= 0x80) {
      if (at >= bytes.length || weight > 2 ** 49) throw bad(`${count} numbers`);
      byte = bytes[at++] as number;
      value += (byte & 0x7f) * weight;
    }
    out[i] = value;
    if (at >= bytes.length && i + 1 < count) throw bad(`${count} numbers`);
  }
  if (at !== bytes.length) throw bad(`exactly ${count} numbers`);
  return out;
}

/** Returns the error that something else was expected. */
export function bad(expected: string): ShapeError {
  return new ShapeError(`expected ${expected}`);
}
