/** Whether a local journal ends where it should. */
import { statSync } from 'node:fs';
import { type Mark, readMark } from './acknowledged.ts';
import type { JournalFiles } from './directory.ts';
import { logEnd } from './log-scan.ts';
import { type Head, openTables, readHead } from './schema.ts';
import type { Sqlite } from './sqlite.ts';
import { damage, isFault } from './store-error.ts';

/**
 * Compares the last batch with the last one acknowledged, before anything can change the files. Where the log ends too
 * early because it has been cut, the batches are gone: returns how many. Where it goes on after that place, or the batches
 * were in the tables already, there is damage that SQLite passed over: throws `damaged`.
 */
export function checkEnd(files: JournalFiles): number {
  const size = sizeOf(files.journal);
  if (size === 0 && sizeOf(files.log) === 0) return 0;
  let db: Sqlite;
  try {
    // Read only: closing it leaves the log as it is.
    db = openTables(files, true);
  } catch (error) {
    // Its tables were not made yet when it ended: they will be now.
    if (size === 0 && isFault(error, 'version')) return 0;
    throw error;
  }
  let mark: Mark | null;
  let last: number;
  try {
    mark = readMark(files.acknowledged, readHead(db).journal);
    last = lastBatch(db, readHead(db));
  } finally {
    db.close();
  }
  if (mark === null || mark.seq <= last) return 0;
  const lost = `batches up to ${mark.seq} were acknowledged and only those up to ${last} can be read`;
  const sequence = last + 1;
  if (last < mark.inTables) throw damage(lost, { file: files.journal, table: 'batches', sequence });
  const { offset, goesOn } = logEnd(files.log);
  if (goesOn) throw damage(lost, { file: files.log, offset, sequence });
  return mark.seq - last;
}

/** Returns the number of the last batch, stored or in the snapshot; 0: none. */
export function lastBatch(db: Sqlite, head: Head): number {
  const last = db.prepare('SELECT max(seq) AS last FROM batches').get()?.last;
  return Math.max(typeof last === 'number' ? last : 0, head.snapshot);
}

/** Returns a file's size, 0 where there is none. */
export function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
