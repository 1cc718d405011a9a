/**
 * A local journal whose files were cut or changed: at some bytes here, at every byte with LBTOP_EVERY_BYTE=1 (minutes).
 * The writing and reading sides are called without their threads, for speed.
 */
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
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
import { batchOf, resultOf } from './store-conformance.ts';

const everyByte = process.env.LBTOP_EVERY_BYTE === '1';
const names = ['journal.db', 'journal.db-wal', 'acknowledged'] as const;
type Files = Record<(typeof names)[number], Buffer>;

/** Where memory serves as a disk, opening thousands of journals costs half as much. */
const parent = process.platform === 'linux' ? '/dev/shm' : tmpdir();
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(parent, 'lbtop-damage-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

interface Made {
  /** The files as a kill -9 after the last append would leave them. */
  files: Files;
  /** The bytes of the log after each batch. */
  logEnds: number[];
}

/** A journal with some batches in its tables and some in SQLite's log only. */
function make(inTables: number, inLog: number): Made {
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

interface Found {
  batches: number;
  missing: number;
}

/** Starts on these files as a coordinator does; returns what it finds, or the refusal. Other errors are thrown. */
function start(files: Files, keysMayChange = false): Found | StoreError {
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

function readAll(at: string, keysMayChange = false): number {
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

const changed = (files: Files, name: keyof Files, change: (bytes: Buffer) => Buffer): Files => ({
  ...files,
  [name]: change(Buffer.from(files[name])),
});

const flipped = (at: number, bit: number) => (bytes: Buffer) => {
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
  return bytes;
};

describe('a damaged local journal', () => {
  it('is whole to begin with', () => {
    const { files } = make(3, 4);
    expect(start(files)).toEqual({ batches: 7, missing: 0 });
  });

  it('whose log was cut at a byte ends after the last whole batch before it, and says how many are missing', () => {
    const { files, logEnds } = make(3, 4);
    const log = files['journal.db-wal'];
    const step = everyByte ? 1 : 61;
    let cuts = 0;
    for (let at = 0; at <= log.length; at += step) {
      const whole = 3 + logEnds.filter((end) => end <= at).length;
      const found = start(changed(files, 'journal.db-wal', (bytes) => bytes.subarray(0, at)));
      expect([at, found]).toEqual([at, { batches: whole, missing: 7 - whole }]);
      cuts += 1;
    }
    expect(cuts).toBeGreaterThan(300);
  });

  it('whose log is cut goes on from there, and no longer misses what is gone', () => {
    const { files, logEnds } = make(1, 3);
    const at = join(directory, 'cut');
    mkdirSync(at);
    const cut = changed(files, 'journal.db-wal', (bytes) => bytes.subarray(0, logEnds[0]));
    for (const name of names) writeFileSync(join(at, name), cut[name]);
    const database = openDatabase({ directory: at, reserveBytes: 0 });
    expect(database.missing).toBe(2);
    const { epoch, head } = database.begin({ id: 'b', address: '' });
    expect(head).toBe(2);
    database.append(3, epoch, gatherBatch(batchOf('batch 3', resultOf('3', { ordinal: 3 }))));
    database.acknowledge(3);
    database.close();
    const again = openDatabase({ directory: at, reserveBytes: 0 });
    expect(again.missing).toBe(0);
    again.close();
    expect(readAll(at)).toBe(3);
  });

  it('whose log has a flipped bit among what was committed is refused, with the byte', () => {
    const { files, logEnds } = make(2, 3);
    const end = logEnds.at(-1) ?? 0;
    const step = everyByte ? 1 : 37;
    for (let at = 0; at < end; at += step) {
      const found = start(changed(files, 'journal.db-wal', flipped(at, at % 8)));
      expect([at, found]).toEqual([at, expect.objectContaining({ fault: 'damaged' })]);
      const { place, message } = found as StoreError;
      expect(place.file).toMatch(/journal\.db-wal$/);
      // The frame that it lies in; SQLite's frames are a header of 24 bytes and a page.
      expect(place.offset).toBe(at < 32 ? 0 : 32 + Math.floor((at - 32) / 4_120) * 4_120);
      expect(message).toMatch(/acknowledged.*restore its directory/);
    }
  });

  it('whose stored batches have a flipped bit is refused with the batch, or reads the same', () => {
    const { files } = make(4, 0);
    const tables = files['journal.db'];
    const step = everyByte ? 1 : 41;
    const places = new Set<number>();
    for (let at = 0; at < tables.length; at += step) places.add(at);
    // Every byte of every batch, whatever the step.
    for (let seq = 1; seq <= 4; seq++) {
      const found = tables.indexOf(`batch ${seq}`);
      expect(found).toBeGreaterThan(0);
      for (let at = found - 16; at < found + 8; at++) places.add(at);
    }
    let refused = 0;
    for (const at of places) {
      const found = start(changed(files, 'journal.db', flipped(at, at % 8)), true);
      if (found instanceof StoreError) {
        expect(['damaged', 'version', 'broken']).toContain(found.fault);
        refused += 1;
      } else expect([at, found]).toEqual([at, { batches: 4, missing: 0 }]);
    }
    expect(refused).toBeGreaterThan(90);
    for (let seq = 1; seq <= 4; seq++) {
      const at = tables.indexOf(`batch ${seq}`);
      for (let i = 0; i < 7; i++)
        expect(start(changed(files, 'journal.db', flipped(at + i, i)))).toMatchObject({
          fault: 'damaged',
          place: { sequence: seq },
        });
    }
  });

  it('that lacks batches which were in its tables is refused', () => {
    const { files } = make(5, 0);
    const at = join(directory, 'older');
    mkdirSync(at);
    for (const name of names) writeFileSync(join(at, name), files[name]);
    const db = openTables(journalFiles(at), false);
    db.exec('DELETE FROM batches WHERE seq > 3');
    db.close();
    expect(() => openDatabase({ directory: at, reserveBytes: 0 })).toThrow(/batch 4.*up to 5 were acknowledged/);
    // And again: refusing changes nothing.
    expect(() => openDatabase({ directory: at, reserveBytes: 0 })).toThrow(/batch 4.*up to 5 were acknowledged/);
  });

  it('without its number of acknowledged batches, or with another journal’s, opens', () => {
    const { files } = make(1, 1);
    const other = make(5, 1).files;
    expect(start(changed(files, 'acknowledged', () => Buffer.alloc(0)))).toEqual({ batches: 2, missing: 0 });
    expect(start(changed(files, 'acknowledged', flipped(9, 1)))).toEqual({ batches: 2, missing: 0 });
    expect(start(changed(files, 'acknowledged', () => other.acknowledged))).toEqual({ batches: 2, missing: 0 });
  });

  it('of a newer format, or that is something else, is refused', () => {
    const { files } = make(1, 0);
    const newer = changed(files, 'journal.db', (bytes) => {
      bytes.writeUInt32BE(2, 60); // the user version in SQLite's header
      return bytes;
    });
    expect(start(newer)).toMatchObject({
      fault: 'version',
      message: expect.stringMatching(/newer version.*format 2.*knows 1/),
    });
    const foreign = changed(files, 'journal.db', (bytes) => {
      bytes.writeUInt32BE(0, 68); // the application id
      return bytes;
    });
    expect(start(foreign)).toMatchObject({
      fault: 'version',
      message: expect.stringMatching(/not a journal of lbtop/),
    });
    expect(start(changed(files, 'journal.db', () => Buffer.alloc(8_192, 'not a database ')))).toMatchObject({
      fault: 'damaged',
    });
  });

  it('that was new when its process died is made anew', () => {
    const empty = { 'journal.db': Buffer.alloc(0), 'journal.db-wal': Buffer.alloc(0), acknowledged: Buffer.alloc(0) };
    expect(start(empty)).toEqual({ batches: 0, missing: 0 });
  });

  it('with outputs, results or items changed tells so when they are read', () => {
    const at = join(directory, 'records');
    const database = openDatabase({ directory: at, reserveBytes: 0 });
    const { epoch } = database.begin({ id: 'a', address: '' });
    const output = {
      kind: 'output',
      job: 1,
      ordinal: 0,
      attempt: 1,
      stream: 1,
      offset: 0,
      data: Buffer.from('abc'),
      cut: 0,
    } as const;
    const items = { kind: 'items', job: 1, part: 0, bytes: Buffer.from('item') } as const;
    const second = { ...output, offset: 3 };
    const third = { ...output, offset: 6 };
    database.append(1, epoch, gatherBatch(batchOf('', output, second, third, items, resultOf('12'))));
    database.close();
    const change = (sql: string) => {
      const db = openTables(journalFiles(at), false);
      db.exec(sql);
      db.close();
    };
    const reading = <T>(read: (reads: ReturnType<typeof createReads>) => T): T => {
      const db = openTables(journalFiles(at), true);
      try {
        return read(createReads(db));
      } finally {
        db.close();
      }
    };
    change("UPDATE results SET json = x'3133'");
    expect(() => reading((reads) => reads.result(1, 0, 1))).toThrow(/table results.*checksum/);
    change("UPDATE items SET bytes = x'00'");
    expect(() => reading((reads) => reads.items(1, 0))).toThrow(/table items.*checksum/);
    change('DELETE FROM outputs WHERE offset = 3');
    expect(() => reading((reads) => reads.output(1, 0, 1, 1, 0, 100))).toThrow(/table outputs.*bytes 3 to 6.*missing/);
    change('UPDATE outputs SET cut = 3 WHERE offset = 0');
    expect(() => reading((reads) => reads.output(1, 0, 1, 1, 0, 100))).toThrow(/table outputs.*checksum/);
  });

  it('is not refused for other files beside it, nor for a mode that was too open', () => {
    const { files } = make(1, 1);
    const at = join(directory, 'other');
    mkdirSync(at);
    for (const name of names) writeFileSync(join(at, name), files[name], { mode: 0o644 });
    chmodSync(join(at, 'journal.db'), 0o644);
    appendFileSync(join(at, 'notes.txt'), 'mine');
    copyFileSync(join(at, 'notes.txt'), join(at, 'reserve'));
    truncateSync(join(at, 'reserve'), 0);
    openDatabase({ directory: at, reserveBytes: 0 }).close();
    expect(readAll(at)).toBe(2);
  });
});
