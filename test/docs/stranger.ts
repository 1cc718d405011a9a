/**
 * A reader of recordings written from docs/trace-format.md alone: it imports nothing of the program, and takes the kinds and
 * their fields from the page's tables.
 */
import { crc32, zstdDecompressSync } from 'node:zlib';

export type Value = null | boolean | number | string | Uint8Array | Value[] | { [key: string]: Value };

/** Names of the fields of arrays. */
type Type = { fields: readonly (readonly [name: string, type: Type])[] } | { list: Type } | null;

interface Kind {
  name: string;
  fields: readonly (readonly [name: string, type: Type])[];
}

export interface Page {
  facts: Map<number, Kind>;
  inputs: Map<number, Kind>;
  records: Map<number, Kind>;
  states: string[];
}

/** Reads the tables of the page. */
export function readPage(text: string): Page {
  return {
    facts: tableAt(text, 'facts'),
    inputs: tableAt(text, 'inputs'),
    records: tableAt(text, 'records'),
    states: [...placeAt(text, 'states').matchAll(/\d+ `(\w+)`/g)].map(([, name = '']) => name),
  };
}

function placeAt(text: string, name: string): string {
  return text.slice(text.indexOf(`<!-- ${name} -->`), text.indexOf(`<!-- /${name} -->`));
}

function tableAt(text: string, name: string): Map<number, Kind> {
  const rows = placeAt(text, name).matchAll(/^\| (\d+) \| `([\w-]+)` \| `(.*)` \|$/gm);
  return new Map(
    [...rows].map(([, code, kind = '', fields = '']) => [Number(code), { name: kind, fields: fieldsOf(fields, '; ') }]),
  );
}

function fieldsOf(text: string, separator: string): [string, Type][] {
  return split(text, separator).map((one) => {
    const colon = one.indexOf(': ');
    return [one.slice(0, colon), typeOf(one.slice(colon + 2))];
  });
}

/** Splits where a field begins, outside of brackets. */
function split(text: string, separator: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if ('[{('.includes(text[i] as string)) depth++;
    if (']})'.includes(text[i] as string)) depth--;
    if (depth > 0 || !text.startsWith(separator, i) || !/^\w+: /.test(text.slice(i + separator.length))) continue;
    parts.push(text.slice(from, i));
    from = i + separator.length;
  }
  return [...parts, text.slice(from)];
}

function typeOf(text: string): Type {
  if (!text.startsWith('[')) return null;
  let depth = 0;
  let end = 0;
  do {
    if (text[end] === '[') depth++;
    if (text[end] === ']') depth--;
    end++;
  } while (depth > 0);
  const inside = text.slice(1, end - 1);
  return /^\w+: /.test(inside) ? { fields: fieldsOf(inside, ', ') } : { list: typeOf(inside) };
}

function named(value: Value, type: Type): Value {
  if (type === null || !Array.isArray(value)) return value;
  if ('list' in type) return value.map((one) => named(one, type.list));
  return Object.fromEntries(type.fields.map(([name, of], i) => [name, named(value[i] ?? null, of)]));
}

/** Reads one value of MessagePack. */
export function readValue(bytes: Uint8Array): Value {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const whole = (size: number, get: (at: number) => number | bigint): number => {
    const value = get(at);
    at += size;
    return Number(value);
  };
  const unsigned: Record<number, () => number> = {
    1: () => whole(1, (at) => view.getUint8(at)),
    2: () => whole(2, (at) => view.getUint16(at)),
    4: () => whole(4, (at) => view.getUint32(at)),
    8: () => whole(8, (at) => view.getBigUint64(at)),
  };
  const u = (size: number): number => (unsigned[size] as () => number)();
  const take = (length: number): Uint8Array => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  const text = (length: number): string => Buffer.from(take(length)).toString('utf8');
  const array = (length: number): Value[] => Array.from({ length }, () => next());
  const map = (length: number): Value =>
    Object.fromEntries(Array.from({ length }, () => [String(next()), next()] as const));

  function next(): Value {
    const code = u(1);
    if (code < 0x80) return code;
    if (code < 0x90) return map(code & 15);
    if (code < 0xa0) return array(code & 15);
    if (code < 0xc0) return text(code & 31);
    if (code >= 0xe0) return code - 256;
    if (code >= 0xc4 && code <= 0xc6) return take(u(1 << (code - 0xc4)));
    if (code === 0xca) return whole(4, (at) => view.getFloat32(at));
    if (code === 0xcb) return whole(8, (at) => view.getFloat64(at));
    if (code >= 0xcc && code <= 0xcf) return u(1 << (code - 0xcc));
    if (code === 0xd0) return whole(1, (at) => view.getInt8(at));
    if (code === 0xd1) return whole(2, (at) => view.getInt16(at));
    if (code === 0xd2) return whole(4, (at) => view.getInt32(at));
    if (code === 0xd3) return whole(8, (at) => view.getBigInt64(at));
    if (code >= 0xd9 && code <= 0xdb) return text(u(1 << (code - 0xd9)));
    if (code === 0xdc || code === 0xdd) return array(u(code === 0xdc ? 2 : 4));
    if (code === 0xde || code === 0xdf) return map(u(code === 0xde ? 2 : 4));
    if (code === 0xc0) return null;
    if (code === 0xc2 || code === 0xc3) return code === 0xc3;
    throw new Error(`no value of MessagePack begins with ${code}`);
  }
  const value = next();
  if (at !== bytes.length) throw new Error('something follows the value');
  return value;
}

function leb128(bytes: Uint8Array): number[] {
  const numbers: number[] = [];
  let value = 0;
  let factor = 1;
  for (const byte of bytes) {
    value += (byte & 127) * factor;
    factor *= 128;
    if (byte >= 128) continue;
    numbers.push(value);
    value = 0;
    factor = 1;
  }
  return numbers;
}

/** Reads a column of so many rows; `key`: the values of the table's first column. */
export function readColumn(column: Value, rows: number, key: readonly Value[]): Value[] {
  const [form, a, b] = column as [number, Value, Value];
  switch (form) {
    case 0:
      return new Array<Value>(rows).fill(a);
    case 1:
    case 2: {
      const scale = a as number;
      const last = new Map<Value, number>();
      return leb128(b as Uint8Array).map((told, row) => {
        const lane = form === 1 ? null : (key[row] as Value);
        const sum = (last.get(lane) ?? 0) + (told % 2 === 0 ? told / 2 : -(told + 1) / 2);
        last.set(lane, sum);
        return scale > 0 ? sum / scale : sum * -scale;
      });
    }
    case 3:
      return leb128(b as Uint8Array).map((place) => (a as Value[])[place] as Value);
    case 4: {
      const planes = a as Uint8Array;
      return Array.from({ length: rows }, (_, row) => {
        const double = new DataView(new ArrayBuffer(8));
        for (let byte = 0; byte < 8; byte++) double.setUint8(byte, planes[byte * rows + row] as number);
        return double.getFloat64(0, true);
      });
    }
    case 5:
      return a as Value[];
    case 6: {
      const columns = (a as Value[]).map((one) => readColumn(one, rows, key));
      return Array.from({ length: rows }, (_, row) => columns.map((values) => values[row] as Value));
    }
    default:
      throw new Error(`no column is of form ${form}`);
  }
}

function readBatch(bytes: Uint8Array, table: Map<number, Kind>): Record<string, Value>[] {
  const [order, times, tables] = readValue(bytes) as [Uint8Array, Value, [number, Value[]][]];
  const at = readColumn(times, order.length, []);
  const read = tables.map(([code, columns], place) => {
    const kind = table.get(code);
    const rows = order.filter((one) => one === place).length;
    const key = columns.length === 0 ? [] : readColumn(columns[0] as Value, rows, []);
    return { kind, columns: columns.map((column, i) => (i === 0 ? key : readColumn(column, rows, key))), next: 0 };
  });
  const out: Record<string, Value>[] = [];
  order.forEach((place, i) => {
    const { kind, columns } = read[place] as (typeof read)[number];
    const row = (read[place] as (typeof read)[number]).next++;
    if (kind === undefined) return;
    const fields = kind.fields.slice(1).map(([name, type], field) => {
      const value = (columns[field] as Value[])[row] as Value;
      return [name, named(value, type)] as const;
    });
    out.push({ kind: kind.name, at: at[i] as Value, ...Object.fromEntries(fields) });
  });
  return out;
}

/** What stands in a recording, in order. */
export type Item =
  | { kind: 'facts'; facts: Record<string, Value>[] }
  | { kind: 'inputs'; start: Value; inputs: Record<string, Value>[] }
  | { kind: 'keyframe'; at: number; number: number; core: Record<string, Value>[]; references: number[] }
  | { kind: 'gap'; at: number; missing: number }
  | { kind: 'session'; version: string }
  | { kind: 'index'; offset: number; told: Value[] }
  | { kind: 'pages'; number: number; pages: Value[] };

/** Reads a whole file. Throws where it is not what the page says. */
export function readRecording(file: Uint8Array, page: Page): { newestIndex: number; items: Item[] } {
  const bytes = Buffer.from(file);
  const is = (what: boolean, why: string): void => {
    if (!what) throw new Error(why);
  };
  is(bytes.subarray(0, 8).toString('hex') === '894c42540d0a1a0a', 'no recording');
  is(bytes.readUInt16BE(8) === 1, 'another major version');
  is(crc32(bytes.subarray(0, 16)) === bytes.readUInt32BE(28), 'the head is damaged');
  is(crc32(bytes.subarray(16, 24)) === bytes.readUInt32BE(24), 'the offset is damaged');
  const items: Item[] = [];
  for (let offset = 32; offset < bytes.length; ) {
    const head = bytes.subarray(offset, offset + 32);
    is(crc32(head.subarray(0, 28)) === head.readUInt32BE(28), `the block at ${offset} is damaged`);
    const end = offset + 32 + head.readUInt32BE(0);
    const squeezed = bytes.subarray(offset + 32, end);
    is(squeezed.length === 0 || crc32(squeezed) === head.readUInt32BE(24), `the payload at ${offset} is damaged`);
    const payload = squeezed.length === 0 ? new Uint8Array() : new Uint8Array(zstdDecompressSync(squeezed));
    const count = head.readUInt32BE(16);
    const at = head.readDoubleBE(8);
    switch (head.readUInt8(4)) {
      case 1:
        items.push({ kind: 'session', version: String((readValue(payload) as Value[])[0]) });
        break;
      case 2: {
        const facts = readBatch(payload, page.facts);
        is(facts.length === count && facts[0]?.at === at, `the facts at ${offset} are not what their head says`);
        const events = facts.filter(({ kind }) => kind !== 'sampled' && kind !== 'progressed').length;
        is(events === head.readUInt32BE(20), `the events at ${offset} are not what their head says`);
        items.push({ kind: 'facts', facts });
        break;
      }
      case 3:
        items.push({ kind: 'pages', number: count, pages: readValue(payload) as Value[] });
        break;
      case 4: {
        const [core, references] = readValue(payload) as [Value[][], number[]];
        items.push({ kind: 'keyframe', at, number: count, core: core.map((one) => record(one, page)), references });
        break;
      }
      case 5:
        items.push({ kind: 'gap', at, missing: count });
        break;
      case 6:
        items.push({ kind: 'index', offset, told: readValue(payload) as Value[] });
        break;
      case 7: {
        const [start, batch] = readValue(payload) as [Value, Uint8Array];
        const inputs = readBatch(batch, page.inputs);
        is(inputs.length === count, `the inputs at ${offset} are not what their head says`);
        items.push({ kind: 'inputs', start, inputs });
      }
    }
    offset = end;
  }
  return { newestIndex: Number(bytes.readBigUInt64BE(16)), items };
}

/** Gives the fields of a record of a snapshot their names. */
export function record([code, ...values]: Value[], page: Page): Record<string, Value> {
  const kind = page.records.get(code as number);
  if (kind === undefined) return {};
  return { record: kind.name, ...(named(values, kind) as Record<string, Value>) };
}
