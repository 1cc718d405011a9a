/** A slice of what `npm run chaos -- fuzz` does at full size, and each case that once went wrong. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { batchTarget, takeBatch } from './batches.ts';
import { campaign, longestMs } from './campaign.ts';
import { frameTarget, takeFrame } from './frames.ts';
import { stringTarget, takeString } from './strings.ts';
import { takeTrace, traceTarget } from './traces.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-fuzz-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const well = { crashes: [], hangs: [] };

describe('changed at random', () => {
  test('4,000 frames are read or refused', async () => {
    const seen = await campaign(frameTarget(), 4_000);
    expect(seen).toMatchObject(well);
    // Neither is all refused at the door, nor all let through.
    expect(seen.outcomes.read ?? 0).toBeGreaterThan(200);
    expect(seen.outcomes['not plain'] ?? 0).toBeGreaterThan(200);
    expect(seen.outcomes['not a message'] ?? 0).toBeGreaterThan(50);
  });

  test('1,500 strings become safe text', async () => {
    expect(await campaign(stringTarget(), 1_500)).toMatchObject(well);
  });

  test('2,000 batches of a journal are read or refused', async () => {
    const seen = await campaign(batchTarget(), 2_000);
    expect(seen).toMatchObject(well);
    expect(seen.outcomes.read ?? 0).toBeGreaterThan(100);
    expect(seen.outcomes.refused ?? 0).toBeGreaterThan(100);
  });

  test('150 recordings play, or are refused', async () => {
    const traces = await traceTarget();
    try {
      const seen = await campaign(traces, 150);
      expect(seen).toMatchObject(well);
      expect(seen.outcomes['played, with notes'] ?? 0).toBeGreaterThan(20);
      expect(seen.outcomes.played ?? 0).toBeGreaterThan(10);
    } finally {
      traces.close();
    }
  });

  test('a case is the same again for the same seed', async () => {
    expect(frameTarget().make(99)).toEqual(frameTarget().make(99));
    expect(stringTarget().make(99)).toEqual(stringTarget().make(99));
  });
});

interface Kept {
  target: 'frames' | 'strings' | 'journals' | 'traces';
  what: string;
  hex: string;
  times: number;
}
const kept = JSON.parse(readFileSync(join(import.meta.dirname, 'corpus', 'kept.json'), 'utf8')) as Kept[];

const takes: Record<Kept['target'], (bytes: Buffer) => string | Promise<string>> = {
  frames: takeFrame,
  strings: takeString,
  journals: takeBatch,
  traces: (bytes) => takeTrace(bytes, join(directory, 'kept.lbtrace')),
};

describe('kept', () => {
  test.each(kept)('$target: $what', async ({ target, hex, times }) => {
    const bytes = Buffer.from(hex.repeat(times), 'hex');
    await takes[target](bytes);
    let leastMs = Number.POSITIVE_INFINITY;
    for (let again = 0; again < 3; again++) {
      const before = process.threadCpuUsage();
      await takes[target](bytes);
      const { user, system } = process.threadCpuUsage(before);
      leastMs = Math.min(leastMs, (user + system) / 1_000);
    }
    // A case goes through a dozen functions.
    expect(leastMs).toBeLessThan(target === 'strings' && bytes.length > 16_384 ? longestMs * 4 : longestMs);
  });
});
