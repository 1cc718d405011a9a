/** Reading an engine's journal: values page by page, each with its parts. */
import { type Etcd, entriesOf, keyRange, revisionOf } from '../wire/etcd.ts';
import { batchChecksum } from './checksum.ts';
import { type EngineKeys, numberAtEnd, type ValueKind } from './engine-keys.ts';
import { type EngineValue, unpackValue } from './engine-values.ts';
import type { StoredSnapshot } from './store.ts';
import { damage } from './store-error.ts';

export interface EngineReads {
  /** The values from `from` on that are there now, in pages; `revision` is the engine's when it gave the page. */
  pages(
    kind: ValueKind,
    from: number,
    signal?: AbortSignal,
  ): AsyncGenerator<{ values: EngineValue[]; revision: number }, void, undefined>;
  /** The whole bytes of a value, checked; null where it is gone. Rejects with `damaged`. */
  value(kind: ValueKind, seq: number): Promise<Uint8Array | null>;
  /** The number of the last batch that is there; 0: none. */
  lastBatch(): Promise<number>;
  firstBatch(): Promise<number>;
  snapshot(): Promise<StoredSnapshot | null>;
}

/** What is said of the snapshot that counts. */
export interface SnapshotHead {
  readonly seq: number;
  readonly epoch: number;
  readonly count: number;
  readonly parts: number;
}

const firstPage = 16;
const pageBytes = 2 * 1024 * 1024;
const longestPage = 5_000;

/** Returns the readings of the journal under `keys`. All reject as `Etcd.call`, or with StoreError. */
export function engineReads(etcd: Etcd, keys: EngineKeys): EngineReads {
  async function whole(kind: ValueKind, key: string, value: EngineValue): Promise<EngineValue> {
    if (value.parts === 0) return value;
    const parts: Uint8Array[] = [];
    for (let part = 0; part < value.parts; part++) {
      const place = keys.part(kind, numberAtEnd(key), value.epoch, part);
      const [entry] = entriesOf(await etcd.call('kv/range', keyRange(place)));
      // Whoever reads behind a snapshot sees that batches are missing.
      if (entry !== undefined) parts.push(entry.value);
    }
    return { ...value, bytes: Buffer.concat(parts) };
  }

  async function edge(kind: ValueKind, order: 'ASCEND' | 'DESCEND'): Promise<number> {
    const range = { ...keys.values(kind, 0), limit: '1', keys_only: true, sort_order: order, sort_target: 'KEY' };
    const [entry] = entriesOf(await etcd.call('kv/range', range));
    return entry === undefined ? 0 : numberAtEnd(entry.key);
  }

  async function* pages(kind: ValueKind, from: number, signal?: AbortSignal) {
    let limit = firstPage;
    for (let next = from; ; ) {
      const answer = await etcd.call('kv/range', { ...keys.values(kind, next), limit: `${limit}` }, { signal });
      const values: EngineValue[] = [];
      let bytes = 1;
      for (const { key, value } of entriesOf(answer)) {
        values.push(await whole(kind, key, unpackValue(key, value)));
        bytes += value.length;
        next = numberAtEnd(key) + 1;
      }
      yield { values, revision: revisionOf(answer) };
      if (answer.more !== true) return;
      limit = Math.max(1, Math.min(longestPage, Math.floor((pageBytes * values.length) / bytes)));
    }
  }

  async function snapshot(): Promise<StoredSnapshot | null> {
    const [entry] = entriesOf(await etcd.call('kv/range', keyRange(keys.snapshot)));
    if (entry === undefined) return null;
    const { seq, epoch, count, parts } = JSON.parse(entry.value.toString()) as SnapshotHead;
    const base = keys.snapshotOf(epoch, count);
    async function* chunks() {
      for (let part = 1; part <= parts; part++) {
        const key = `${base}${part}`;
        const [chunk] = entriesOf(await etcd.call('kv/range', keyRange(key)));
        if (chunk === undefined)
          throw damage(`part ${part} of the snapshot is missing`, { table: keys.snapshots, sequence: seq });
        const value = unpackValue(key, chunk.value);
        if (value.seq !== part || value.crc !== batchChecksum(part, epoch, value.bytes))
          throw damage(`the checksum of part ${part} of the snapshot is wrong`, { table: key, sequence: seq });
        yield Uint8Array.from(value.bytes);
      }
    }
    return { seq, parts, chunks: chunks() };
  }

  return {
    pages,
    async value(kind, seq) {
      const key = keys.value(kind, seq);
      const [entry] = entriesOf(await etcd.call('kv/range', keyRange(key)));
      if (entry === undefined) return null;
      const value = await whole(kind, key, unpackValue(key, entry.value));
      checkValue(kind, value);
      return value.bytes;
    },
    lastBatch: () => edge('batch', 'DESCEND'),
    firstBatch: () => edge('batch', 'ASCEND'),
    snapshot,
  };
}

/** Throws StoreError `damaged` where the bytes are not those that were written. */
export function checkValue(kind: ValueKind, { seq, epoch, crc, bytes }: EngineValue): void {
  if (crc !== batchChecksum(seq, epoch, bytes)) throw damage('its checksum is wrong', { table: kind, sequence: seq });
}
