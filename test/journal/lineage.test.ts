/** Receipts: what an older copy of a data directory is told by. */
import { cpSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLineage } from '../../source/journal/lineage.ts';
import { LbtopError } from '../../source/model/errors.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lbtop-lineage-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const begin = (epoch: number, head: number, { force = false, copy = '' } = {}) =>
  openLineage({ directory: join(directory, copy), epoch, head, force });

const copyTo = (name: string): void =>
  cpSync(join(directory, 'lineage'), join(directory, name, 'lineage'), { recursive: true });

test('receipts of this term, and of earlier ones up to where the next began, show nothing', () => {
  const first = begin(1, 0);
  const receipts = [first.receipt(0), first.receipt(70)];
  for (let epoch = 2; epoch < 5; epoch++) {
    const next = begin(epoch, 70 * (epoch - 1));
    receipts.push(next.receipt(70 * (epoch - 1)), next.receipt(70 * epoch));
    for (const receipt of receipts) expect(next.isBehind(receipt)).toBe(false);
  }
  expect(statSync(join(directory, 'lineage')).mode & 0o777).toBe(0o600);
});

test('a copy that lacks the term, or its last batches, is behind', () => {
  const first = begin(1, 0);
  copyTo('of-the-first');
  const later = first.receipt(120);
  const second = begin(2, 120);
  // The copy is of batch 100, when the first term ran on.
  const restored = begin(2, 100, { copy: 'of-the-first' });
  expect(restored.isBehind(first.receipt(100))).toBe(false);
  expect(restored.isBehind(first.receipt(101))).toBe(true);
  expect(restored.isBehind(later)).toBe(true);
  // The same epoch, begun twice: what it wrote in the one is not in the other, however few batches.
  expect(restored.isBehind(second.receipt(0))).toBe(true);
  // Nobody came who knew: it stays true for all that follows.
  const again = begin(3, 500, { copy: 'of-the-first' });
  expect(again.isBehind(later)).toBe(true);
  expect(again.isBehind(second.receipt(121))).toBe(true);
  expect(again.isBehind(restored.receipt(400))).toBe(false);
  const third = begin(3, 130);
  expect(restored.isBehind(third.receipt(131))).toBe(true);
});

test('what another directory gave, or nobody did, shows nothing', () => {
  const mine = begin(1, 0);
  const other = openLineage({ directory: mkdtempSync(join(directory, 'other-')), epoch: 9, head: 900, force: false });
  expect(mine.isBehind(other.receipt(1_000))).toBe(false);
  const real = begin(2, 5).receipt(10);
  expect(mine.isBehind(real)).toBe(true);
  for (let at = 0; at < real.length; at++) {
    const changed = `${real.slice(0, at)}${real[at] === 'A' ? 'Q' : 'A'}${real.slice(at + 1)}`;
    // The last character has bits that are no part of the seal.
    if (at < real.length - 1) expect(mine.isBehind(changed), changed).toBe(false);
  }
  for (const rubbish of ['', '.', '...', 'x'.repeat(256), real.slice(0, -1), `${real}.${real}`])
    expect(mine.isBehind(rubbish), rubbish).toBe(false);
});

test('a journal that is older than the terms beside it is refused at once; forced, it is a directory of its own', () => {
  begin(1, 0);
  const second = begin(2, 100);
  const later = second.receipt(150);
  for (const [epoch, head] of [
    [2, 100],
    [1, 0],
    [3, 99],
  ] as const) {
    const refused = expect(() => begin(epoch, head));
    refused.toThrow(LbtopError);
    refused.toThrow(/older copy: put the newest in their place, or start with --force-older-data$/);
  }
  const forced = begin(2, 100, { force: true });
  expect(forced.isBehind(later)).toBe(false);
  expect(begin(3, 110).isBehind(later)).toBe(false);
});

test('of a thousand terms the oldest are forgotten', () => {
  const first = begin(1, 0);
  const early = first.receipt(3);
  const file = join(directory, 'lineage');
  const [key, [[, id]]] = JSON.parse(readFileSync(file, 'utf8')) as [string, [[number, string, number]]];
  const terms = Array.from({ length: 1_000 }, (_, i) => [i + 1, i === 0 ? id : 'anotherOne', i]);
  writeFileSync(file, JSON.stringify([key, terms]));
  expect(begin(1_001, 1_000).isBehind(early)).toBe(false);
  expect(begin(1_002, 1_001).isBehind(first.receipt(1_000))).toBe(false);
  expect(statSync(file).size).toBeLessThan(40_000);
});

test('a file that nobody can read is begun anew', () => {
  const first = begin(1, 0);
  writeFileSync(join(directory, 'lineage'), '{"key":');
  expect(begin(2, 1).isBehind(first.receipt(9))).toBe(false);
});
