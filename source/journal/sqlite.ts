/** SQLite, through the only file that knows `node:sqlite`: opening a file, and what its errors mean to a store. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { oneLine } from '../model/errors.ts';
import { damage, type Place, StoreError } from './store-error.ts';

export type Sqlite = DatabaseSync;
export type Statement = StatementSync;

/** A row as SQLite gives it. */
export type Row = Record<string, unknown>;

/** How long to wait where another program (a copy, a reader) has the file locked. */
const busyMs = 2_000;

const codes = {
  busy: 5,
  locked: 6,
  readonly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cannotOpen: 14,
  notDatabase: 26,
} as const;
/** Extended: the file for the index of the log could not get its room. */
const noRoomForIndex = 10 | (19 << 8);

/** Opens a file that exists; throws StoreError as `faultOf`. */
export function openSqlite(file: string, options: { readOnly?: boolean; busyMs?: number } = {}): Sqlite {
  try {
    return new DatabaseSync(file, { readOnly: options.readOnly ?? false, timeout: options.busyMs ?? busyMs });
  } catch (error) {
    throw faultOf(error, { file });
  }
}

/** True where the error says that somebody else holds a lock. */
export function isBusy(error: unknown): boolean {
  const code = codeOf(error);
  return code !== null && ((code & 0xff) === codes.busy || (code & 0xff) === codes.locked);
}

/** Returns the StoreError for what SQLite threw; other errors (slips of ours) are returned as they are. */
export function faultOf(error: unknown, place: Place): unknown {
  const code = codeOf(error);
  if (code === null) return error;
  const says = oneLine(error);
  switch (code & 0xff) {
    case codes.full:
      return new StoreError('full', `no room left for the journal: free some on its disk`, place);
    case codes.busy:
    case codes.locked:
      return new StoreError('full', `another program holds the journal locked (${says}): end it`, place);
    case codes.corrupt:
    case codes.notDatabase:
      return damage(says, place);
    default:
      if (code === noRoomForIndex)
        return new StoreError('full', `no room left for the journal: free some on its disk`, place);
      return broken(says, place);
  }
}

/** Returns the StoreError for a sync that failed. */
export function unsyncable(error: unknown, place: Place): StoreError {
  return broken(oneLine(error), place);
}

function broken(says: string, place: Place): StoreError {
  return new StoreError(
    'broken',
    `the journal cannot be written or read (${says}): see to its disk, then start again`,
    place,
  );
}

function codeOf(error: unknown): number | null {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return null;
  return error.errcode;
}
