/** The tables of a local journal. Everything that can be damaged has a checksum over itself and its key. */
import { randomInt } from 'node:crypto';
import { checksum } from './checksum.ts';
import type { JournalFiles } from './directory.ts';
import { openSqlite, type Sqlite } from './sqlite.ts';
import { damage, StoreError } from './store-error.ts';

/** Grows when an older lbtop could no longer read what a newer one writes. */
const format = 1;
/** "lbtp": tells that a file is ours. */
const application = 0x6c627470;

const tables = `
CREATE TABLE head (
  id INTEGER PRIMARY KEY, journal INTEGER NOT NULL, epoch INTEGER NOT NULL, writer TEXT NOT NULL, address TEXT NOT NULL,
  snapshot INTEGER NOT NULL, parts INTEGER NOT NULL, crc INTEGER NOT NULL);
CREATE TABLE batches (
  seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, crc INTEGER NOT NULL, bytes BLOB NOT NULL);
CREATE TABLE snapshots (
  seq INTEGER NOT NULL, part INTEGER NOT NULL, crc INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (seq, part));
CREATE TABLE outputs (
  job INTEGER NOT NULL, ordinal INTEGER NOT NULL, attempt INTEGER NOT NULL, stream INTEGER NOT NULL,
  offset INTEGER NOT NULL, cut INTEGER NOT NULL, crc INTEGER NOT NULL, data BLOB NOT NULL,
  PRIMARY KEY (job, ordinal, attempt, stream, offset)) WITHOUT ROWID;
CREATE TABLE results (
  job INTEGER NOT NULL, ordinal INTEGER NOT NULL, attempt INTEGER NOT NULL, crc INTEGER NOT NULL, json BLOB NOT NULL,
  PRIMARY KEY (job, ordinal)) WITHOUT ROWID;
CREATE TABLE items (
  job INTEGER NOT NULL, part INTEGER NOT NULL, crc INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY (job, part)) WITHOUT ROWID;
CREATE TABLE forgotten (job INTEGER PRIMARY KEY);
PRAGMA application_id = ${application};
PRAGMA user_version = ${format};
`;

/** The one row of the table head. */
export interface Head {
  /** Tells this journal from every other. */
  journal: number;
  /** Of the last term that began, and whose it was. */
  epoch: number;
  writer: string;
  address: string;
  /** The snapshot that counts: the last batch that it stands for, 0: none; and in how many parts it is. */
  snapshot: number;
  parts: number;
}

/** Opens the journal; makes its tables where it is new. Throws StoreError `version`, `damaged`, `full`, `broken`. */
export function openTables(files: JournalFiles, readOnly: boolean): Sqlite {
  const db = openSqlite(files.journal, { readOnly });
  try {
    const found = Number(db.prepare('PRAGMA user_version').get()?.user_version);
    const owner = Number(db.prepare('PRAGMA application_id').get()?.application_id);
    const pages = Number(db.prepare('PRAGMA page_count').get()?.page_count);
    if (pages > 0 && owner !== application)
      throw new StoreError('version', `${files.journal} is not a journal of lbtop`);
    if (found > format)
      throw new StoreError(
        'version',
        `${files.journal} was written by a newer version of lbtop (format ${found}, this one knows ${format}): use that version`,
      );
    if (readOnly) {
      if (pages === 0) throw new StoreError('version', `${files.journal} is empty: there is nothing to read`);
    } else begin(db, pages === 0);
    // Found while reading rather than believed.
    db.exec('PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY');
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function begin(db: Sqlite, isNew: boolean): void {
  // Before the first table: what is freed can later be given back to the disk.
  if (isNew) db.exec('PRAGMA auto_vacuum = INCREMENTAL');
  db.exec(
    // The log is synced after each append beside it (log-sync.ts), so that the next one need not wait for the disk;
    // NORMAL is what SQLite has to sync itself, before and after a checkpoint. Checkpoints are made between the appends
    // (chores.ts), so that no acknowledgement waits for one.
    'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 67108864',
  );
  if (!isNew) return;
  db.exec('BEGIN IMMEDIATE');
  try {
    db.exec(tables);
    writeHead(db, { journal: randomInt(1, 2 ** 47), epoch: 0, writer: '', address: '', snapshot: 0, parts: 0 });
    db.exec('COMMIT');
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Returns the head. Throws `damaged` where it is not what was written. */
export function readHead(db: Sqlite): Head {
  const row = db.prepare('SELECT journal, epoch, writer, address, snapshot, parts, crc FROM head WHERE id = 1').get();
  if (row === undefined) throw damage('its head is missing', { table: 'head' });
  const head = row as unknown as Head;
  if (row.crc !== headChecksum(head)) throw damage('its checksum is wrong', { table: 'head' });
  return head;
}

/** Puts the head in place of the one before, within a transaction of the caller's. */
export function writeHead(db: Sqlite, head: Head): void {
  const { journal, epoch, writer, address, snapshot, parts } = head;
  db.prepare('REPLACE INTO head VALUES (1, ?, ?, ?, ?, ?, ?, ?)').run(
    journal,
    epoch,
    writer,
    address,
    snapshot,
    parts,
    headChecksum(head),
  );
}

function headChecksum({ journal, epoch, writer, address, snapshot, parts }: Head): number {
  const numbers = [journal, epoch, snapshot, parts];
  if (numbers.some((one) => typeof one !== 'number')) return -1;
  return checksum(numbers, Buffer.from(`${writer}\n${address}`));
}
