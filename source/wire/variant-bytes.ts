/**
 * Members of a union ⇄ compact bytes: many at once, each field in a column of its own, so that what hardly changes from one
 * to the next costs hardly anything. Loses nothing. The bytes are one plain MessagePack value:
 *
 *   [kinds, times, [table, …]]
 *
 * `kinds`   binary, one byte a member in their order: which of the tables it is a row of (at most 255 tables)
 * `times`   a column: the `at` of each member, in their order; null in a union whose members have none in common
 * table     [code, [column, …]]: the code of a kind in the union's table; a column for each of its fields after `at`, in
 *           their order. Its rows are the members of that kind in their order
 *
 * fact-columns.ts says what a column is. In the table of a keyed kind, differences are to the last row with the same first
 * field. A table whose code is unknown is passed over, its members are left out; so are columns beyond the known fields.
 */
import { instant } from '../model/job.ts';
import { type Kinds, type Shape, ShapeError, type VariantOf, type Variants } from '../model/shape.ts';
import { packedElements, packValue, unpackValue } from './codec.ts';
import { bad, numbered, packColumn, unpackColumn } from './fact-columns.ts';

/** A batch has at most so many members: what a reader may have to make of a few compressed bytes is bounded by it. */
export const rowsPerBatch = 65_536;

/** Two-way conversion of batches of a union. */
export interface BatchBytes<T> {
  /** Returns the bytes of up to `rowsPerBatch` members. Throws RangeError for more. */
  pack(batch: readonly T[]): Buffer;
  /**
   * Returns what was packed. Throws PlainError or ShapeError where the bytes are not what is written down above; every
   * field of every member has passed its check.
   */
  unpack(bytes: Buffer): T[];
  /**
   * Returns how many of the bytes belong to each kind, by its name; a kind's share of the order and of the times is
   * counted with it. Throws PlainError or ShapeError.
   */
  bytesByKind(bytes: Buffer): Map<string, number>;
}

/** How each kind is packed: its code and its fields, after `at` where all have it. */
interface Plan {
  readonly code: number;
  readonly kind: string;
  /** Columns are told as differences within the same first field. */
  readonly keyed: boolean;
  readonly fields: readonly { readonly name: string; readonly shape: Shape<unknown> }[];
  /** A member without values: copied, it is laid out at once. */
  readonly begun: Readonly<Fields>;
}

type Fields = Record<string, unknown>;

/**
 * Returns the bytes of a union; `keyed` names the kinds that are measurements of the same few things again and again,
 * `timed` says that every kind begins with `at`.
 */
export function batchBytes<K extends Kinds>(
  { kinds: union }: Variants<K>,
  { keyed = [], timed = true }: { keyed?: readonly (keyof K)[]; timed?: boolean } = {},
): BatchBytes<VariantOf<K>> {
  const plans = Object.entries(union).map(
    ([kind, [code, fields]]): Plan => ({
      code,
      kind,
      keyed: keyed.includes(kind),
      fields: Object.entries(fields)
        .slice(timed ? 1 : 0)
        .map(([name, shape]) => ({ name, shape })),
      begun: { ...Object.fromEntries([['kind', kind], ...Object.keys(fields).map((name) => [name, undefined])]) },
    }),
  );
  const planOf = new Map(plans.map((plan) => [plan.kind, plan]));
  const planOfCode = new Map<unknown, Plan>(plans.map((plan) => [plan.code, plan]));

  function packTable(rows: Fields[]): unknown[] {
    const plan = planOf.get(rows[0]?.kind as string);
    if (plan === undefined) throw new Error(`no kind ${String(rows[0]?.kind)}`);
    const { code, fields } = plan;
    let key: Uint32Array | null = null;
    const columns = fields.map(({ name, shape }, field) => {
      const values = new Array<unknown>(rows.length);
      for (let i = 0; i < rows.length; i++)
        values[i] = shape.same ? (rows[i] as Fields)[name] : shape.pack((rows[i] as Fields)[name]);
      if (field === 0 && plan.keyed) key = numbered(values);
      return packColumn(values, key);
    });
    return [code, columns];
  }

  /** Returns the rows of a table, without `at`; null for a kind that this version does not know. */
  function unpackTable(raw: unknown, count: number): Fields[] | null {
    if (!Array.isArray(raw) || !Number.isInteger(raw[0]) || !Array.isArray(raw[1])) throw bad('a table');
    const plan = planOfCode.get(raw[0]);
    if (plan === undefined) return null;
    const packed: unknown[] = raw[1];
    let lanes: Uint32Array | null = null;
    const rows = new Array<Fields>(count);
    for (let i = 0; i < count; i++) rows[i] = { ...plan.begun };
    plan.fields.forEach(({ name, shape }, field) => {
      const values = located(`${plan.kind}.${name}`, () => {
        if (field < packed.length) return unpackColumn(packed[field], count, shape, lanes);
        if (shape.absent === undefined) throw bad('a column');
        return new Array<unknown>(count).fill(shape.absent.value);
      });
      if (field === 0 && plan.keyed) lanes = numbered(values);
      for (let i = 0; i < count; i++) (rows[i] as Fields)[name] = values[i];
    });
    return rows;
  }

  return {
    pack(batch) {
      if (batch.length > rowsPerBatch) throw new RangeError(`${batch.length} members in one batch`);
      const places = new Map<string, number>();
      const tables: Fields[][] = [];
      const kinds = new Uint8Array(batch.length);
      const times = new Array<unknown>(batch.length);
      for (let i = 0; i < batch.length; i++) {
        const member = batch[i] as { kind: string; at: number };
        let place = places.get(member.kind);
        if (place === undefined) {
          place = tables.push([]) - 1;
          places.set(member.kind, place);
        }
        kinds[i] = place;
        times[i] = member.at;
        (tables[place] as Fields[]).push(member as unknown as Fields);
      }
      return packValue([kinds, timed ? packColumn(times, null) : null, tables.map(packTable)]);
    },
    unpack(bytes) {
      const { kinds, packedTimes, packedTables } = partsOf(bytes);
      if (kinds.length > rowsPerBatch) throw bad(`at most ${rowsPerBatch} members`);
      const times = timed ? located('at', () => unpackColumn(packedTimes, kinds.length, instant, null)) : [];
      const counts = new Array<number>(packedTables.length).fill(0);
      for (const place of kinds) {
        if (place >= counts.length) throw bad('a table for every member');
        counts[place] = (counts[place] as number) + 1;
      }
      const tables = packedTables.map((table, place) => unpackTable(table, counts[place] as number));
      const next = new Array<number>(tables.length).fill(0);
      const out: VariantOf<K>[] = [];
      for (let i = 0; i < kinds.length; i++) {
        const place = kinds[i] as number;
        const row = next[place] as number;
        next[place] = row + 1;
        const member = tables[place]?.[row];
        if (member === undefined) continue;
        if (timed) member.at = times[i];
        out.push(member as VariantOf<K>);
      }
      return out;
    },
    bytesByKind(bytes) {
      const [packedKinds, packedTimes, packedTables] = packedElements(bytes) ?? [];
      if (packedKinds === undefined || packedTimes === undefined || packedTables === undefined) throw bad('a batch');
      const kinds = unpackValue(packedKinds);
      const tables = packedElements(packedTables);
      if (!(kinds instanceof Uint8Array) || tables === null) throw bad('a batch');
      const shared = packedKinds.length + packedTimes.length;
      const counts = new Array<number>(tables.length).fill(0);
      for (const place of kinds) counts[place] = (counts[place] ?? 0) + 1;
      const out = new Map<string, number>();
      tables.forEach((table, place) => {
        const [code] = packedElements(table) ?? [];
        const plan = code === undefined ? undefined : planOfCode.get(unpackValue(code));
        const share = ((counts[place] ?? 0) / Math.max(1, kinds.length)) * shared;
        if (plan !== undefined) out.set(plan.kind, table.length + share);
      });
      return out;
    },
  };
}

function partsOf(bytes: Buffer): { kinds: Uint8Array; packedTimes: unknown; packedTables: unknown[] } {
  const raw = unpackValue(bytes);
  if (!Array.isArray(raw) || !(raw[0] instanceof Uint8Array) || !Array.isArray(raw[2])) throw bad('a batch');
  return { kinds: raw[0], packedTimes: raw[1], packedTables: raw[2] };
}

function located<T>(place: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof ShapeError) throw new ShapeError(`${place}: ${error.message}`);
    throw error;
  }
}
