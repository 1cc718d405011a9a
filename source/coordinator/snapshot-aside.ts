/**
 * Snapshots without stopping: a thread of its own reads the journal as it is on disk and makes the snapshot of that, while
 * the loop goes on. Twice the memory for a moment, and never a pause of the scheduler, however much it knows.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { SnapshotWord, SnapshotWork } from './snapshot-worker.ts';

export interface AsideSnapshot {
  /** The last batch that it stands for. */
  readonly seq: number;
  /** To be read to its end, or left at once. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Runs from source and from what was built from it. */
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';

/** Makes a snapshot of what a local journal leads to. Rejects with what reading it throws. */
export async function snapshotAside(work: SnapshotWork): Promise<AsideSnapshot> {
  const worker = new Worker(new URL(`./snapshot-worker.${extension}`, import.meta.url), {
    workerData: work,
    name: 'lbtop snapshot',
  });
  const [seq] = (await once(worker, 'message')) as [number];
  async function* chunks(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const said = once(worker, 'message') as Promise<[SnapshotWord]>;
        worker.postMessage('next');
        const [chunk] = await said;
        if (chunk === null) return;
        yield chunk as Uint8Array;
      }
    } finally {
      await worker.terminate();
    }
  }
  return { seq, chunks: chunks() };
}
