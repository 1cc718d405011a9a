/** What watches the campaigns: a case that takes too long, one that never ends, one that throws. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { campaign, longestMs, type Target } from './campaign.ts';

/** The numbers themselves are the cases; `take` is what is tried. */
function numbers(take: (seed: number) => string): Target<number> {
  return { name: 'numbers', make: (seed) => seed, take, hex: (seed) => seed.toString(16) };
}

/** Takes so much time of the processor. */
function work(ms: number): void {
  const usedMs = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1_000;
  };
  for (const until = usedMs() + ms; usedMs() < until; );
}

test('a case that always takes longer is told with its seed and its bytes, and none besides', async () => {
  const slow = numbers((seed) => {
    if (seed === 7) work(longestMs + 10);
    return 'read';
  });
  const seen = await campaign(slow, 20);
  expect(seen.hangs.map(({ seed, hex }) => ({ seed, hex }))).toEqual([{ seed: 7, hex: '7' }]);
  expect(seen.hangs[0]?.ms).toBeGreaterThan(longestMs);
  expect(seen.slowestMs).toBeGreaterThan(longestMs);
  expect(seen).toMatchObject({ cases: 20, outcomes: { read: 20 }, crashes: [] });
});

test('one that was slow once is none', async () => {
  let before = 0;
  const once = numbers((seed) => {
    if (seed === 7 && before++ === 0) work(longestMs + 10);
    return 'read';
  });
  expect((await campaign(once, 20)).hangs).toEqual([]);
  expect(before).toBe(2);
});

test('one that throws is told, and the others go on', async () => {
  const seen = await campaign(
    numbers((seed) => {
      if (seed === 3) throw new Error('three');
      return 'read';
    }),
    5,
  );
  expect(seen.crashes).toMatchObject([{ seed: 3, error: expect.stringContaining('three'), hex: '3' }]);
  expect(seen.outcomes).toEqual({ read: 4 });
});

/** Runs a process that is watched. */
function run(what: 'forever' | 'waits'): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, [join(import.meta.dirname, 'stuck-process.ts'), what], {
    timeout: 50_000,
  });
}

test('one that never ends is told by its seed, and ends the process', { timeout: 60_000 }, async () => {
  const told = { signal: 'SIGKILL', stdout: '', stderr: 'numbers: seed 5 does not end\n' };
  await expect(run('forever')).rejects.toMatchObject(told);
});

test('a process that only waits is left alone', { timeout: 60_000 }, async () => {
  expect(await run('waits')).toEqual({ stdout: 'it ended\n', stderr: '' });
});
