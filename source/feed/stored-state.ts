/** The state that a journal leads to, and what led there. */
import { type Recovered, type RecoveryProgress, recover } from '../journal/recover.ts';
import type { Store } from '../journal/store.ts';
import { StoreError } from '../journal/store-error.ts';
import { LbtopError, oneLine } from '../model/errors.ts';
import type { Fact } from '../model/fact.ts';
import { apply } from '../scheduler/apply.ts';
import { emptyState, type State } from '../scheduler/state.ts';
import { readSnapshot } from './stored-snapshot.ts';

export interface StateReader {
  /** The state before the first of the facts: that of the last snapshot, or an empty one. */
  begins?(state: State): void;
  /** These were applied; what is returned is waited for. */
  applied?(facts: readonly Fact[], state: State): void | Promise<void>;
}

/** Reads the last snapshot and applies the facts after it. Throws as `recover`; `version` for a snapshot of a newer lbtop. */
export async function readState(
  store: Store,
  { begins, applied }: StateReader = {},
  progress?: RecoveryProgress,
): Promise<{ state: State; recovered: Recovered }> {
  let state = emptyState();
  let begun = false;
  const begin = (): void => {
    if (!begun) begins?.(state);
    begun = true;
  };
  const recovered = await recover(store, {
    progress,
    async snapshot(chunks) {
      state = await restored(chunks);
    },
    facts(facts) {
      begin();
      for (const fact of facts) apply(state, fact);
      return applied?.(facts, state);
    },
  });
  begin();
  return { state, recovered };
}

async function restored(chunks: AsyncIterable<Uint8Array>): Promise<State> {
  try {
    return await readSnapshot(chunks);
  } catch (error) {
    if (error instanceof LbtopError) throw error;
    // Its bytes are what was written: the store has checked them.
    throw new StoreError(
      'version',
      `the journal's snapshot cannot be read by this version of lbtop: ${oneLine(error)}`,
    );
  }
}
