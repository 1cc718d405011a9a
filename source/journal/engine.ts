/**
 * The store in an engine: etcd 3.4 or newer, whose members hold the journal together, so that a coordinator on another
 * machine goes on where one ended. Records (outputs, results, items) lie there too, and in the engine's quota.
 */
import { type Etcd, EtcdError, openEtcd } from '../wire/etcd.ts';
import { parseEtcdAddress } from '../wire/etcd-address.ts';
import { followLeader } from '../wire/leader.ts';
import { engineKeys } from './engine-keys.ts';
import { type Leadership, takeLead } from './engine-leader.ts';
import { engineReads } from './engine-reads.ts';
import { engineShelf } from './engine-shelf.ts';
import { type EngineTerm, engineTerm, faultOf } from './engine-term.ts';
import type { Leader, Store, StoredBatch, StoreLimits, Term, Writer } from './store.ts';

const limits: StoreLimits = { batchBytes: 8 * 1024 * 1024, chunkBytes: 512 * 1024, durability: 'quorum' };
/** A member may be gone without a word: after so long the next one is asked. */
const quietMs = 1_000;

/**
 * Opens the journal in the engine at `url`. Throws LbtopError: `usage` for an address that is none, `unreachable` where
 * the engine does not answer.
 */
export async function openEngineStore(url: string): Promise<Store> {
  const etcd = openEtcd(parseEtcdAddress(url));
  try {
    return newStore(etcd, await sizeOf(etcd));
  } catch (error) {
    etcd.close();
    throw error;
  }
}

async function sizeOf(etcd: Etcd): Promise<number> {
  const { dbSizeInUse, dbSize } = await etcd.call('maintenance/status', {});
  return Number(dbSizeInUse ?? dbSize ?? 0);
}

function newStore(etcd: Etcd, size: number): Store {
  const keys = engineKeys(etcd.prefix);
  const reads = engineReads(etcd, keys);
  const shelf = engineShelf(reads);
  const listeners = new Set<(reason: string | null) => void>();
  const closing = new AbortController();
  let bytes = size;
  let full: string | null = null;
  let sitting: { term: EngineTerm; leadership: Leadership } | null = null;

  function setFull(reason: string | null): void {
    if (full === reason) return;
    full = reason;
    for (const listener of listeners) listener(reason);
  }

  function sized(more: number): void {
    bytes += more;
    if (more > 0) return;
    sizeOf(etcd).then(
      (now) => {
        bytes = now;
      },
      () => {}, // it is told with the next
    );
  }

  async function begin(me: Writer, before: number, signal?: AbortSignal): Promise<Term | null> {
    const leadership = await takeLead(etcd, keys.leader, me, before, signal);
    if (leadership === null) return null;
    try {
      // Whatever an earlier term has stored was stored before this one began: nothing is added to what is read now.
      const [last, snapshot] = await Promise.all([reads.lastBatch(), reads.snapshot(), shelf.catchUp()]);
      const head = Math.max(last, snapshot?.seq ?? 0);
      const given = { etcd, keys, reads, shelf, limits, leadership, head, setFull, sized };
      sitting?.leadership.end();
      const term = engineTerm({ ...given, snapshot: snapshot?.seq ?? 0 });
      sitting = { term, leadership };
      return term;
    } catch (error) {
      await leadership.resign();
      throw error;
    }
  }

  async function campaign(me: Writer, signal?: AbortSignal): Promise<Term> {
    for (;;) {
      signal?.throwIfAborted();
      const term = await begin(me, 0, signal);
      if (term !== null) return term;
      await nobodyLeads(signal);
    }
  }

  function nobodyLeads(signal?: AbortSignal): Promise<void> {
    const ending = new AbortController();
    const signals = [ending.signal, closing.signal, ...(signal === undefined ? [] : [signal])];
    const ends = AbortSignal.any(signals);
    return new Promise<void>((resolve, reject) => {
      ends.addEventListener('abort', () => (ending.signal.aborted ? resolve() : reject(ends.reason)), { once: true });
      const tell = (leader: Leader | null) => {
        if (leader === null) ending.abort();
      };
      followLeader(etcd, tell, ends).catch(reject);
    });
  }

  async function* read(from: number, follow: boolean, signal?: AbortSignal) {
    for (let next = from; ; ) {
      signal?.throwIfAborted();
      let since = 0;
      try {
        for await (const { values, revision } of reads.pages('batch', next, signal)) {
          since = revision;
          for (const { seq, epoch, crc, bytes } of values) {
            yield { seq, epoch, crc, bytes: Uint8Array.from(bytes) } satisfies StoredBatch;
            next = seq + 1;
          }
        }
        if (!follow) return;
        // One who follows may have to take over: what it needs then is here by then.
        await shelf.catchUp();
        const watched = etcd.watch(keys.values('batch', next), { from: since + 1, quietMs, signal });
        for await (const _events of watched) break;
      } catch (error) {
        signal?.throwIfAborted();
        if (!follow || closing.signal.aborted || !(error instanceof EtcdError)) throw faultOf(error);
      }
    }
  }

  /** Another process may have stored more since. */
  async function upToDate(): Promise<void> {
    if (sitting === null || sitting.leadership.lost.aborted) await shelf.catchUp();
  }

  return {
    limits,
    get full() {
      return full;
    },
    missing: 0,
    bytes: () => bytes,
    roomBytes: () => Infinity, // its members' disks are not ours to look at
    onFull(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    campaign,
    seize: (seen, me) => begin(me, seen.epoch),
    leader(onChange) {
      const ending = new AbortController();
      followLeader(etcd, onChange, AbortSignal.any([ending.signal, closing.signal])).catch(() => {});
      return { [Symbol.dispose]: () => ending.abort() };
    },
    read: (from, { follow = false, signal } = {}) => read(from, follow, signal),
    snapshot: reads.snapshot,
    async readOutput(...where) {
      await upToDate();
      return shelf.output(...where);
    },
    async outputSize(...where) {
      await upToDate();
      return shelf.outputSize(...where);
    },
    async readResult(...where) {
      await upToDate();
      return shelf.result(...where);
    },
    async readTasks(...where) {
      await upToDate();
      return shelf.tasks(...where);
    },
    async *readItems(job) {
      await upToDate();
      yield* shelf.items(job);
    },
    async close() {
      if (sitting !== null) {
        await sitting.term.idle();
        await sitting.leadership.resign();
      }
      closing.abort();
      etcd.close();
    },
  };
}
