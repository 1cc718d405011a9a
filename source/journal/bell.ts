/** Wakes those who wait for a change. */
export interface Bell {
  ring(): void;
  /** Resolves with the next ring: taken before looking at what changes, none is missed. */
  next(): Promise<void>;
  /** Waits for `ring`, a promise of `next`; rejects with the signal's reason if that is aborted first. */
  heard(ring: Promise<void>, signal?: AbortSignal): Promise<void>;
}

/** Returns a bell. */
export function newBell(): Bell {
  let waiting: PromiseWithResolvers<void> | null = null;
  return {
    ring() {
      waiting?.resolve();
      waiting = null;
    },
    next() {
      waiting ??= Promise.withResolvers();
      return waiting.promise;
    },
    async heard(ring, signal) {
      if (signal === undefined) return ring;
      const aborted = Promise.withResolvers<void>();
      const abort = () => aborted.reject(signal.reason);
      signal.addEventListener('abort', abort, { once: true });
      try {
        signal.throwIfAborted();
        await Promise.race([ring, aborted.promise]);
      } finally {
        signal.removeEventListener('abort', abort);
      }
    },
  };
}
