/**
 * What a local journal does bit by bit between the appends: emptying SQLite's log into the tables, deleting the batches
 * and snapshots that a newer snapshot stands for, and the records of forgotten jobs, giving room back to the disk.
 */
import { readHead } from './schema.ts';
import type { Sqlite, Statement } from './sqlite.ts';

export interface Chores {
  /** So many bytes went into the log. */
  wrote(bytes: number): void;
  /** The snapshot of that batch counts now. */
  replaced(seq: number): void;
  forget(job: number): void;
  /** Does a little; returns true where there is more. Throws as SQLite does, perhaps within a transaction. */
  slice(): boolean;
  /** True where the last slice emptied the log into the tables altogether. */
  readonly emptied: boolean;
}

/** One slice takes about so long at most: an append that comes meanwhile waits for it. */
const sliceMs = 3;
/** The log is emptied when about so much is in it. */
const logBytes = 8 * 1024 * 1024;
/** Unused pages beyond these, and beyond a quarter of all, go back to the disk. */
const keptFreePages = 4_096;
const pagesPerStep = 64;
const rowsPerStep = 16;

/** Returns the chores of a journal: what an earlier process left undone is taken up. */
export function startChores(db: Sqlite): Chores {
  let unwritten = 0;
  let snapshot = readHead(db).snapshot;
  let stale = true;
  let spare = true;
  const jobs = db
    .prepare('SELECT job FROM forgotten')
    .all()
    .map(({ job }) => Number(job));
  let emptied = false;
  const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  const stats = { free: db.prepare('PRAGMA freelist_count'), pages: db.prepare('PRAGMA page_count') };
  const oldBatches = db.prepare(
    `DELETE FROM batches WHERE seq IN (SELECT seq FROM batches WHERE seq <= ? ORDER BY seq LIMIT ${rowsPerStep})`,
  );
  // Also those that were begun and never ended; a newer one is being written.
  const oldParts = db.prepare(
    'DELETE FROM snapshots WHERE rowid IN (SELECT rowid FROM snapshots WHERE seq < ? ORDER BY seq, part LIMIT 1)',
  );
  const outputs = db.prepare(
    `DELETE FROM outputs WHERE (job, ordinal, attempt, stream, offset) IN
     (SELECT job, ordinal, attempt, stream, offset FROM outputs WHERE job = ? LIMIT ${rowsPerStep})`,
  );
  const results = db.prepare(
    `DELETE FROM results WHERE (job, ordinal) IN (SELECT job, ordinal FROM results WHERE job = ? LIMIT ${rowsPerStep})`,
  );
  const items = db.prepare(
    'DELETE FROM items WHERE (job, part) IN (SELECT job, part FROM items WHERE job = ? LIMIT 1)',
  );
  const done = db.prepare('DELETE FROM forgotten WHERE job = ?');

  /** Deletes by the first of the statements that still finds something, until the time is up. Returns true if none does. */
  function sweep(statements: readonly Statement[], key: number): boolean {
    const until = performance.now() + sliceMs;
    db.exec('BEGIN IMMEDIATE');
    let place = 0;
    while (place < statements.length && performance.now() < until)
      if (statements[place]?.run(key).changes === 0) place++;
    db.exec('COMMIT');
    unwritten += 64 * 1024; // a slice touches pages all over
    spare = true;
    return place === statements.length;
  }

  /** Returns true where more could go. */
  function shrink(): boolean {
    const free = Number(stats.free.get()?.freelist_count);
    const pages = Number(stats.pages.get()?.page_count);
    if (free < keptFreePages || free < pages / 4) return false;
    db.exec(`PRAGMA incremental_vacuum(${pagesPerStep})`);
    unwritten += pagesPerStep * 4_096;
    return true;
  }

  return {
    wrote(bytes) {
      unwritten += bytes + 8_192;
    },
    replaced(seq) {
      snapshot = seq;
      stale = true;
    },
    forget: (job) => void jobs.push(job),
    get emptied() {
      return emptied;
    },
    slice() {
      emptied = false;
      if (unwritten >= logBytes) {
        const { log, checkpointed } = checkpoint.get() ?? {};
        emptied = log === checkpointed;
        unwritten = 0;
      } else if (stale) stale = !sweep([oldBatches, oldParts], snapshot);
      else if (jobs.length > 0) {
        const job = jobs[0] as number;
        if (sweep([outputs, results, items], job)) {
          done.run(job);
          jobs.shift();
        }
      } else if (spare) spare = shrink();
      return unwritten >= logBytes || stale || jobs.length > 0 || spare;
    },
  };
}
