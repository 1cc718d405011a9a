/** The file behind a recorder: blocks are squeezed and written one after the other, what fails leaves no torn block behind. */
import { closeSync, constants, fchmodSync, fstatSync, fsyncSync, ftruncateSync, openSync, write } from 'node:fs';
import { LbtopError, oneLine } from '../model/errors.ts';
import type { Incident } from './feed.ts';
import { squeeze } from './trace-bytes.ts';
import { type BlockKind, packBlock, packHead, packPointer } from './trace-format.ts';
import { incidentList } from './trace-incident.ts';
import { type IndexEntry, packIndex } from './trace-index.ts';
import type { Continuation } from './trace-outline.ts';

/** What a recorder does to a file. */
export interface Disk {
  /** Opens a file for writing; throws as node:fs does. `bytes`: what it holds already. */
  open(file: string): { handle: number; bytes: number };
  /** Leaves so many bytes of it. */
  truncate(handle: number, bytes: number): void;
  /** Writes all of the bytes at that offset. */
  write(handle: number, bytes: Buffer, at: number): Promise<void>;
  /** Makes what was written durable. */
  sync(handle: number): void;
  close(handle: number): void;
}

/** A block before it is squeezed. */
export interface Sealed {
  kind: BlockKind;
  flags: number;
  at: number;
  count: number;
  events: number;
  payload: Buffer | null;
  /** Of facts: the instant of the last one. */
  until?: number;
  incidents?: { kind: Incident['kind']; at: number }[];
}

export interface TraceWriter {
  /** Blocks that wait, and the one under way, before compression. */
  readonly waitingBytes: number;
  /** Size of the file. */
  readonly bytes: number;
  put(sealed: Sealed): void;
  /** Writes an index of what was written since the last one. */
  index(): void;
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>;
  /** Writes what waits, and closes the file. */
  close(): Promise<void>;
}

export interface TraceWriterOptions {
  file: string;
  disk?: Disk;
  /** Payload of the first block. */
  session: Buffer;
  startedAt: number;
  /** Where and how it goes on; null: it begins. */
  continues: Continuation | null;
  written(sealed: Sealed): void;
  /** Called with the block that could not be written and all that waited behind it; none of them comes again. */
  failed(why: string, lost: readonly Sealed[]): void;
}

/** Opens the file. Throws LbtopError (usage) where that cannot be done, or it has something in it that does not continue. */
export function traceWriter(options: TraceWriterOptions): TraceWriter {
  const { file, disk = realDisk, session, startedAt, continues, written, failed } = options;
  const handle = openFile(disk, file, continues?.end ?? 0);
  let offset = continues?.end ?? 0;
  let begun = false;
  let queue: (Sealed | 'index')[] = [];
  let waitingBytes = 0;
  let running: Promise<void> | null = null;
  let indexAt = continues?.previous ?? 0;
  let facts = continues?.facts ?? 0;
  let events = continues?.events ?? 0;
  let until = continues?.until ?? startedAt;
  let entry: Pick<IndexEntry, 'keyframes' | 'pages' | 'gaps'> = continues ?? emptyEntry();
  const incidents = incidentList();
  for (const { kind, at, count } of continues?.incidents ?? []) incidents.add(kind, at, count);

  async function run(): Promise<void> {
    // What is put in one turn of the event loop is seen together.
    await null;
    while (queue.length > 0) {
      const next = queue[0] as Sealed | 'index';
      try {
        if (!begun) await begin();
        if (next === 'index') await writeIndex();
        else await writeSealed(next);
      } catch (error) {
        const lost = queue.filter((one) => one !== 'index');
        queue = [];
        waitingBytes = 0;
        failed(reasonOf(error), lost);
        break;
      }
      queue.shift();
      if (next !== 'index') waitingBytes -= sizeOf(next);
    }
    running = null;
  }

  async function begin(): Promise<void> {
    const head = { kind: 'session', flags: 0, at: startedAt, count: 0, events: 0 } as const;
    const block = packBlock(head, await squeeze(session));
    const bytes = offset === 0 ? Buffer.concat([packHead(), block]) : block;
    await disk.write(handle, bytes, offset);
    offset += bytes.length;
    begun = true;
  }

  async function writeSealed(sealed: Sealed): Promise<void> {
    const { kind, at, count } = sealed;
    const block = packBlock(sealed, sealed.payload === null ? null : await squeeze(sealed.payload));
    await disk.write(handle, block, offset);
    if (kind === 'pages') entry.pages.push({ number: count, offset });
    if (kind === 'keyframe') entry.keyframes.push({ number: count, at, offset, facts, events });
    if (kind === 'gap') entry.gaps.push({ at, missing: count });
    if (kind === 'facts') {
      facts += count;
      events += sealed.events;
      until = sealed.until ?? at;
      for (const { kind, at } of sealed.incidents ?? []) incidents.add(kind, at);
    }
    offset += block.length;
    written(sealed);
  }

  async function writeIndex(): Promise<void> {
    const told: IndexEntry = { ...entry, previous: indexAt, facts, events, incidents: [...incidents.marks] };
    const head = { kind: 'index', flags: 0, at: until, count: 0, events: 0 } as const;
    const block = packBlock(head, await squeeze(packIndex(told)));
    await disk.write(handle, block, offset);
    indexAt = offset;
    offset += block.length;
    entry = emptyEntry();
    incidents.take();
    const pointer = packPointer(indexAt);
    await disk.write(handle, pointer.bytes, pointer.at);
  }

  function push(one: Sealed | 'index'): void {
    queue.push(one);
    if (one !== 'index') waitingBytes += sizeOf(one);
    running ??= run();
  }

  async function idle(): Promise<void> {
    while (running !== null) await running;
  }

  return {
    get waitingBytes() {
      return waitingBytes;
    },
    get bytes() {
      return offset;
    },
    put: push,
    index: () => push('index'),
    idle,
    async close() {
      await idle();
      try {
        disk.sync(handle);
        disk.close(handle);
      } catch {
        // Nothing more can be done about it; what is written is checked by whoever reads it.
      }
    },
  };
}

function emptyEntry(): Pick<IndexEntry, 'keyframes' | 'pages' | 'gaps'> {
  return { keyframes: [], pages: [], gaps: [] };
}

function sizeOf(sealed: Sealed): number {
  return sealed.payload?.length ?? 0;
}

function openFile(disk: Disk, file: string, keptBytes: number): number {
  try {
    const { handle, bytes } = disk.open(file);
    // What a crash left of a block or of the head goes; `continuationOf` has looked whose it is.
    if (bytes > keptBytes) disk.truncate(handle, keptBytes);
    return handle;
  } catch (error) {
    throw new LbtopError('usage', `cannot record into ${file}: ${reasonOf(error)}`);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'no space left in the quota',
  EIO: 'the disk reports an error',
  EISDIR: 'it is a directory',
  ENOENT: 'its directory does not exist',
  ENOTDIR: 'its directory is not one',
  EACCES: 'not permitted',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
};

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return reasons[code] ?? oneLine(error);
}

const realDisk: Disk = {
  open(file) {
    // Without O_TRUNC: what is there is not ours to remove. O_NONBLOCK: a pipe nobody reads is refused, not waited for.
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK;
    const handle = openSync(file, flags, 0o600);
    const found = fstatSync(handle);
    if (found.isFIFO() || found.isSocket()) {
      closeSync(handle);
      throw new Error('it is not a regular file');
    }
    if (found.isFile() && found.size === 0) fchmodSync(handle, 0o600);
    return { handle, bytes: found.size };
  },
  write(handle, bytes, at) {
    return new Promise((resolve, reject) => {
      const from = (start: number): void => {
        write(handle, bytes, start, bytes.length - start, at + start, (error, written) => {
          if (error !== null) reject(error);
          else if (start + written < bytes.length) from(start + written);
          else resolve();
        });
      };
      from(0);
    });
  },
  truncate: (handle, bytes) => ftruncateSync(handle, bytes),
  sync: (handle) => fsyncSync(handle),
  close: (handle) => closeSync(handle),
};
