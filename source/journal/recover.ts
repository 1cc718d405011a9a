/** Reads a journal back: the snapshot, then every fact after it, in order; or says where it is damaged. */
import { setImmediate as turn } from 'node:timers/promises';
import { oneLine } from '../model/errors.ts';
import type { Fact } from '../model/fact.ts';
import { batchChecksum } from './checksum.ts';
import { unpackFactBatch } from './fact-batch.ts';
import type { Store, StoredBatch, StoredSnapshot } from './store.ts';
import { damage, StoreError } from './store-error.ts';

/** Who wants to know how far it is. */
export interface RecoveryProgress {
  /** The last batch that there is. */
  readonly head: number;
  /** `share`: 0 to 1, now and then, and 1 at the end. */
  show(share: number): void;
}

export interface RecoverOptions {
  /**
   * Takes the snapshot, if there is one, before any facts. Returns once it has read it all. Where it is left out, or
   * `from` begins after it, the snapshot is passed over.
   */
  snapshot?: (chunks: AsyncIterable<Uint8Array>, seq: number) => Promise<void>;
  /** Takes the facts of one batch after the other; what it returns is waited for. */
  facts(facts: readonly Fact[], seq: number): void | Promise<void>;
  /** The first batch; by default the one after the snapshot. Where that is no longer there: `damaged`. */
  from?: number;
  /** The last batch: by default all. */
  upTo?: number;
  progress?: RecoveryProgress | undefined;
}

export interface Recovered {
  /** The last batch that was read, or that the snapshot stands for; 0: the journal is empty. */
  readonly seq: number;
  /** The batch up to which the snapshot stands; 0: there was none. */
  readonly snapshot: number;
  readonly batches: number;
  readonly facts: number;
  /** Acknowledged batches that a cut log has lost (`Store.missing`): to be told. */
  readonly missing: number;
}

/** Other work gets its turn after so many facts. */
const factsPerTurn = 50_000;

/**
 * Reads `store` as the options say. Throws StoreError `damaged` with the batch where its number, epoch, checksum or
 * facts are not what was written; `version` where a newer lbtop wrote them; what the callbacks throw.
 */
export async function recover(store: Store, options: RecoverOptions): Promise<Recovered> {
  const { upTo = Number.MAX_SAFE_INTEGER, progress } = options;
  const found = await store.snapshot();
  const from = options.from ?? (found === null ? 1 : found.seq + 1);
  let seq = from - 1;
  let snapshot = 0;
  if (found !== null && found.seq === seq && options.snapshot !== undefined) {
    await options.snapshot(told(found, progress), found.seq);
    snapshot = found.seq;
  }
  let epoch = 0;
  let batches = 0;
  let facts = 0;
  let turnAt = factsPerTurn;
  if (upTo > seq)
    for await (const batch of store.read(from)) {
      if (batch.seq > upTo) break;
      check(batch, seq + 1, epoch);
      const unpacked = unpack(batch);
      seq = batch.seq;
      epoch = batch.epoch;
      batches += 1;
      facts += unpacked.length;
      const taken = options.facts(unpacked, seq);
      if (taken !== undefined) await taken;
      if (facts >= turnAt) {
        turnAt = facts + factsPerTurn;
        progress?.show(between(snapshot === 0 ? 0 : snapshotShare, (seq - from + 1) / (progress.head - from + 1)));
        await turn();
      }
    }
  progress?.show(1);
  return { seq, snapshot, batches, facts, missing: store.missing };
}

/** How much of the time a snapshot is taken for: what follows it is kept at about as much. */
const snapshotShare = 0.5;

/** The chunks of a snapshot, with word of how many have been read. */
async function* told(
  { chunks, parts }: StoredSnapshot,
  progress: RecoveryProgress | undefined,
): AsyncIterable<Uint8Array> {
  let read = 0;
  for await (const chunk of chunks) {
    yield chunk;
    progress?.show((snapshotShare * ++read) / parts);
  }
}

function between(begin: number, share: number): number {
  return begin + (1 - begin) * Math.min(1, share);
}

function check({ seq, epoch, crc, bytes }: StoredBatch, expected: number, before: number): void {
  const place = { table: 'batches', sequence: seq };
  if (seq !== expected) {
    const missing = seq - expected === 1 ? `batch ${expected} is` : `batches ${expected} to ${seq - 1} are`;
    throw damage(`${missing} missing`, { ...place, sequence: expected });
  }
  if (crc !== batchChecksum(seq, epoch, bytes)) throw damage('its checksum is wrong', place);
  if (epoch < before) throw damage(`it is of the term ${epoch} after one of the term ${before}`, place);
}

function unpack({ seq, bytes }: StoredBatch): Fact[] {
  let facts: Fact[] | null;
  try {
    facts = unpackFactBatch(bytes);
  } catch (error) {
    throw damage(`its facts cannot be read (${oneLine(error)})`, { table: 'batches', sequence: seq });
  }
  if (facts === null)
    throw new StoreError(
      'version',
      `batch ${seq} of the journal was written by a newer version of lbtop: use that version`,
      {
        sequence: seq,
      },
    );
  return facts;
}
