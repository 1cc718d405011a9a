/**
 * Which attempts left for their nodes before the journal had them. A task need not wait for the journal's thread then: what
 * must survive our own end is noted in shared memory, by a write that no disk can hold, and the journal follows. A crash of
 * the machine takes the notes, as it takes what the journal had written and not synced.
 */
import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readFileSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Attempt } from '../model/node.ts';
import { packValue, unpackValue } from '../wire/codec.ts';
import { checksum } from './checksum.ts';

/** An attempt on its way to a node. */
export interface Intent extends Attempt {
  readonly node: string;
}

export interface IntentLog {
  /** Notes what leaves now, in the session of that epoch. Returns false where it cannot: then it must wait for the journal. */
  note(epoch: number, intents: readonly Intent[]): boolean;
  /** The journal has all that was noted. */
  clear(): void;
  /** The journal has all, and nothing is noted any more: the file goes. */
  close(): void;
}

const directoryInMemory = '/dev/shm';
const tmpfs = 0x01_02_19_94;
/** More than leaves while one batch is written; a journal that is that far behind is waited for. */
const roomBytes = 1024 * 1024;
/** Of a record: bytes of its notes, their checksum, the epoch, how often the log had been cleared. */
const headerBytes = 24;

type Note = readonly [job: number, ordinal: number, attempt: number, node: string];

/**
 * Opens the log that belongs to the journal in `directory`. Returns null where this system has no memory that looks like
 * files, or the file is not ours alone. To be called by the one that holds the journal's lock.
 */
export function openIntentLog(directory: string): IntentLog | null {
  const file = fileOf(directory);
  if (file === null) return null;
  let handle: number;
  try {
    // Whatever somebody else put there is not followed, and below not used.
    handle = openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
  } catch {
    return null;
  }
  const { uid, mode, nlink } = fstatSync(handle);
  if (uid !== process.geteuid?.() || (mode & 0o077) !== 0 || nlink !== 1) {
    closeSync(handle);
    return null;
  }
  let clears = 0;
  let end = 0;

  return {
    note(epoch, intents) {
      if (intents.length === 0) return true;
      const notes = packValue(intents.map(({ job, ordinal, attempt, node }): Note => [job, ordinal, attempt, node]));
      const record = Buffer.allocUnsafe(headerBytes + notes.length);
      record.writeUInt32LE(notes.length, 0);
      record.writeUInt32LE(checksum([epoch, clears], notes), 4);
      record.writeDoubleLE(epoch, 8);
      record.writeDoubleLE(clears, 16);
      record.set(notes, headerBytes);
      if (end + record.length > roomBytes) return false;
      try {
        if (writeSync(handle, record, 0, record.length, end) !== record.length) return false;
      } catch {
        return false; // no memory left: the journal has its own room
      }
      end += record.length;
      return true;
    },
    clear() {
      if (end === 0) return;
      end = 0;
      clears++;
    },
    close() {
      closeSync(handle);
      unlinkSync(file);
    },
  };
}

/**
 * Returns what was noted and not cleared in the session of that epoch, in order; also what the journal has by now. Nothing
 * where there is no log, or it is another session's.
 */
export function readIntents(directory: string, epoch: number): Intent[] {
  const file = fileOf(directory);
  if (file === null) return [];
  let bytes: Buffer;
  try {
    const { uid, mode } = statSync(file);
    if (uid !== process.geteuid?.() || (mode & 0o077) !== 0) return [];
    bytes = readFileSync(file);
  } catch {
    return [];
  }
  const intents: Intent[] = [];
  let clears: number | null = null;
  for (let at = 0; at + headerBytes <= bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    const notes = bytes.subarray(at + headerBytes, at + headerBytes + length);
    const [noted, cleared] = [bytes.readDoubleLE(at + 8), bytes.readDoubleLE(at + 16)];
    // What is older than the last clear lies behind what came after it.
    if (notes.length < length || noted !== epoch || cleared !== (clears ?? cleared)) break;
    if (bytes.readUInt32LE(at + 4) !== checksum([noted, cleared], notes)) break;
    clears = cleared;
    for (const [job, ordinal, attempt, node] of unpackValue(notes) as Note[])
      intents.push({ job, ordinal, attempt, node });
    at += headerBytes + length;
  }
  return intents;
}

/** A journal is told by its directory's identity: another copy of it has another log. */
function fileOf(directory: string): string | null {
  try {
    if (statfsSync(directoryInMemory).type !== tmpfs) return null;
    const { dev, ino } = statSync(directory);
    return join(directoryInMemory, `lbtop-${process.geteuid?.()}-${dev.toString(36)}-${ino.toString(36)}`);
  } catch {
    return null;
  }
}
