/** A store in memory: for tests and simulations, and the shortest reading of the contract. */

import { gatherBatch } from './batch-bytes.ts';
import { newBell } from './bell.ts';
import { batchChecksum } from './checksum.ts';
import { memoryRecords } from './memory-records.ts';
import { emptySeat, type Sitting } from './seat.ts';
import type { Batch, Store, StoredBatch, StoreLimits, Term } from './store.ts';
import { fenced, StoreError } from './store-error.ts';

const megabyte = 1024 * 1024;

/** Returns an empty store. `limits` replaces some of its own. */
export function memoryStore(limits: Partial<StoreLimits> = {}): Store {
  const all: StoreLimits = { batchBytes: 16 * megabyte, chunkBytes: megabyte, durability: 'memory', ...limits };
  const records = memoryRecords();
  const appended = newBell();
  let batches: StoredBatch[] = [];
  let snapshot: { seq: number; chunks: Uint8Array[] } | null = null;
  let epoch = 0;
  let bytes = 0;
  const head = () => batches.at(-1)?.seq ?? snapshot?.seq ?? 0;
  const seat = emptySeat(async () => ({ epoch: ++epoch, head: head() }));

  function termOf({ leader, head: begun, lost }: Sitting): Term {
    function mustHold(): void {
      if (leader.epoch !== epoch || lost.aborted) throw fenced(leader.epoch, `its term is ${epoch}`);
    }

    function append(seq: number, batch: Batch): void {
      mustHold();
      const size = gatherBatch(batch).byteLength;
      if (size > all.batchBytes)
        throw new StoreError('too-large', `a batch of ${size} bytes: the store takes ${all.batchBytes}`);
      if (seq <= head() && seq > begun) return; // this term's own, sent again
      if (seq !== head() + 1) throw new RangeError(`batch ${seq} after batch ${head()}`);
      const facts = Uint8Array.from(batch.facts);
      batches.push({ seq, epoch, crc: batchChecksum(seq, epoch, facts), bytes: facts });
      for (const record of batch.records) records.put(record);
      bytes += size;
      appended.ring();
    }

    return {
      epoch: leader.epoch,
      head: begun,
      lost,
      append: async (seq, batch) => append(seq, batch),
      async saveSnapshot(seq, chunks) {
        mustHold();
        if (seq > head()) throw new RangeError(`a snapshot up to batch ${seq}, after batch ${head()}`);
        const own: Uint8Array[] = [];
        for await (const chunk of chunks) {
          if (chunk.length > all.chunkBytes) throw tooLarge(chunk, all);
          own.push(Uint8Array.from(chunk));
        }
        mustHold();
        if (seq <= (snapshot?.seq ?? 0)) return;
        snapshot = { seq, chunks: own };
        for (const batch of batches) if (batch.seq <= seq) bytes -= batch.bytes.length;
        batches = batches.filter((batch) => batch.seq > seq);
      },
      async resign() {
        seat.leave(leader.epoch);
      },
    };
  }

  return {
    limits: all,
    full: null,
    missing: 0,
    bytes: () => bytes,
    roomBytes: () => Infinity,
    onFull: () => ({ [Symbol.dispose]: () => {} }),
    campaign: async (me, signal) => termOf(await seat.campaign(me, signal)),
    async seize(seen, me) {
      const sitting = await seat.seize(seen, me);
      return sitting === null ? null : termOf(sitting);
    },
    leader: seat.watch,
    async *read(from, { follow = false, signal } = {}) {
      for (let seq = from; ; ) {
        const more = appended.next();
        signal?.throwIfAborted();
        const first = batches[0]?.seq ?? 0;
        const batch = batches[Math.max(seq, first) - first];
        if (batch !== undefined) {
          yield { ...batch, bytes: Uint8Array.from(batch.bytes) };
          seq = batch.seq + 1;
        } else if (!follow) return;
        else await appended.heard(more, signal);
      }
    },
    async snapshot() {
      if (snapshot === null) return null;
      const { seq, chunks } = snapshot;
      return {
        seq,
        parts: chunks.length,
        chunks: (async function* () {
          for (const chunk of chunks) yield Uint8Array.from(chunk);
        })(),
      };
    },
    readOutput: async (...args) => records.output(...args),
    outputSize: async (...args) => records.outputSize(...args),
    readResult: async (...args) => records.result(...args),
    readTasks: async (...args) => records.tasks(...args),
    async *readItems(job) {
      yield* records.items(job);
    },
    async close() {
      seat.clear();
    },
  };
}

/** The error for a chunk beyond the limit. */
export function tooLarge(chunk: Uint8Array, { chunkBytes }: StoreLimits): StoreError {
  return new StoreError('too-large', `a chunk of ${chunk.length} bytes: the store takes ${chunkBytes}`);
}
