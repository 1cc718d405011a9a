/**
 * What every store promises: one journal of opaque batches with one fenced writer, a snapshot that stands for the
 * batches up to its number, and the records (outputs, results, items) that were stored with the batches.
 *
 * Batches are numbered from 1 without gaps. A writer has a term, whose epoch is greater than that of every term before;
 * the fence is in `append` itself: once a later term began, no append of an earlier one is ever stored, whatever that
 * writer believes. Leases, sockets and `lost` only make the change quick.
 *
 * Sizes in bytes, numbers of batches and epochs below 2^53. Everything rejects with StoreError.
 */

/** 1 stdout, 2 stderr. */
export type StreamNumber = 1 | 2;

/** What a task wrote: `data` at `offset` of the stream, and after it `cut` bytes that nobody has. */
export interface OutputRecord {
  readonly kind: 'output';
  readonly job: number;
  readonly ordinal: number;
  readonly attempt: number;
  readonly stream: StreamNumber;
  /** Counts the bytes that were cut as well. Pieces of a stream lie one after the other; the same offset again replaces. */
  readonly offset: number;
  readonly data: Uint8Array;
  readonly cut: number;
}

/** JSON text that a task returned. That of a later attempt replaces it. */
export interface ResultRecord {
  readonly kind: 'result';
  readonly job: number;
  readonly ordinal: number;
  readonly attempt: number;
  readonly json: string;
}

/** A part of a job's items, opaque; of job 0, which no job is, what the coordinator keeps of its own. Part 0 replaces whatever the job had: a submission that never was may have left it. */
export interface ItemsRecord {
  readonly kind: 'items';
  readonly job: number;
  readonly part: number;
  readonly bytes: Uint8Array;
}

/** All records of the job are gone at once; the room they took is freed bit by bit. Its number is never used again. */
export interface ForgetRecord {
  readonly kind: 'forget';
  readonly job: number;
}

/**
 * Kept beside the facts and found by job and ordinal. Storing one again changes nothing. The first piece of a task's
 * output (offset 0) removes what earlier attempts wrote.
 */
export type StoreRecord = OutputRecord | ResultRecord | ItemsRecord | ForgetRecord;

/** What one append stores: all of it or nothing. */
export interface Batch {
  /** Opaque; may be empty. */
  readonly facts: Uint8Array;
  readonly records: readonly StoreRecord[];
}

/** A stored batch as it is read back. `bytes` is the reader's own. */
export interface StoredBatch {
  readonly seq: number;
  readonly epoch: number;
  /** `batchChecksum(seq, epoch, bytes)` at the time of writing: whoever reads compares. */
  readonly crc: number;
  readonly bytes: Uint8Array;
}

export interface StoredSnapshot {
  /** It stands for the batches up to this one. */
  readonly seq: number;
  /** How many chunks there are. */
  readonly parts: number;
  /** The chunks as they were saved, checked. Rejects with `damaged`. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface OutputPiece {
  readonly data: Uint8Array;
  /** Bytes that were cut right after `data`. */
  readonly cut: number;
}

export interface OutputSize {
  /** Bytes of the stream, those that were cut included. */
  readonly bytes: number;
  readonly cut: number;
}

/** What is stored of a task's last attempt. */
export interface TaskRecords {
  readonly ordinal: number;
  readonly attempt: number;
  /** JSON text. */
  readonly result: string | null;
  /** The beginnings of stdout and stderr, up to the first cut, and their whole sizes. */
  readonly streams: readonly [StreamStart, StreamStart];
}

export interface StreamStart extends OutputSize {
  readonly data: Uint8Array;
}

export interface TaskPage {
  /** Tasks of which something is stored, in order. */
  readonly tasks: readonly TaskRecords[];
  /** The ordinal to go on from, or null where all that were asked for have been looked at. */
  readonly next: number | null;
}

/** Who writes, as others see it. */
export interface Writer {
  /** Distinguishes processes, e.g. host and pid. */
  readonly id: string;
  /** Where it listens. */
  readonly address: string;
}

export interface Leader extends Writer {
  readonly epoch: number;
}

export interface StoreLimits {
  /** Of one append: facts and records together. */
  readonly batchBytes: number;
  /** Of one chunk of a snapshot. */
  readonly chunkBytes: number;
  /** What a resolved append survives: nothing, a crash of this machine, the loss of a machine. */
  readonly durability: 'memory' | 'disk' | 'quorum';
}

export interface ReadOptions {
  /** Waits for batches to come instead of ending at the head. */
  follow?: boolean;
  signal?: AbortSignal;
}

export interface Store {
  readonly limits: StoreLimits;
  /** Why nothing new should be taken, in one line, while there is hardly room; null otherwise. Appends may still succeed. */
  readonly full: string | null;
  /** Acknowledged batches that opening found missing at the end of a log that had been cut; 0 is what to expect. */
  readonly missing: number;
  /** Size of what is stored, as far as it is known. */
  bytes(): number;
  /** About so many bytes can be stored now, what is kept back for work under way left out; Infinity where nobody knows. */
  roomBytes(): number;
  /** Calls `listener` whenever `full` changes. */
  onFull(listener: (reason: string | null) => void): Disposable;

  /** Waits until no other writer is there, then begins a term. Rejects with the signal's reason, or `locked`. */
  campaign(me: Writer, signal?: AbortSignal): Promise<Term>;
  /** Begins a term at once in place of the leader that was seen; null where there is another one by now. */
  seize(seen: Leader, me: Writer): Promise<Term | null>;
  /** Calls `onChange` soon with the leader of now, and then with every other one; null: nobody. */
  leader(onChange: (leader: Leader | null) => void): Disposable;

  /** The batches from `from` on, in order, each as it was stored: the checks are recovery's. */
  read(from: number, options?: ReadOptions): AsyncIterable<StoredBatch>;
  snapshot(): Promise<StoredSnapshot | null>;

  /**
   * At most `maxBytes` from `offset` on, up to the first cut; `cut` is then how much follows that nobody has. Inside a
   * cut: no data and the rest of it. Null where nothing is there (yet).
   */
  readOutput(
    job: number,
    ordinal: number,
    attempt: number,
    stream: StreamNumber,
    offset: number,
    maxBytes: number,
  ): Promise<OutputPiece | null>;
  outputSize(job: number, ordinal: number, attempt: number, stream: StreamNumber): Promise<OutputSize>;
  /** JSON text, or null. */
  readResult(job: number, ordinal: number, attempt: number): Promise<string | null>;
  /** Of the ordinals `from` … `from + count - 1`, with at most `streamBytes` of each stream; a page may end early. */
  readTasks(job: number, from: number, count: number, streamBytes: number): Promise<TaskPage>;
  /** The parts in order. */
  readItems(job: number): AsyncIterable<Uint8Array>;

  /** Ends it; a term that is under way is resigned. */
  close(): Promise<void>;
}

/** The right to write. */
export interface Term {
  readonly epoch: number;
  /** The last batch when the term began: read up to it before the first append, which is `head + 1`. */
  readonly head: number;
  /** Aborted when the term is over. A hint only: safety is in `append`. */
  readonly lost: AbortSignal;
  /**
   * Stores the batch as number `seq`. Resolved means durable. One that is sent again (same term, same `seq`) resolves
   * without being stored twice: told by term and number, never by what it holds. Rejects with `full`, `fenced`,
   * `broken`, `too-large`; RangeError for a number that leaves a gap. The store copies what it needs before it returns.
   *
   * `written` is called, before it resolves, as soon as the batch survives the end of this process, though perhaps not a
   * crash of the machine: from then on the next one may be appended. A store that knows no difference does not call it.
   */
  append(seq: number, batch: Batch, written?: () => void): Promise<void>;
  /**
   * Stores a snapshot that stands for the batches up to `seq`, while appends go on; then frees what it replaces, bit by
   * bit. Chunks of at most `limits.chunkBytes`, at least one. Rejects as `append`.
   */
  saveSnapshot(seq: number, chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<void>;
  /** Ends the term, so that the next writer need not wait. */
  resign(): Promise<void>;
}
