/** The files of a local journal, who may read them, and the lock that lets one process write. */
import { chmodSync, closeSync, fsyncSync, mkdirSync, openSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { LbtopError, oneLine } from '../model/errors.ts';
import { isBusy, openSqlite, type Sqlite } from './sqlite.ts';
import { StoreError } from './store-error.ts';

export interface JournalFiles {
  readonly directory: string;
  /** Batches, snapshots, records. */
  readonly journal: string;
  /** SQLite's log of what is not in `journal` yet. */
  readonly log: string;
  /** Empty; locked by the process that writes. */
  readonly lock: string;
  /** The number of the last acknowledged batch. */
  readonly acknowledged: string;
  /** Room that is set free when the disk is full. */
  readonly reserve: string;
  /** The terms that this directory has seen: see lineage.ts. */
  readonly lineage: string;
}

/** Returns the names of the files of a journal in `directory`. */
export function journalFiles(directory: string): JournalFiles {
  return {
    directory,
    journal: join(directory, 'journal.db'),
    log: join(directory, 'journal.db-wal'),
    lock: join(directory, 'lock'),
    acknowledged: join(directory, 'acknowledged'),
    reserve: join(directory, 'reserve'),
    lineage: join(directory, 'lineage'),
  };
}

/**
 * Makes the directory (0700) and the files (0600, which SQLite's own beside them inherit) where they are missing, and
 * returns the lock: held until it is closed or the process is gone, however it goes. Throws StoreError `locked` where
 * another process has it, LbtopError where the directory cannot be had, or where everybody may write in it.
 */
export function lockDirectory(files: JournalFiles): Sqlite {
  try {
    if (mkdirSync(files.directory, { recursive: true, mode: 0o700 }) !== undefined)
      syncDirectory(dirname(files.directory));
    refuseOpenToAll(files.directory);
    createFile(files.lock);
  } catch (error) {
    if (error instanceof LbtopError) throw error;
    throw new LbtopError(
      'usage',
      `cannot keep a journal in ${files.directory} (${oneLine(error)}): choose another --data`,
    );
  }
  const lock = openSqlite(files.lock, { busyMs: 0 });
  try {
    // Never committed, so that nothing is written, not even a journal of its own (a full disk must not keep us from
    // starting): it is only the lock that is wanted, and the kernel frees that on any death.
    lock.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw error;
    throw new StoreError(
      'locked',
      `${files.directory} is in use by ${holder(files)}: end that one, or choose another --data`,
    );
  }
  try {
    createFile(files.journal);
    createFile(files.acknowledged);
    syncDirectory(files.directory);
  } catch (error) {
    lock.close();
    throw new LbtopError(
      'usage',
      `cannot keep a journal in ${files.directory} (${oneLine(error)}): choose another --data`,
    );
  }
  return lock;
}

/** Who may write in the directory may put another journal in the place of this one. */
function refuseOpenToAll(directory: string): void {
  if (process.platform === 'win32' || (statSync(directory).mode & 0o002) === 0) return;
  throw new LbtopError(
    'usage',
    `everybody may write in ${directory}: run chmod o-w ${directory}, or choose another --data`,
  );
}

/**
 * A file that is there is not opened: closing it would free every lock that this process, which may have the journal
 * open in another thread, has on it.
 */
function createFile(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600);
  }
}

/** Makes names in it durable: new files, renamed ones. Throws what the file system does. */
export function syncDirectory(directory: string): void {
  const handle = openSync(directory, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function holder({ journal }: JournalFiles): string {
  try {
    const db = openSqlite(journal, { readOnly: true });
    try {
      const { writer, address } = db.prepare('SELECT writer, address FROM head').get() ?? {};
      if (typeof writer === 'string' && writer !== '') return `another coordinator (${writer}, ${address})`;
    } finally {
      db.close();
    }
  } catch {
    // It may be about to make its tables: the refusal says the rest.
  }
  return 'another coordinator';
}
