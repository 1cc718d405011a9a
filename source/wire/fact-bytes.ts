/**
 * Facts ⇄ compact bytes: many facts at once, each field in a column of its own, so that what hardly changes from one
 * fact to the next costs hardly anything (a heartbeat about 10 bytes once compressed, positional MessagePack about 60).
 * Loses nothing. The bytes are one plain MessagePack value:
 *
 *   [kinds, times, [table, …]]
 *
 * `kinds`   binary, one byte a fact in the order of the facts: which of the tables it is a row of (at most 255 tables)
 * `times`   a column: the `at` of each fact, in the order of the facts
 * table     [code, [column, …]]: the code of a kind in model/fact.ts; a column for each of its fields after `at`, in
 *           their order. Its rows are the facts of that kind in their order
 *
 * fact-columns.ts says what a column is. In the table of `sampled`, differences are to the last row of the same node.
 * A table whose code is unknown is passed over, its facts are left out; so are columns beyond the known fields.
 */
import { type Fact, facts } from '../model/fact.ts';
import { instant } from '../model/job.ts';
import { type Shape, ShapeError } from '../model/shape.ts';
import { packValue, unpackValue } from './codec.ts';
import { bad, numbered, packColumn, unpackColumn } from './fact-columns.ts';

/** A batch has at most so many facts: what a reader may have to make of a few compressed bytes is bounded by it. */
export const factsPerBatch = 65_536;

/** Kinds whose columns are told as differences within the same first column: measurements of one node resemble each other. */
const keyed = new Set<unknown>([facts.kinds.sampled[0]]);

/** How each kind is packed: its code and its fields after `at`. */
interface Plan {
  readonly code: number;
  readonly kind: string;
  readonly fields: readonly { readonly name: string; readonly shape: Shape<unknown> }[];
}

const plans = Object.entries(facts.kinds).map(
  ([kind, [code, fields]]): Plan => ({
    code,
    kind,
    fields: Object.entries(fields as Record<string, Shape<unknown>>)
      .slice(1)
      .map(([name, shape]) => ({ name, shape })),
  }),
);
const planOf = new Map(plans.map((plan) => [plan.kind, plan]));
const planOfCode = new Map<unknown, Plan>(plans.map((plan) => [plan.code, plan]));

type Fields = Record<string, unknown>;

/** Returns the bytes of up to `factsPerBatch` facts. Throws RangeError for more. */
export function packFacts(batch: readonly Fact[]): Buffer {
  if (batch.length > factsPerBatch) throw new RangeError(`${batch.length} facts in one batch`);
  const places = new Map<string, number>();
  const tables: Fields[][] = [];
  const kinds = new Uint8Array(batch.length);
  const times = new Array<unknown>(batch.length);
  for (let i = 0; i < batch.length; i++) {
    const fact = batch[i] as Fact;
    let place = places.get(fact.kind);
    if (place === undefined) {
      place = tables.push([]) - 1;
      places.set(fact.kind, place);
    }
    kinds[i] = place;
    times[i] = fact.at;
    (tables[place] as Fields[]).push(fact);
  }
  return packValue([kinds, packColumn(times, null), tables.map(packTable)]);
}

function packTable(rows: Fields[]): unknown[] {
  const plan = planOf.get(rows[0]?.kind as string);
  if (plan === undefined) throw new Error(`no kind ${String(rows[0]?.kind)}`);
  const { code, fields } = plan;
  let key: Uint32Array | null = null;
  const columns = fields.map(({ name, shape }, field) => {
    const values = new Array<unknown>(rows.length);
    for (let i = 0; i < rows.length; i++)
      values[i] = shape.same ? (rows[i] as Fields)[name] : shape.pack((rows[i] as Fields)[name]);
    if (field === 0 && keyed.has(code)) key = numbered(values);
    return packColumn(values, key);
  });
  return [code, columns];
}

/**
 * Returns the facts that `packFacts` was given. Throws PlainError or ShapeError where the bytes are not what is written
 * down above; every field of every fact has passed its check.
 */
export function unpackFacts(bytes: Buffer): Fact[] {
  const raw = unpackValue(bytes);
  if (!Array.isArray(raw) || !(raw[0] instanceof Uint8Array) || !Array.isArray(raw[2])) throw bad('a batch of facts');
  const kinds = raw[0];
  if (kinds.length > factsPerBatch) throw bad(`at most ${factsPerBatch} facts`);
  const times = located('at', () => unpackColumn(raw[1], kinds.length, instant, null));
  const counts = new Array<number>(raw[2].length).fill(0);
  for (const place of kinds) {
    if (place >= counts.length) throw bad('a table for every fact');
    counts[place] = (counts[place] as number) + 1;
  }
  const tables = raw[2].map((table, place) => unpackTable(table, counts[place] as number));
  const next = new Array<number>(tables.length).fill(0);
  const out: Fact[] = [];
  for (let i = 0; i < kinds.length; i++) {
    const place = kinds[i] as number;
    const table = tables[place];
    if (table === null || table === undefined) continue;
    const { plan, columns } = table;
    const row = next[place] as number;
    next[place] = row + 1;
    const fact: Fields = { kind: plan.kind, at: times[i] };
    for (let field = 0; field < columns.length; field++)
      fact[(plan.fields[field] as { name: string }).name] = (columns[field] as unknown[])[row];
    out.push(fact as Fact);
  }
  return out;
}

/**
 * Returns how many of the bytes belong to each kind of fact, by its name; a kind's share of the order and of the times is
 * counted with it. Throws PlainError or ShapeError.
 */
export function bytesByKind(bytes: Buffer): Map<string, number> {
  const raw = unpackValue(bytes);
  if (!Array.isArray(raw) || !(raw[0] instanceof Uint8Array) || !Array.isArray(raw[2])) throw bad('a batch of facts');
  const shared = packValue(raw[0]).length + packValue(raw[1]).length;
  const counts = new Array<number>(raw[2].length).fill(0);
  for (const place of raw[0]) counts[place] = (counts[place] ?? 0) + 1;
  const out = new Map<string, number>();
  raw[2].forEach((table, place) => {
    const plan = Array.isArray(table) ? planOfCode.get(table[0]) : undefined;
    const share = ((counts[place] ?? 0) / Math.max(1, raw[0].length)) * shared;
    if (plan !== undefined) out.set(plan.kind, packValue(table).length + share);
  });
  return out;
}

interface Table {
  plan: Plan;
  columns: unknown[][];
}

/** Returns null for a kind that this version does not know. */
function unpackTable(raw: unknown, count: number): Table | null {
  if (!Array.isArray(raw) || !Number.isInteger(raw[0]) || !Array.isArray(raw[1])) throw bad('a table');
  const plan = planOfCode.get(raw[0]);
  if (plan === undefined) return null;
  const packed: unknown[] = raw[1];
  let lanes: Uint32Array | null = null;
  const columns = plan.fields.map(({ name, shape }, field) =>
    located(`${plan.kind}.${name}`, () => {
      if (field >= packed.length) {
        if (shape.absent === undefined) throw bad('a column');
        return new Array<unknown>(count).fill(shape.absent.value);
      }
      const values = unpackColumn(packed[field], count, shape, lanes);
      if (field === 0 && keyed.has(plan.code)) lanes = numbered(values);
      return values;
    }),
  );
  return { plan, columns };
}

function located<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ShapeError) throw new ShapeError(`${place}: ${error.message}`);
    throw error;
  }
}
