/**
 * Makes durable what SQLite has written into its log, beside the thread that goes on writing: one sync at a time, which
 * is for all that was written before it began. SQLite itself syncs its log before it empties it into the tables.
 *
 * A sync begins at once where nothing was written during the one before; under load they keep a distance, because each
 * costs the machine as much as a few tasks do, and waiting for more makes one do for all.
 */
import { close, closeSync, fdatasync, fdatasyncSync, openSync } from 'node:fs';

export interface LogSync {
  /** So much is written: `synced` will be called with this number, or a higher one. */
  wrote(number: number): void;
  /** Returns when all is synced that was written; then calls nobody any more. Throws what the sync throws. */
  close(): void;
}

export interface LogSyncOptions {
  /** The log; there from the first write on. */
  file: string;
  synced(number: number): void;
  /** A sync failed: nobody knows what the disk has, and none is tried again. */
  failed(error: Error): void;
}

/** Between the beginnings of two syncs under load. */
const distanceMs = 2;

/** Returns a sync of the log in `file`. */
export function startLogSync({ file, synced, failed }: LogSyncOptions): LogSync {
  let handle = -1;
  let written = 0;
  let safe = 0;
  let state: 'idle' | 'waiting' | 'syncing' | 'over' = 'idle';
  let begunAt = 0;
  let timer: NodeJS.Timeout | null = null;

  function sync(): void {
    const upTo = written;
    state = 'syncing';
    begunAt = performance.now();
    fdatasync(handle, (error) => {
      if (state === 'over') return close(handle, () => {});
      if (error !== null) {
        state = 'over';
        close(handle, () => {});
        failed(error);
        return;
      }
      safe = upTo;
      state = written > safe ? 'waiting' : 'idle';
      if (state === 'waiting') timer = setTimeout(sync, Math.max(0, distanceMs - (performance.now() - begunAt)));
      synced(upTo);
    });
  }

  return {
    wrote(number) {
      if (state === 'over') return;
      written = number;
      if (handle === -1) handle = openSync(file, 'r');
      if (state === 'idle') sync();
    },
    close() {
      if (state === 'over' || handle === -1) return;
      if (timer !== null) clearTimeout(timer);
      const underWay = state === 'syncing';
      state = 'over';
      try {
        if (written > safe) fdatasyncSync(handle);
      } finally {
        if (!underWay) closeSync(handle);
      }
    },
  };
}
