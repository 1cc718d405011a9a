/** Writing into an engine: each append is one transaction with the fence in it. */
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Etcd,
  type EtcdAnswer,
  EtcdError,
  entriesOf,
  keyBytes,
  keyRange,
  keyRevisionIs,
  revisionOf,
} from '../wire/etcd.ts';
import { leaderNow } from '../wire/leader.ts';
import { factsOf, gatherBatch, recordsOf } from './batch-bytes.ts';
import { type EngineKeys, keysBefore, type ValueKind } from './engine-keys.ts';
import type { Leadership } from './engine-leader.ts';
import type { EngineReads, SnapshotHead } from './engine-reads.ts';
import type { EngineShelf } from './engine-shelf.ts';
import { packValue, requestBytes, unpackValue } from './engine-values.ts';
import { tooLarge } from './memory.ts';
import type { Batch, StoreLimits, Term } from './store.ts';
import { fenced, isFault, StoreError } from './store-error.ts';

export interface EngineTermOptions {
  etcd: Etcd;
  keys: EngineKeys;
  reads: EngineReads;
  shelf: EngineShelf;
  limits: StoreLimits;
  leadership: Leadership;
  head: number;
  /** The batch up to which the snapshot stands that there is. */
  snapshot: number;
  /** Why nothing new should be taken, or null again. */
  setFull(reason: string | null): void;
  /** Something was stored, or removed. */
  sized(bytes: number): void;
}

export interface EngineTerm extends Term {
  /** Resolves when what it has begun is done, as far as the engine answers. */
  idle(): Promise<void>;
}

/** An engine that does not answer for so long is said to be full: what waits is tried again. */
const patienceMs = 2_000;
const choreMs = 1_000;
/** Batches removed at once. */
const removeStep = 2_000;
/** An engine takes 128 operations in a transaction where it was not told otherwise; a batch's records take four. */
const deadStep = 30;
const compactEveryMs = 10_000;

/** Returns the term that `leadership` is the right to. */
export function engineTerm(options: EngineTermOptions): EngineTerm {
  const { etcd, keys, reads, shelf, limits, leadership, head: begun, setFull } = options;
  const { leader, lost, fence } = leadership;
  const { epoch } = leader;
  let head = begun;
  let snapshot = options.snapshot;
  let snapshots = 0;
  let chores: Promise<void> = Promise.resolve();
  let compactedAt = performance.now();
  let garbage = true;
  let turn: Promise<unknown> = Promise.resolve();

  function mustHold(): void {
    if (lost.aborted) throw isFault(lost.reason, 'fenced') ? lost.reason : fenced(epoch, 'it was given up');
  }

  async function fencedOff(): Promise<StoreError> {
    const now = await leaderNow(etcd).catch(() => null);
    const by = now === null ? 'or may do so: its lease ran out' : `its term is ${now.epoch}, at ${now.address}`;
    const error = fenced(epoch, by);
    leadership.end(error);
    return error;
  }

  /** Carries `success` out if this term still is. Rejects with `fenced`, `full` where the engine does not answer. */
  async function write(compare: object[], success: object[], failure: object[] = []): Promise<EtcdAnswer> {
    try {
      const given = { compare: [fence, ...compare], success, failure };
      const answer = await etcd.call('kv/txn', given, { withinMs: patienceMs });
      setFull(null);
      return answer;
    } catch (error) {
      throw faultOf(error, setFull);
    }
  }

  async function writeOrEnd(success: object[]): Promise<EtcdAnswer> {
    const answer = await write([], success);
    if (answer.succeeded !== true) throw await fencedOff();
    return answer;
  }

  async function store(seq: number, gathered: ArrayBuffer): Promise<void> {
    const { records, data } = recordsOf(gathered);
    const rows = new Uint8Array(records.buffer, records.byteOffset, records.byteLength);
    const values: [ValueKind, Uint8Array][] = [['batch', factsOf(gathered)]];
    if (records.length > 0) values.push(['rows', rows], ['data', data]);
    const spread = gathered.byteLength > requestBytes;
    const puts: object[] = [];
    for (const [kind, bytes] of values) {
      const { value, parts } = packValue(seq, epoch, bytes, spread);
      for (const [n, part] of parts.entries()) await writeOrEnd([put(keys.part(kind, seq, epoch, n), part)]);
      puts.push(put(keys.value(kind, seq), value));
    }
    const key = keys.value('batch', seq);
    const answer = await write([keyRevisionIs(key, 0)], puts, [{ request_range: keyRange(key) }]);
    if (answer.succeeded !== true && !isOurs(answer, seq)) throw await fencedOff();
    head = seq;
    options.sized(gathered.byteLength);
    if (records.length > 0) shelf.add(seq, records, Uint8Array.from(data));
  }

  /** An earlier try was carried out, and its answer lost: told by term and number, never by what it holds. */
  function isOurs({ responses }: EtcdAnswer, seq: number): boolean {
    const [range] = (responses ?? []) as { response_range?: unknown }[];
    const [entry] = entriesOf(range?.response_range);
    if (entry === undefined) return false;
    const value = unpackValue(entry.key, entry.value);
    return value.epoch === epoch && value.seq === seq;
  }

  async function append(seq: number, gathered: ArrayBuffer): Promise<void> {
    mustHold();
    if (seq <= head && seq > begun) return;
    if (seq !== head + 1) throw new RangeError(`batch ${seq} after batch ${head}`);
    await store(seq, gathered);
  }

  async function save(seq: number, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
    mustHold();
    await turn; // who read it from the engine may have it before its answer came
    if (seq > head) throw new RangeError(`a snapshot up to batch ${seq}, after batch ${head}`);
    if (seq <= snapshot) return;
    const count = ++snapshots;
    const base = keys.snapshotOf(epoch, count);
    let parts = 0;
    for await (const chunk of chunks) {
      if (chunk.length > limits.chunkBytes) throw tooLarge(chunk, limits);
      parts += 1;
      await writeOrEnd([put(`${base}${parts}`, packValue(parts, epoch, chunk, false).value)]);
    }
    mustHold();
    const said: SnapshotHead = { seq, epoch, count, parts };
    await writeOrEnd([put(keys.snapshot, Buffer.from(JSON.stringify(said)))]);
    snapshot = seq;
    inTurn(() => trim(seq, base));
  }

  /** Removes what a snapshot replaces. */
  async function trim(seq: number, base: string): Promise<void> {
    await writeOrEnd([remove(keysBefore(keys.snapshots, base))]);
    const first = await reads.firstBatch();
    for (let from = first; from > 0 && from <= seq; from += removeStep) {
      const to = Math.min(seq, from + removeStep - 1);
      await writeOrEnd([remove(keys.values('batch', from, to)), remove(keys.parts('batch', 0, to))]);
    }
    garbage = true;
    await compact();
  }

  /** Removes batches' records that are of no use; in this order, so that none comes back without its tombstone. */
  async function bury(): Promise<void> {
    const dead = shelf.takeDead();
    for (let at = 0; at < dead.length; at += deadStep) {
      const removals = dead
        .slice(at, at + deadStep)
        .flatMap((seq) =>
          (['rows', 'data'] as const).flatMap((kind) => [
            remove(keyRange(keys.value(kind, seq))),
            remove(keys.parts(kind, seq, seq)),
          ]),
        );
      await writeOrEnd(removals);
      garbage = true;
    }
  }

  /** An engine keeps what was removed until it is told to forget how all was before. */
  async function compact(): Promise<void> {
    if (!garbage) return;
    const answer = await writeOrEnd([{ request_range: keyRange(keys.leader) }]);
    garbage = false;
    compactedAt = performance.now();
    await etcd.call('kv/compaction', { revision: `${revisionOf(answer)}` });
    options.sized(0);
  }

  function inTurn(work: () => Promise<void>): void {
    // What is left over is removed the next time.
    chores = chores.then(work).catch(() => {});
  }

  // Parts of batches that never were.
  inTurn(
    async () =>
      void (await writeOrEnd((['batch', 'rows', 'data'] as const).map((kind) => remove(keys.parts(kind, begun + 1))))),
  );
  const timer = setInterval(() => {
    inTurn(async () => {
      await bury();
      if (performance.now() - compactedAt > compactEveryMs) await compact();
    });
  }, choreMs);
  lost.addEventListener('abort', () => clearInterval(timer));

  return {
    epoch,
    head: begun,
    lost,
    append(seq, batch: Batch) {
      const gathered = gatherBatch(batch);
      if (gathered.byteLength > limits.batchBytes) {
        const message = `a batch of ${gathered.byteLength} bytes: the store takes ${limits.batchBytes}`;
        return Promise.reject(new StoreError('too-large', message));
      }
      const mine = turn.then(() => append(seq, gathered));
      turn = mine.catch(() => {});
      return mine;
    },
    saveSnapshot: save,
    async idle() {
      await turn;
      await Promise.race([chores, pause(patienceMs)]);
    },
    resign: () => leadership.resign(),
  };
}

function put(key: string, value: Uint8Array): object {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.length);
  return { request_put: { key: keyBytes(key), value: bytes.toString('base64') } };
}

function remove(range: object): object {
  return { request_delete_range: range };
}

/** Returns what a store says for what the engine's client said; what it says of room is told to `setFull`. */
export function faultOf(error: unknown, setFull?: (reason: string) => void): unknown {
  if (!(error instanceof EtcdError)) return error;
  if (error.fault === 'refused' || error.fault === 'compacted') return new StoreError('broken', error.message);
  setFull?.(error.message);
  return new StoreError('full', error.message);
}
