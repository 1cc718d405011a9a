/**
 * The local store: SQLite in a directory, in threads of its own, so that a slow disk never stops the loop. One thread
 * writes; another one, begun with the first read, reads, so that nobody's `logs` holds a commit.
 */
import { statfsSync } from 'node:fs';
import { gatherBatch } from './batch-bytes.ts';
import { newBell } from './bell.ts';
import type { Opened, ReaderCalls, WriterCalls } from './local-calls.ts';
import { tooLarge } from './memory.ts';
import { unpackPage } from './page-bytes.ts';
import { emptySeat, type Sitting } from './seat.ts';
import type { Store, StoreLimits, Term } from './store.ts';
import { fenced, StoreError } from './store-error.ts';
import { startThread, type Thread } from './thread.ts';

export interface LocalStoreOptions {
  directory: string;
  /** Sees what is there now, beside a coordinator or without one, and changes nothing: no term, no lock. */
  readOnly?: boolean;
  /** Kept back for what is under way when the disk gets full. */
  reserveBytes?: number;
}

const megabyte = 1024 * 1024;
const limits: StoreLimits = { batchBytes: 16 * megabyte, chunkBytes: megabyte, durability: 'disk' };
const reserveBytes = megabyte;
/** A page on its way from the thread that reads; the next one is made meanwhile. */
const pageBytes = 256 * 1024;

/** Of the disk below a directory, for whoever is not root. Takes a microsecond: the system knows it without the disk. */
function freeBytes(directory: string): number {
  try {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  } catch {
    return Infinity; // somebody removed the directory: an append tells what comes of that
  }
}

/**
 * Opens the journal in a directory, which is made where it is missing. Throws StoreError: `locked` where another process
 * has it, `version`, `damaged`, `full`; LbtopError where the directory cannot be had.
 */
export async function openLocalStore(options: LocalStoreOptions): Promise<Store> {
  const { directory, readOnly = false } = options;
  const data = { directory, reserveBytes: options.reserveBytes ?? reserveBytes };
  const listeners = new Set<(reason: string | null) => void>();
  const appended = newBell();
  let full: string | null = null;
  let bytes = 0;
  let missing = 0;
  let reading: Promise<Thread<ReaderCalls>> | null = null;
  let saving: Promise<unknown> = Promise.resolve();

  const writer: Thread<WriterCalls> | null = readOnly
    ? null
    : await startThread<WriterCalls>({ ...data, role: 'writer' }, (reason) => {
        full = reason;
        for (const listener of listeners) listener(full);
      });
  if (writer !== null) ({ missing, full, bytes } = writer.opened as Opened);
  else await reader();

  function reader(): Promise<Thread<ReaderCalls>> {
    reading ??= startThread<ReaderCalls>({ ...data, role: readOnly ? 'view' : 'reader' });
    return reading;
  }

  function mustWrite(): Thread<WriterCalls> {
    if (writer === null) throw new StoreError('locked', `${directory} is open for reading only`);
    return writer;
  }

  const seat = emptySeat(async (me) => {
    const { answer, durable } = mustWrite().callDurably('begin', { id: me.id, address: me.address });
    await durable;
    return answer;
  });

  function termOf({ leader: { epoch }, head, lost }: Sitting): Term {
    const writer = mustWrite();

    async function save(seq: number, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void> {
      if (!(await writer.call('startSnapshot', epoch, seq))) return;
      let parts = 0;
      for await (const chunk of chunks) {
        if (chunk.length > limits.chunkBytes) throw tooLarge(chunk, limits);
        await writer.call('putChunk', epoch, seq, parts++, new Uint8Array(chunk).buffer);
      }
      const { answer, durable } = writer.callDurably('endSnapshot', epoch, seq, parts);
      bytes = await answer;
      await durable;
    }

    return {
      epoch,
      head,
      lost,
      async append(seq, batch, written) {
        if (lost.aborted) throw fenced(epoch, 'this process gave it up');
        const gathered = gatherBatch(batch);
        if (gathered.byteLength > limits.batchBytes)
          throw new StoreError(
            'too-large',
            `a batch of ${gathered.byteLength} bytes: the store takes ${limits.batchBytes}`,
          );
        const { answer, durable } = writer.callDurably('append', seq, epoch, gathered);
        if (written !== undefined) answer.then(written, () => {}); // `durable` fails with it
        await durable;
        bytes = await answer;
        appended.ring();
      },
      saveSnapshot(seq, chunks) {
        const mine = saving.then(() => save(seq, chunks));
        saving = mine.catch(() => {});
        return mine;
      },
      async resign() {
        seat.leave(epoch);
      },
    };
  }

  const ask: Thread<ReaderCalls>['call'] = async (name, ...args) => (await reader()).call(name, ...args);

  return {
    limits,
    get full() {
      return full;
    },
    missing,
    bytes: () => bytes,
    roomBytes() {
      if (full !== null) return 0;
      // Half of what is kept back may go to jobs: they come before anybody knows that the disk is full.
      return freeBytes(directory) + data.reserveBytes / 2;
    },
    onFull(listener) {
      listeners.add(listener);
      return { [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    campaign: async (me, signal) => termOf(await seat.campaign(me, signal)),
    async seize(seen, me) {
      const sitting = await seat.seize(seen, me);
      return sitting === null ? null : termOf(sitting);
    },
    leader: seat.watch,
    async *read(from, { follow = false, signal } = {}) {
      const page = (seq: number) => {
        const asked = ask('page', seq, pageBytes);
        asked.catch(() => {}); // nobody may be there any more to hear it
        return asked;
      };
      let next = from;
      let more = appended.next();
      let ahead = page(next);
      for (;;) {
        const batches = unpackPage(await ahead);
        signal?.throwIfAborted();
        const last = batches.at(-1);
        if (last === undefined) {
          if (!follow) return;
          await appended.heard(more, signal);
        } else next = last.seq + 1;
        more = appended.next();
        ahead = page(next);
        yield* batches;
      }
    },
    async snapshot() {
      const found = await ask('snapshot');
      if (found === null) return null;
      const { seq, parts } = found;
      return {
        seq,
        parts,
        chunks: (async function* () {
          for (let part = 0; part < parts; part++) {
            const chunk = await ask('chunk', seq, part);
            if (chunk === null)
              throw new StoreError('fenced', 'a newer snapshot took the place of this one: read that');
            yield chunk;
          }
        })(),
      };
    },
    readOutput: (...args) => ask('output', ...args),
    outputSize: (...args) => ask('outputSize', ...args),
    readResult: (...args) => ask('result', ...args),
    readTasks: (...args) => ask('tasks', ...args),
    async *readItems(job) {
      for (let from = 0; ; ) {
        const found = await ask('items', job, from);
        if (found === null) return;
        yield found.bytes;
        from = found.part + 1;
      }
    },
    async close() {
      seat.clear();
      await (await reading?.catch(() => null))?.close();
      await writer?.close();
    },
  };
}
