/**
 * The files of a local journal, as a kill -9 would leave them, cut and changed byte by byte. The writing and reading sides
 * are called without their threads, for speed: there are thousands of journals to open.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { gatherBatch } from '../../source/journal/batch-bytes.ts';
import { batchChecksum } from '../../source/journal/checksum.ts';
import { openDatabase } from '../../source/journal/database.ts';
import { createReads } from '../../source/journal/database-reads.ts';
import { journalFiles } from '../../source/journal/directory.ts';
import { logEnd } from '../../source/journal/log-scan.ts';
import { unpackPage } from '../../source/journal/page-bytes.ts';
import { openTables } from '../../source/journal/schema.ts';
import { faultOf } from '../../source/journal/sqlite.ts';
import { StoreError } from '../../source/journal/store-error.ts';
import { batchOf, resultOf } from '../journal/store-conformance.ts';

export const names = ['journal.db', 'journal.db-wal', 'acknowledged'] as const;
export type Files = Record<(typeof names)[number], Buffer>;

export interface Made {
  /** The files as a kill -9 after the last append would leave them. */
  files: Files;
  /** The bytes of the log after each batch. */
  logEnds: number[];
}

/** Returns a directory for trials; where memory serves as a disk, opening thousands of journals costs half as much. */
export function trialDirectory(): string {
  return mkdtempSync(join(process.platform === 'linux' ? '/dev/shm' : tmpdir(), 'lbtop-damage-'));
}

/** Makes a journal in `directory` with some batches in its tables and some in SQLite's log only. */
export function makeJournal(directory: string, inTables: number, inLog: number): Made {
  const at = join(directory, 'made');
  const paths = journalFiles(at);
  const add = (database: ReturnType<typeof openDatabase>, epoch: number, from: number, count: number) => {
    const ends: number[] = [];
    for (let seq = from; seq < from + count; seq++) {
      database.append(seq, epoch, gatherBatch(batchOf(`batch ${seq}`, resultOf(`${seq}`, { ordinal: seq }))));
      database.acknowledge(seq);
      ends.push(logEnd(paths.log).offset);
    }
    return ends;
  };
  const first = openDatabase({ directory: at, reserveBytes: 0 });
  add(first, first.begin({ id: 'a', address: '' }).epoch, 1, inTables);
  first.close();
  const second = openDatabase({ directory: at, reserveBytes: 0 });
  const logEnds = add(second, second.begin({ id: 'a', address: '' }).epoch, inTables + 1, inLog);
  const files = Object.fromEntries(names.map((name) => [name, readFileSync(join(at, name))])) as Files;
  second.close();
  rmSync(at, { recursive: true });
  return { files, logEnds };
}

export interface Found {
  batches: number;
  missing: number;
}

/** Starts on these files as a coordinator does; returns what it finds, or the refusal. Other errors are thrown. */
export function startOn(directory: string, files: Files, keysMayChange = false): Found | StoreError {
  const at = join(directory, 'tried');
  rmSync(at, { recursive: true, force: true });
  mkdirSync(at, { mode: 0o700 });
  for (const name of names) writeFileSync(join(at, name), files[name]);
  try {
    const database = openDatabase({ directory: at, reserveBytes: 0 });
    try {
      return { batches: readAll(at, keysMayChange), missing: database.missing };
    } finally {
      database.close();
    }
  } catch (error) {
    const fault = faultOf(error, {});
    if (fault instanceof StoreError) return fault;
    throw error;
  }
}

/** Reads every batch with its record; returns how many there are, throws where one is not what was written. */
export function readAll(at: string, keysMayChange = false): number {
  const db = openTables(journalFiles(at), true);
  try {
    const reads = createReads(db);
    let seq = 0;
    for (const batch of unpackPage(reads.page(1, 1e6))) {
      const right = batch.seq === seq + 1 && batch.crc === batchChecksum(batch.seq, batch.epoch, batch.bytes);
      if (!right || Buffer.from(batch.bytes).toString() !== `batch ${batch.seq}`)
        throw new StoreError('damaged', 'found by recovery', { sequence: seq + 1 });
      seq = batch.seq;
      // A changed key is another key: a record may then be missing, and is never another's.
      const result = reads.result(1, seq, 1);
      if (result !== `${seq}` && (result !== null || !keysMayChange))
        throw new Error(`batch ${seq} without its record`);
    }
    return seq;
  } finally {
    db.close();
  }
}

/** Returns the files with one of them changed. */
export const changed = (files: Files, name: keyof Files, change: (bytes: Buffer) => Buffer): Files => ({
  ...files,
  [name]: change(Buffer.from(files[name])),
});

export const flipped = (at: number, bit: number) => (bytes: Buffer) => {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
  return bytes;
};

export interface Trials {
  trials: number;
  /** Bytes of what was cut or changed. */
  bytes: number;
  /** Where it was not as it must be. */
  wrong: string[];
}

/** Cuts the log of a journal after every `step` bytes: it ends after the last whole batch before, and says what is missing. */
export function cutLog(directory: string, step: number): Trials {
  const { files, logEnds } = makeJournal(directory, 3, 4);
  const log = files['journal.db-wal'];
  const wrong: string[] = [];
  let trials = 0;
  for (let at = 0; at <= log.length; at += step) {
    const whole = 3 + logEnds.filter((end) => end <= at).length;
    const found = startOn(
      directory,
      changed(files, 'journal.db-wal', (bytes) => bytes.subarray(0, at)),
    );
    if (!isDeepStrictEqual(found, { batches: whole, missing: 7 - whole }))
      wrong.push(`cut at ${at}: ${JSON.stringify(found)}`);
    trials += 1;
  }
  return { trials, bytes: log.length, wrong };
}

/** Flips a bit in every `step`th byte of what is committed in the log: refused, with the file and the frame. */
export function flipLog(directory: string, step: number): Trials {
  const { files, logEnds } = makeJournal(directory, 2, 3);
  const end = logEnds.at(-1) ?? 0;
  const wrong: string[] = [];
  let trials = 0;
  for (let at = 0; at < end; at += step) {
    const found = startOn(directory, changed(files, 'journal.db-wal', flipped(at, at % 8)));
    // The frame that it lies in; SQLite's frames are a header of 24 bytes and a page.
    const frame = at < 32 ? 0 : 32 + Math.floor((at - 32) / 4_120) * 4_120;
    const right =
      found instanceof StoreError &&
      found.fault === 'damaged' &&
      found.place.file?.endsWith('journal.db-wal') === true &&
      found.place.offset === frame &&
      /acknowledged.*restore its directory/.test(found.message);
    if (!right) wrong.push(`flipped at ${at}: ${JSON.stringify(found)}`);
    trials += 1;
  }
  return { trials, bytes: end, wrong };
}

/** Flips a bit in every `step`th byte of the tables, and in each byte of each batch: refused with the batch, or it reads the same. */
export function flipTables(directory: string, step: number): Trials & { refused: number } {
  const { files } = makeJournal(directory, 4, 0);
  const tables = files['journal.db'];
  const wrong: string[] = [];
  let trials = 0;
  let refused = 0;
  for (let at = 0; at < tables.length; at += step) {
    const found = startOn(directory, changed(files, 'journal.db', flipped(at, at % 8)), true);
    trials += 1;
    if (found instanceof StoreError) {
      if (['damaged', 'version', 'broken'].includes(found.fault)) refused += 1;
      else wrong.push(`flipped at ${at}: ${found.message}`);
    } else if (!isDeepStrictEqual(found, { batches: 4, missing: 0 })) wrong.push(`flipped at ${at}: ${found.batches}`);
  }
  for (let seq = 1; seq <= 4; seq++) {
    const at = tables.indexOf(`batch ${seq}`);
    for (let i = 0; i < `batch ${seq}`.length; i++) {
      const found = startOn(directory, changed(files, 'journal.db', flipped(at + i, i)));
      trials += 1;
      if (found instanceof StoreError && found.fault === 'damaged' && found.place.sequence === seq) refused += 1;
      else wrong.push(`batch ${seq}, byte ${i} flipped: ${JSON.stringify(found)}`);
    }
  }
  return { trials, bytes: tables.length, wrong, refused };
}

function show(line: string, { wrong }: Trials): void {
  console.log(`${line}, ${wrong.length} wrong`);
  for (const one of wrong.slice(0, 10)) console.log(`  ${one}`);
  if (wrong.length > 0) process.exitCode = 1;
}

function within(work: (directory: string) => void): void {
  const directory = trialDirectory();
  try {
    work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Prints what became of every cut. */
export async function showCuts(): Promise<void> {
  within((directory) => {
    const cuts = cutLog(directory, 1);
    show(
      `write-ahead log of ${cuts.bytes} bytes, cut at each: ${cuts.trials} starts, state after the last whole commit`,
      cuts,
    );
  });
}

/** Prints what became of every changed byte. */
export async function showFlips(): Promise<void> {
  within((directory) => {
    const log = flipLog(directory, 1);
    show(
      `write-ahead log, each of ${log.bytes} committed bytes changed: ${log.trials} starts, refused with the place`,
      log,
    );
    const tables = flipTables(directory, 1);
    show(
      `tables of ${tables.bytes} bytes, each changed: ${tables.trials} starts, ${tables.refused} refused, the others read the same`,
      tables,
    );
  });
}
