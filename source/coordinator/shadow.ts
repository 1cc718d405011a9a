/** The state that a journal leads to, kept up with it while somebody else writes. */
import { setTimeout as pause } from 'node:timers/promises';
import { recover } from '../journal/recover.ts';
import type { Store } from '../journal/store.ts';
import { isFault } from '../journal/store-error.ts';
import { apply } from '../scheduler/apply.ts';
import type { State } from '../scheduler/state.ts';
import { readBack, readUpTo } from './durable.ts';

export interface Shadow {
  /** Stops following; resolves with the state after the batch `head`. Rejects as `recover`. */
  upTo(head: number): Promise<State>;
  close(): Promise<void>;
}

const againMs = 250;

/** Begins to follow. What cannot be read is tried again until it is needed. */
export function shadowOf(store: Store, log: (line: string) => void): Shadow {
  const ending = new AbortController();
  const { signal } = ending;
  let now: { state: State; seq: number } | null = null;

  async function catchUp(upTo?: number): Promise<void> {
    now ??= await readBack(store, log);
    const { state, seq } = now;
    const facts = (batch: Parameters<Parameters<typeof recover>[1]['facts']>[0], at: number) => {
      for (const fact of batch) apply(state, fact);
      if (now !== null) now.seq = at;
    };
    try {
      await recover(store, { from: seq + 1, facts, ...(upTo === undefined ? {} : { upTo }) });
    } catch (error) {
      now = null; // half a batch may be in it
      throw error;
    }
  }

  async function follow(): Promise<void> {
    while (!signal.aborted) {
      try {
        await catchUp();
        for await (const _batch of store.read((now?.seq ?? 0) + 1, { follow: true, signal })) break;
      } catch {
        // The engine does not answer; or a snapshot has taken the place of what was to be read: it is begun with, then.
        await pause(againMs, null, { signal }).catch(() => {});
      }
    }
  }

  const following = follow();
  async function close(): Promise<void> {
    ending.abort(new Error('no longer followed'));
    await following;
  }

  return {
    async upTo(head) {
      await close();
      try {
        await catchUp(head);
      } catch (error) {
        if (!isFault(error, 'damaged')) throw error;
      }
      if (now?.seq === head) return now.state;
      // A snapshot has taken the place of what was still to be read.
      return readUpTo(store, head, log);
    },
    close,
  };
}
