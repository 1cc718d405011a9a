/**
 * What an engine keeps for one journal, by key. Numbers in keys have 16 digits, so that their order is that of the keys.
 *
 *   PREFIX/leader                    who writes, as JSON, under a lease; its revision is the term's epoch
 *   PREFIX/nodes/NAME                what a node offers, as JSON, under a lease
 *   PREFIX/journal/batch/SEQ         the facts of a batch
 *   PREFIX/journal/rows/SEQ          of a batch that has records: a row for each
 *   PREFIX/journal/data/SEQ          and the records' bytes
 *   PREFIX/journal/parts/KIND/SEQ/EPOCH/N  the parts of one of these three that is too large for one value
 *   PREFIX/journal/snapshot          which snapshot counts, as JSON
 *   PREFIX/journal/snapshots/EPOCH.N/PART  its chunks
 */
import { type EtcdRange, keyRange } from '../wire/etcd.ts';
import { leaderKey } from '../wire/leader.ts';

/** The three values of a batch. */
export type ValueKind = 'batch' | 'rows' | 'data';

export interface EngineKeys {
  readonly leader: string;
  readonly snapshot: string;
  readonly snapshots: string;
  value(kind: ValueKind, seq: number): string;
  /** Of the values `from` … `to`. */
  values(kind: ValueKind, from: number, to?: number): EtcdRange;
  part(kind: ValueKind, seq: number, epoch: number, part: number): string;
  /** Of all parts of the values `from` … `to`. */
  parts(kind: ValueKind, from: number, to?: number): EtcdRange;
  /** Ends with a slash. */
  snapshotOf(epoch: number, count: number): string;
}

/** Returns the keys of the journal under `prefix`. */
export function engineKeys(prefix: string): EngineKeys {
  const journal = `${prefix}/journal`;
  const between = (base: string, from: number, to = Number.MAX_SAFE_INTEGER - 1) =>
    keyRange(`${base}/${digits(from)}`, `${base}/${digits(to + 1)}`);
  return {
    leader: leaderKey(prefix),
    snapshot: `${journal}/snapshot`,
    snapshots: `${journal}/snapshots/`,
    value: (kind, seq) => `${journal}/${kind}/${digits(seq)}`,
    values: (kind, from, to) => between(`${journal}/${kind}`, from, to),
    part: (kind, seq, epoch, part) => `${journal}/parts/${kind}/${digits(seq)}/${digits(epoch)}/${digits(part)}`,
    parts: (kind, from, to) => between(`${journal}/parts/${kind}`, from, to),
    snapshotOf: (epoch, count) => `${journal}/snapshots/${digits(epoch)}.${digits(count)}/`,
  };
}

/** Returns the range of the keys under `base` that come before `end`. */
export function keysBefore(base: string, end: string): EtcdRange {
  return keyRange(base, end);
}

/** Returns a number as it stands in keys. */
export function digits(number: number): string {
  return `${number}`.padStart(16, '0');
}

/** Returns the number at the end of a key. */
export function numberAtEnd(key: string): number {
  return Number(key.slice(key.lastIndexOf('/') + 1));
}
