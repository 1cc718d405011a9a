/** A local journal whose files were cut or changed: at some bytes here, at every byte with `npm run chaos -- cut flip`. */
import { appendFileSync, chmodSync, copyFileSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gatherBatch } from '../../source/journal/batch-bytes.ts';
import { openDatabase } from '../../source/journal/database.ts';
import { createReads } from '../../source/journal/database-reads.ts';
import { journalFiles } from '../../source/journal/directory.ts';
import { openTables } from '../../source/journal/schema.ts';
import {
  changed,
  cutLog,
  type Files,
  flipLog,
  flipped,
  flipTables,
  makeJournal,
  names,
  readAll,
  startOn,
  trialDirectory,
} from '../chaos/journal-bytes.ts';
import { batchOf, resultOf } from './store-conformance.ts';

let directory: string;
beforeEach(() => {
  directory = trialDirectory();
});
afterEach(() => rmSync(directory, { recursive: true }));

const make = (inTables: number, inLog: number) => makeJournal(directory, inTables, inLog);
const start = (files: Files) => startOn(directory, files);

describe('a damaged local journal', () => {
  it('is whole to begin with', () => {
    const { files } = make(3, 4);
    expect(start(files)).toEqual({ batches: 7, missing: 0 });
  });

  it('whose log was cut at a byte ends after the last whole batch before it, and says how many are missing', () => {
    const { trials, wrong } = cutLog(directory, 61);
    expect(wrong).toEqual([]);
    expect(trials).toBeGreaterThan(300);
  });

  it('whose log is cut goes on from there, and no longer misses what is gone', () => {
    const { files, logEnds } = make(1, 3);
    const at = join(directory, 'cut');
    mkdirSync(at, { mode: 0o700 });
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
    const { trials, wrong } = flipLog(directory, 37);
    expect(wrong).toEqual([]);
    expect(trials).toBeGreaterThan(300);
  });

  it('whose stored batches have a flipped bit is refused with the batch, or reads the same', () => {
    const { refused, wrong } = flipTables(directory, 41);
    expect(wrong).toEqual([]);
    expect(refused).toBeGreaterThan(50);
  });

  it('that lacks batches which were in its tables is refused', () => {
    const { files } = make(5, 0);
    const at = join(directory, 'older');
    mkdirSync(at, { mode: 0o700 });
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
    mkdirSync(at, { mode: 0o700 });
    for (const name of names) writeFileSync(join(at, name), files[name], { mode: 0o644 });
    chmodSync(join(at, 'journal.db'), 0o644);
    appendFileSync(join(at, 'notes.txt'), 'mine');
    copyFileSync(join(at, 'notes.txt'), join(at, 'reserve'));
    truncateSync(join(at, 'reserve'), 0);
    openDatabase({ directory: at, reserveBytes: 0 }).close();
    expect(readAll(at)).toBe(2);
  });
});
