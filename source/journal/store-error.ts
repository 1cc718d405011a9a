import { LbtopError } from '../model/errors.ts';

/**
 * Why a store did not do something:
 * - `full`: no room (or another program holds the journal for a moment). Nothing of the batch is stored; the store stays
 *   usable, and the same append may be tried again later.
 * - `fenced`: another writer took over. This one's term is over, for ever.
 * - `broken`: writing or making durable failed. Whether the last batch is stored is unknown; nothing more is taken.
 * - `damaged`: what is stored is not what was written. `place` says where.
 * - `locked`: another process has this journal.
 * - `version`: written by a newer version, or not a journal at all.
 * - `too-large`: a batch beyond the store's limits.
 */
export type StoreFault = 'full' | 'fenced' | 'broken' | 'damaged' | 'locked' | 'version' | 'too-large';

/** Where damage was found, as far as it is known. */
export interface Place {
  file?: string;
  /** Byte in that file. */
  offset?: number;
  table?: string;
  /** Number of the batch. */
  sequence?: number;
}

/** What a store, a commit or a recovery throws. The message is one line that says what was wrong and what to do. */
export class StoreError extends LbtopError {
  readonly fault: StoreFault;
  readonly place: Place;

  constructor(fault: StoreFault, message: string, place: Place = {}) {
    super(fault === 'locked' ? 'usage' : 'failed', message);
    this.fault = fault;
    this.place = place;
  }
}

/** Returns true for a StoreError of that fault. */
export function isFault(error: unknown, fault: StoreFault): error is StoreError {
  return error instanceof StoreError && error.fault === fault;
}

/** Returns the error for damage at `place`; `what` completes "the journal is damaged: …". */
export function damage(what: string, place: Place): StoreError {
  const where = [
    place.file,
    place.table === undefined ? undefined : `table ${place.table}`,
    place.sequence === undefined ? undefined : `batch ${place.sequence}`,
    place.offset === undefined ? undefined : `byte ${place.offset}`,
  ].filter((one) => one !== undefined);
  const message = `the journal is damaged (${where.join(', ')}): ${what}; restore its directory from a copy, or move it away to begin an empty one`;
  return new StoreError('damaged', message, place);
}

/** Returns the error for a writer whose term is over. */
export function fenced(epoch: number, by: string): StoreError {
  return new StoreError('fenced', `another coordinator took over (${by}): the term ${epoch} of this one is over`);
}
