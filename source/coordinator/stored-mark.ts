/**
 * Up to when what tasks wrote is stored. The state is ahead of the store: a task has ended there while its last words are on
 * their way to the disk, or to an engine, and whoever read them now would find them missing.
 */
import type { Desk } from './answers.ts';

export interface StoredMark {
  /** Whether all is stored that tasks wrote which ended by then. */
  covers(endedAt: number): boolean;
  /** What ended then is stored, and all before it. */
  note(endedAt: number): void;
  /** Resolves when all is stored that was written by now. Rejects where it cannot be. */
  settle(): Promise<void>;
}

/** Returns a mark that covers nothing yet. */
export function storedMark({ clock, durable }: Pick<Desk, 'clock' | 'durable'>): StoredMark {
  let upTo = Number.NEGATIVE_INFINITY;
  const note = (at: number): void => {
    upTo = Math.max(upTo, at);
  };
  return {
    covers: (endedAt) => endedAt <= upTo,
    note,
    async settle() {
      const now = clock.now();
      await durable();
      note(now);
    },
  };
}
