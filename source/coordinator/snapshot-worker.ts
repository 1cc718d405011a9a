/** A thread that makes one snapshot: reads the journal, and gives what it leads to in chunks, as asked for. */
import { parentPort, workerData } from 'node:worker_threads';
import { packSnapshot } from '../feed/stored-snapshot.ts';
import { readState } from '../feed/stored-state.ts';
import { openEngineStore } from '../journal/engine.ts';
import { openLocalStore } from '../journal/local.ts';

/** Where a journal is. */
export type JournalPlace = { readonly directory: string } | { readonly engine: string };

export interface SnapshotWork {
  readonly journal: JournalPlace;
  readonly chunkBytes: number;
}

/** First the number of the last batch that it stands for; then a chunk for every message; null after the last. */
export type SnapshotWord = number | Uint8Array | null;

const port = parentPort;
if (port === null) throw new Error('this file runs as a thread of the coordinator');
const { journal, chunkBytes } = workerData as SnapshotWork;

const store =
  'engine' in journal
    ? await openEngineStore(journal.engine)
    : await openLocalStore({ directory: journal.directory, readOnly: true });
const { state, recovered } = await readState(store);
await store.close();
const chunks = packSnapshot(state, chunkBytes);
port.on('message', () => {
  const next = chunks.next();
  port.postMessage((next.done ? null : next.value) satisfies SnapshotWord);
  if (next.done) port.close();
});
port.postMessage(recovered.seq satisfies SnapshotWord);
