/** The blocks of a trace's file, read as they are needed; whatever is wrong with them is noted, and passed over. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { LbtopError, oneLine } from '../model/errors.ts';
import { expand } from './trace-bytes.ts';
import {
  type BlockHead,
  blockHeadBytes,
  headBytes,
  isPointerWhole,
  isWhole,
  pointerAt,
  unpackBlockHead,
  unpackHead,
} from './trace-format.ts';

/** A place where the file is not what was written. */
export interface Damage {
  offset: number;
  /** For the user. */
  why: string;
}

export interface Block extends BlockHead {
  offset: number;
  /** Where the next one stands. */
  end: number;
}

/** What follows is not there: the recorder crashed, or still writes. */
export interface Cut {
  offset: number;
  bytes: number;
}

export interface TraceFile {
  readonly file: string;
  readonly bytes: number;
  /** Of the newest index block as the head tells; 0: not known. */
  readonly indexAt: number;
  readonly damage: readonly Damage[];
  readonly cut: Cut | null;
  /** Yields blocks in order; where the file is damaged, goes on with the next head that is whole. */
  blocks(from: number): Generator<Block>;
  /** Returns the block at that offset; null where none stands there. */
  blockAt(offset: number): Block | null;
  /** Returns the payload, expanded; null where it is damaged. */
  payload(block: Block): Buffer | null;
  /** Looks at every byte, and notes what does not fit its checksum. */
  check(): void;
  /** Notes that a payload was not what its kind says. */
  note(offset: number, error: unknown): void;
  /** Closes the file; once is enough, more often does nothing. */
  close(): void;
}

const windowBytes = 256 * 1024;
/** Of damage, that much is told apart. */
const mostDamage = 1_000;

/** Opens the file. Throws LbtopError (usage) where it cannot be read or is not a trace for this version. */
export function openTraceFile(file: string): TraceFile {
  const handle = openFile(file);
  const { size: bytes } = fstatSync(handle);
  /** The window's bytes, over and over: what it would leave behind otherwise is collected late. */
  const own = Buffer.allocUnsafeSlow(Math.min(windowBytes, Math.max(bytes, headBytes)));
  let window = own.subarray(0, 0);
  let windowAt = 0;
  const damage: Damage[] = [];
  let cut: Cut | null = null;
  let open = true;
  let indexAt: number;

  /** Returns a view of what is there, at most `length` bytes; it may be overwritten by the next call. */
  function look(at: number, length: number): Buffer {
    const inside = at - windowAt;
    if (inside >= 0 && inside + length <= window.length) return window.subarray(inside, inside + length);
    const wanted = Math.min(Math.max(length, windowBytes), bytes - at);
    if (wanted <= 0) return Buffer.alloc(0);
    const target = wanted <= own.length ? own : Buffer.allocUnsafeSlow(wanted);
    let got = 0;
    while (got < wanted) {
      const read = readSync(handle, target, got, wanted - got, at + got);
      if (read === 0) break;
      got += read;
    }
    window = target.subarray(0, got);
    windowAt = at;
    return window.subarray(0, Math.min(length, got));
  }

  function note(offset: number, error: unknown): void {
    if (damage.length >= mostDamage || damage.some((known) => known.offset === offset)) return;
    damage.push({ offset, why: `damaged at offset ${offset}: ${typeof error === 'string' ? error : oneLine(error)}` });
  }

  function blockAt(offset: number): Block | null {
    const head = unpackBlockHead(look(offset, blockHeadBytes), 0);
    return head === null ? null : { ...head, offset, end: offset + blockHeadBytes + head.payloadBytes };
  }

  /** Returns the offset of the next whole head after damage, or the end of the file. */
  function nextHead(from: number): number {
    for (let at = from; at + blockHeadBytes <= bytes; at += windowBytes - blockHeadBytes) {
      const part = look(at, windowBytes);
      for (let i = 0; i + blockHeadBytes <= part.length; i++) if (unpackBlockHead(part, i) !== null) return at + i;
    }
    return bytes;
  }

  function* blocks(from: number): Generator<Block> {
    let at = from;
    while (at < bytes) {
      if (bytes - at < blockHeadBytes) {
        cut = { offset: at, bytes: bytes - at };
        return;
      }
      const block = blockAt(at);
      if (block === null) {
        note(at, 'the head of a block does not fit its checksum');
        at = nextHead(at + 1);
        continue;
      }
      if (block.end > bytes) {
        cut = { offset: at, bytes: bytes - at };
        return;
      }
      yield block;
      at = block.end;
    }
  }

  /** Returns a view of a block; null where its payload is not what was written. */
  function wholeOf({ offset, end }: Block): Buffer | null {
    const whole = look(offset, end - offset);
    if (isWhole(whole)) return whole;
    note(offset, 'a block does not fit its checksum');
    return null;
  }

  function check(): void {
    if (!isPointerWhole(look(0, headBytes))) note(pointerAt, 'the offset of the index does not fit its checksum');
    for (const block of blocks(headBytes)) wholeOf(block);
  }

  /** The last payload that was asked for, which often is again. */
  let last: { offset: number; payload: Buffer | null } | null = null;

  function payload(block: Block): Buffer | null {
    if (last?.offset !== block.offset) last = { offset: block.offset, payload: expanded(block) };
    return last.payload;
  }

  function expanded(block: Block): Buffer | null {
    const whole = wholeOf(block);
    if (whole === null) return null;
    try {
      return expand(whole.subarray(blockHeadBytes));
    } catch (error) {
      note(block.offset, error);
      return null;
    }
  }

  try {
    indexAt = unpackHead(look(0, headBytes), file);
  } catch (error) {
    closeSync(handle);
    throw error;
  }
  return {
    file,
    bytes,
    indexAt,
    damage,
    get cut() {
      return cut;
    },
    blocks,
    blockAt,
    payload,
    check,
    note,
    close() {
      if (!open) return;
      open = false;
      closeSync(handle);
    },
  };
}

/** Returns the first bytes of a file, as many as a head has, or fewer where it is shorter. Throws as `openTraceFile`. */
export function readStart(file: string): Buffer {
  const handle = openFile(file);
  try {
    const start = Buffer.alloc(headBytes);
    return start.subarray(0, readSync(handle, start, 0, headBytes, 0));
  } finally {
    closeSync(handle);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  EACCES: 'not permitted',
  EISDIR: 'it is a directory',
};

function openFile(file: string): number {
  let handle: number;
  try {
    handle = openSync(file, 'r');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new LbtopError('usage', `cannot read ${file}: ${reasons[code] ?? oneLine(error)}`);
  }
  const found = fstatSync(handle);
  if (found.isFile()) return handle;
  closeSync(handle);
  throw new LbtopError(
    'usage',
    `cannot read ${file}: ${found.isDirectory() ? 'it is a directory' : 'not a regular file'}`,
  );
}
