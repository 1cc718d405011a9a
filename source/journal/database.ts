/** The writing side of a local journal: synchronous, so it lives in a thread of its own (local-worker.ts). */
import { rmSync } from 'node:fs';
import { openMarker, readMark } from './acknowledged.ts';
import { eachRecord, factsOf } from './batch-bytes.ts';
import { batchChecksum, checksum } from './checksum.ts';
import { type Chores, startChores } from './chores.ts';
import { type JournalFiles, journalFiles, lockDirectory } from './directory.ts';
import { checkEnd, lastBatch, sizeOf } from './journal-end.ts';
import { recordWriter } from './record-writer.ts';
import { openReserve } from './reserve.ts';
import { openTables, readHead, writeHead } from './schema.ts';
import { faultOf, type Sqlite, unsyncable } from './sqlite.ts';
import type { Writer } from './store.ts';
import { fenced, isFault, type Place } from './store-error.ts';

export interface Database {
  /** Acknowledged batches that were missing at the end of a log that had been cut. */
  readonly missing: number;
  /** Why nothing new should be taken, or null. */
  readonly full: string | null;
  /** Begins a term. */
  begin(me: Writer): { epoch: number; head: number };
  /** The last batch that is stored. */
  readonly last: number;
  /**
   * Stores a gathered batch, unless this term has stored that number already. Returns the bytes of the files. It survives
   * the end of this process; a crash of the machine when the log has been synced after it.
   */
  append(seq: number, epoch: number, batch: ArrayBuffer): number;
  /** Clears what an earlier one left behind; returns false where a snapshot up to there, or further, counts already. */
  startSnapshot(epoch: number, seq: number): boolean;
  putChunk(epoch: number, seq: number, part: number, bytes: Uint8Array): void;
  /** From now on the snapshot counts. Returns the bytes of the files. */
  endSnapshot(epoch: number, seq: number, parts: number): number;
  /** Notes that the batches up to that one are acknowledged: they are durable. */
  acknowledge(seq: number): void;
  /** Syncing failed: nothing more is taken. Returns why, as an error for those who wait. */
  fail(error: unknown): unknown;
  /** Bytes of the files. */
  size(): number;
  /** Tries to have room in reserve again; returns `full`. */
  lookForRoom(): string | null;
  /** Does a little of what can wait; returns true where there is more. */
  chore(): boolean;
  close(): void;
}

export interface DatabaseOptions {
  directory: string;
  /** Kept back for what is under way when the disk gets full; 0: none. */
  reserveBytes: number;
}

const lowRoom = 'the disk of the journal is full: nothing new is taken until some of it is free';

/** Opens the journal in a directory for writing. Throws StoreError, LbtopError. */
export function openDatabase({ directory, reserveBytes }: DatabaseOptions): Database {
  const files = journalFiles(directory);
  const lock = lockDirectory(files);
  const open = () => openWriting(lock, files, reserveBytes);
  try {
    try {
      return open();
    } catch (error) {
      // SQLite wants a little room even to open: what was kept back is for that, too.
      if (!isFault(faultOf(error, {}), 'full') || sizeOf(files.reserve) === 0) throw error;
      rmSync(files.reserve);
      return open();
    }
  } catch (error) {
    lock.close();
    throw faultOf(error, { file: files.journal });
  }
}

function openWriting(lock: Sqlite, files: JournalFiles, reserveBytes: number): Database {
  const missing = checkEnd(files);
  const db = openTables(files, false);
  try {
    return writing(db, lock, files, missing, reserveBytes);
  } catch (error) {
    db.close();
    throw error;
  }
}

function writing(db: Sqlite, lock: Sqlite, files: JournalFiles, missing: number, reserveBytes: number): Database {
  let head = readHead(db);
  let last = lastBatch(db, head);
  let begun = last;
  let acknowledged = last;
  let inTables = Math.min(last, readMark(files.acknowledged, head.journal)?.inTables ?? 0);
  let broken: unknown = null;
  const marker = openMarker(files.acknowledged, head.journal);
  const reserve = openReserve(files.reserve, reserveBytes);
  let full: string | null = reserve.held ? null : lowRoom;
  const chores: Chores = startChores(db);
  const statements = {
    begin: db.prepare('BEGIN IMMEDIATE'),
    commit: db.prepare('COMMIT'),
    epoch: db.prepare('SELECT epoch FROM head WHERE id = 1'),
    batch: db.prepare('INSERT INTO batches VALUES (?, ?, ?, ?)'),
    chunk: db.prepare('REPLACE INTO snapshots VALUES (?, ?, ?, ?)'),
  };
  const putRecord = recordWriter(db);

  /** One transaction; nothing of it is left behind a throw. */
  function transaction(place: Place, work: () => void): void {
    if (broken !== null) throw broken;
    try {
      statements.begin.run();
      work();
      statements.commit.run();
    } catch (error) {
      try {
        if (db.isTransaction) db.exec('ROLLBACK');
      } catch (failed) {
        broken = faultOf(failed, place);
      }
      const fault = faultOf(error, place);
      // After a failed sync nobody knows what the disk has: only a start from it tells.
      if (isFault(fault, 'broken') || isFault(fault, 'damaged')) broken ??= fault;
      throw fault;
    }
  }

  function withReserve(place: Place, work: () => void): void {
    try {
      transaction(place, work);
    } catch (error) {
      if (!isFault(error, 'full') || !reserve.held || reserveBytes === 0) throw error;
      reserve.release();
      full = lowRoom;
      transaction(place, work);
    }
  }

  /**
   * Not looked at with every append: Linux gives a file whose times were asked for a fresh time with the next write, and
   * the sync after that takes half as long again.
   */
  let bytes = sizeOf(files.journal) + sizeOf(files.log);

  function mustHold(epoch: number): void {
    // In the same transaction as the write: who took over before it is seen, from wherever it did.
    const found = statements.epoch.get()?.epoch;
    if (found !== epoch) throw fenced(epoch, `its term is ${String(found)}`);
  }

  return {
    missing,
    get full() {
      return full;
    },
    begin({ id, address }) {
      withReserve({ table: 'head' }, () => {
        const next = { ...readHead(db), writer: id, address };
        next.epoch += 1;
        writeHead(db, next);
        head = next;
      });
      begun = last;
      return { epoch: head.epoch, head: last };
    },
    append(seq, epoch, batch) {
      if (broken !== null) throw broken;
      if (epoch !== head.epoch) throw fenced(epoch, `its term is ${head.epoch}`);
      // What came after the term began is this term's own, sent again.
      if (seq > last || seq <= begun) {
        if (seq !== last + 1) throw new RangeError(`batch ${seq} after batch ${last}`);
        const facts = factsOf(batch);
        withReserve({ table: 'batches', sequence: seq }, () => {
          mustHold(epoch);
          statements.batch.run(seq, epoch, batchChecksum(seq, epoch, facts), facts);
          eachRecord(batch, putRecord);
        });
        last = seq;
        bytes += batch.byteLength;
        chores.wrote(batch.byteLength);
        eachRecord(batch, (record) => {
          if (record.kind === 'forget') chores.forget(record.job);
        });
      }
      return bytes;
    },
    get last() {
      return last;
    },
    acknowledge(seq) {
      if (broken !== null) return;
      acknowledged = seq;
      marker.write({ seq, inTables });
    },
    fail(error) {
      broken ??= unsyncable(error, { file: files.log });
      return broken;
    },
    startSnapshot(epoch, seq) {
      if (seq > last) throw new RangeError(`a snapshot up to batch ${seq}, after batch ${last}`);
      transaction({ table: 'snapshots' }, () => {
        mustHold(epoch);
        db.prepare('DELETE FROM snapshots WHERE seq > ?').run(head.snapshot);
      });
      return seq > head.snapshot;
    },
    putChunk(epoch, seq, part, bytes) {
      transaction({ table: 'snapshots', sequence: seq }, () => {
        mustHold(epoch);
        statements.chunk.run(seq, part, checksum([seq, part], bytes), bytes);
      });
      chores.wrote(bytes.length);
    },
    endSnapshot(epoch, seq, parts) {
      withReserve({ table: 'head' }, () => {
        mustHold(epoch);
        head = { ...readHead(db), snapshot: seq, parts };
        writeHead(db, head);
      });
      chores.replaced(seq);
      return bytes;
    },
    size: () => bytes,
    lookForRoom() {
      if (full !== null && reserve.take()) full = null;
      return full;
    },
    chore() {
      if (broken !== null) return false;
      try {
        const more = chores.slice();
        if (chores.emptied) {
          inTables = last;
          bytes = sizeOf(files.journal) + sizeOf(files.log);
        }
        return more;
      } catch (error) {
        const fault = faultOf(error, { file: files.journal });
        if (db.isTransaction) db.exec('ROLLBACK');
        // No room: it is tried again when there is. Anything else is for the next append to tell.
        if (!isFault(fault, 'full')) broken = fault;
        return false;
      }
    },
    close() {
      try {
        db.close();
        // The last to close it empties the log into the tables; a reader beside us may be that.
        if (broken === null && acknowledged === last)
          marker.write({ seq: last, inTables: sizeOf(files.log) === 0 ? last : inTables });
      } finally {
        marker.close();
        lock.close();
      }
    },
  };
}
