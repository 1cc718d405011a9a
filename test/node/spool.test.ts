import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Outcome } from '../../source/model/node.ts';
import { openRecordFile, parseRecordLine, recordLine } from '../../source/node/record-file.ts';
import { openSpool } from '../../source/node/spool.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbtop-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let count = 0;
const fresh = (): string => join(dir, String(count++));

function outcome(job: number, error: string | null = null): Outcome {
  return {
    job,
    ordinal: 0,
    attempt: 1,
    outcome: 'failed',
    exitCode: 3,
    signal: null,
    error,
    result: null,
    runMs: 1.5,
    cpuMs: 0,
    peakBytes: 0,
    stdoutBytes: 3,
    stderrBytes: 0,
    started: true,
  };
}

test('outcomes and processes survive; what is settled or gone does not', () => {
  const path = fresh();
  const first = openSpool(path, 'a', () => {});
  for (let job = 1; job <= 5; job++) first.keep(outcome(job, 'é\n"x"'), []);
  first.settle({ job: 2, ordinal: 0, attempt: 1 });
  first.began({ pid: 4_000_001, startTicks: 7 });
  first.began({ pid: 4_000_002, startTicks: 8 });
  first.gone(4_000_001);
  first.close();
  const second = openSpool(path, 'b', () => {});
  expect(second.ends).toEqual([1, 3, 4, 5].map((job) => ({ outcome: outcome(job, 'é\n"x"'), rests: [] })));
  expect(second.processes).toEqual([{ pid: 4_000_002, startTicks: 8 }]);
  expect(second.agents).toEqual([{ id: 'a', groups: null }]);
  second.forgetEarlier();
  second.settle({ job: 1, ordinal: 0, attempt: 1 });
  second.close();
  const third = openSpool(path, 'c', () => {});
  expect(third.ends.map(({ outcome }) => outcome.job)).toEqual([3, 4, 5]);
  expect([third.processes, third.agents]).toEqual([[], [{ id: 'b', groups: null }]]);
  expect(statSync(join(path, 'spool')).mode & 0o777).toBe(0o600);
  third.close();
});

test('what is settled together is one record, in its place among the ends; those of agents before are read as well', () => {
  const path = fresh();
  const settled = (job: number) => ({ job, ordinal: 0, attempt: 1 });
  const first = openSpool(path, 'a', () => {});
  for (let job = 1; job <= 4; job++) first.keep(outcome(job), []);
  for (let job = 1; job <= 3; job++) first.settle(settled(job));
  first.keep(outcome(5), []);
  first.keep(outcome(1), []); // said again by some mistake: it holds
  first.settle(settled(5));
  first.close();
  const lines = readFileSync(join(path, 'spool'), 'utf8').trimEnd().split('\n').map(parseRecordLine);
  expect(lines.filter((one) => (one as { kind: string }).kind === 'settled')).toEqual([
    { kind: 'settled', ids: ['1.0.1', '2.0.1', '3.0.1'] },
    { kind: 'settled', ids: ['5.0.1'] },
  ]);
  const file = openRecordFile(join(path, 'spool'));
  file.append([{ kind: 'settled', id: '4.0.1' }]);
  file.close();
  const second = openSpool(path, 'b', () => {});
  expect(second.ends.map(({ outcome }) => outcome.job)).toEqual([1]);
  second.close();
});

test('what is left of the output survives, byte for byte; where nothing is left it takes no room', async () => {
  const path = fresh();
  const first = openSpool(path, 'a', () => {});
  const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const nothing = { offset: 3, data: new Uint8Array(0), cut: 0 };
  first.keep(outcome(1), [{ offset: 7, data: bytes, cut: 5 }, nothing]);
  first.keep(outcome(2), [nothing, nothing]);
  // Not only when it is told: perhaps there is nobody.
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  expect(readFileSync(join(path, 'spool'), 'utf8').split('\n').length).toBe(4);
  first.close();
  const second = openSpool(path, 'b', () => {});
  expect(second.ends).toEqual([
    {
      outcome: outcome(1),
      rests: [
        { offset: 7, data: bytes, cut: 5 },
        { ...nothing, data: Buffer.alloc(0) },
      ],
    },
    { outcome: outcome(2), rests: [] },
  ]);
  second.close();
});

test('a torn tail is cut, at every byte', () => {
  const path = fresh();
  const file = openRecordFile(path);
  const records = [{ a: 1 }, { b: 'zwei\n€' }, { c: [3, null] }];
  file.append(records);
  file.close();
  const whole = readFileSync(path);
  const ends = records.map((_, i) =>
    Buffer.byteLength(
      records
        .slice(0, i + 1)
        .map(recordLine)
        .join(''),
    ),
  );
  for (let length = 0; length <= whole.length; length++) {
    writeFileSync(path, whole.subarray(0, length));
    const cut = openRecordFile(path);
    const kept = ends.filter((end) => end <= length).length;
    expect(cut.found).toEqual(records.slice(0, kept));
    cut.append([{ d: 4 }]);
    cut.close();
    const again = openRecordFile(path);
    expect([again.found, again.dropped]).toEqual([[...records.slice(0, kept), { d: 4 }], 0]);
    again.close();
  }
});

test('records of all sizes come back, appended and written anew', () => {
  const path = fresh();
  const file = openRecordFile(path);
  const lengths = [0, 1, 21_840, 21_843, 21_844, 21_900, 65_500, 65_520, 65_530, 65_536, 300_000, 7];
  const records = lengths.flatMap((length) => [{ text: 'x'.repeat(length) }, { text: '€'.repeat(length) }, { length }]);
  file.append(records);
  const bytes = readFileSync(path);
  expect(bytes.toString()).toBe(records.map(recordLine).join(''));
  expect(file.bytes).toBe(bytes.length);
  file.rewrite(records);
  expect(readFileSync(path).equals(bytes)).toBe(true);
  file.append([{ last: true }]);
  file.close();
  const again = openRecordFile(path);
  expect([again.found, again.dropped]).toEqual([[...records, { last: true }], 0]);
  again.close();
});

test('a damaged byte costs its record alone and is never taken for another', () => {
  const path = fresh();
  const file = openRecordFile(path);
  const records = [{ a: 1 }, { b: 2 }, { c: 3 }];
  file.append(records);
  file.close();
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at++) {
    for (const bit of [1, 0x20, 0x80]) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ bit;
      writeFileSync(path, damaged);
      const opened = openRecordFile(path);
      for (const one of opened.found) expect(records).toContainEqual(one);
      expect(opened.dropped).toBeGreaterThan(0);
      expect(opened.found.length).toBeGreaterThanOrEqual(1);
      opened.close();
    }
  }
  expect(parseRecordLine('')).toBeUndefined();
});

test('it is written anew before it grows without end', () => {
  const path = fresh();
  const spool = openSpool(path, 'a', () => {});
  for (let job = 1; job <= 120_000; job++) {
    spool.keep(outcome(job), []);
    if (job > 1) spool.settle({ job: job - 1, ordinal: 0, attempt: 1 });
    if (job % 10 === 0) spool.flush();
  }
  spool.close();
  expect(statSync(join(path, 'spool')).size).toBeLessThan(8_600_000);
  const next = openSpool(path, 'b', () => {});
  expect(next.ends.map(({ outcome }) => outcome.job)).toEqual([120_000]);
  next.close();
});

test('where it cannot write it says so once, and goes on', () => {
  const path = fresh();
  const logged: string[] = [];
  const spool = openSpool(path, 'a', (line) => logged.push(line));
  rmSync(path, { recursive: true });
  writeFileSync(path, 'in the way');
  spool.forgetEarlier();
  for (let job = 1; job <= 100_000; job++) {
    spool.keep(outcome(job), []);
    spool.flush();
  }
  expect(logged.filter((line) => line.includes('cannot write')).length).toBe(1);
  rmSync(path);
  spool.close();
});
