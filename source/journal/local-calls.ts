/** What the local store's threads are asked, and the messages of that. */
import { LbtopError } from '../model/errors.ts';
import type { Reads } from './database-reads.ts';
import type { Writer } from './store.ts';
import { type Place, StoreError, type StoreFault } from './store-error.ts';

/** The thread that writes. Buffers go over to it. */
export interface WriterCalls {
  begin(me: Writer): { epoch: number; head: number };
  /** `batch` as gatherBatch makes it. Returns the bytes of the files. */
  append(seq: number, epoch: number, batch: ArrayBuffer): number;
  /** Returns false where a snapshot up to there, or further, counts already. */
  startSnapshot(epoch: number, seq: number): boolean;
  putChunk(epoch: number, seq: number, part: number, bytes: ArrayBuffer): void;
  endSnapshot(epoch: number, seq: number, parts: number): number;
  close(): void;
}

/** The thread that reads. */
export interface ReaderCalls extends Reads {
  close(): void;
}

/** `writer` writes; `reader` sees what was written until then; `view` keeps seeing what was there when it began. */
export type ThreadRole = 'writer' | 'reader' | 'view';

export interface ThreadData {
  readonly role: ThreadRole;
  readonly directory: string;
  readonly reserveBytes: number;
}

export type Request = readonly [id: number, call: string, ...args: unknown[]];

/** Errors lose their class between threads: this is what is rebuilt from. */
export interface ToldError {
  readonly message: string;
  readonly fault: StoreFault | null;
  readonly place: Place;
  readonly kind: 'usage' | 'range' | 'other';
}

/** The answer to the request of that id; id 0: whether the thread could open the journal. */
export type Answer =
  | readonly [id: number, ok: true, value: unknown]
  | readonly [id: number, ok: false, error: ToldError];

/**
 * Of the writer, unasked: whether there is room; that all that was asked up to the request of that id is durable; that
 * making it durable failed, and nothing will be durable any more.
 */
export type Notice =
  | { readonly full: string | null }
  | { readonly synced: number }
  | { readonly syncFailed: ToldError };

/** What a writer says when it has opened the journal. */
export interface Opened {
  readonly missing: number;
  readonly full: string | null;
  readonly bytes: number;
}

/** Returns what goes to the other thread for an error. */
export function told(error: unknown): ToldError {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof StoreError) return { message, fault: error.fault, place: error.place, kind: 'other' };
  const kind = error instanceof LbtopError ? 'usage' : error instanceof RangeError ? 'range' : 'other';
  return { message, fault: null, place: {}, kind };
}

/** Returns the error that was told. */
export function rebuilt({ message, fault, place, kind }: ToldError): Error {
  if (fault !== null) return new StoreError(fault, message, place);
  if (kind === 'usage') return new LbtopError('usage', message);
  return kind === 'range' ? new RangeError(message) : new Error(message);
}
