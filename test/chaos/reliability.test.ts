/** The trials of `npm run chaos`, each in a small form. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { limits } from '../../source/model/limits.ts';
import { engineMissing } from '../helpers/engine.ts';
import { fillAgainAndAgain } from './disk-full.ts';
import { engineTrial } from './engine.ts';
import { misbehave } from './handlers.ts';
import { killAgainAndAgain } from './kill-coordinator.ts';
import { comeAndGo, type Size } from './memory.ts';
import { restartNode } from './node-restart.ts';
import { flood } from './output.ts';
import { carry } from './random-bytes.ts';
import { recoverQueued } from './recovery.ts';
import { endedForMemory, memoryGroupMissing, shortOfMemory } from './short-of-memory.ts';
import { processGroupMissing, shortOfProcesses } from './short-of-processes.ts';
import { cutTrace } from './trace-cut.ts';

test('10 kills of the coordinator during 300 tasks: nothing lost, nothing twice, nothing restarted', {
  timeout: 240_000,
}, async () => {
  const seen = await killAgainAndAgain({ tasks: 300, kills: 10, nodes: 4, slots: 4, taskSeconds: 0.3 });
  expect(seen).toMatchObject({ lost: 0, counted: 0, restarted: 0, runAgain: 0, kills: 10 });
  expect(seen.whileRunning).toBeGreaterThan(5);
});

test.skipIf(engineMissing !== null)(
  'members of an engine that freeze: nothing lost, nothing twice, and the leader goes on',
  { timeout: 120_000 },
  async () => {
    const sizes = { rounds: 3, tasks: 20, taskSeconds: 0.4, nodes: 2, slots: 3 };
    const seen = await engineTrial({ fault: 'member-paused', ...sizes });
    expect(seen).toMatchObject({ lost: 0, counted: 0, restarted: 0, runAgain: 0, missing: 0, doubled: 0 });
    expect(seen.acknowledged).toBeGreaterThan(3);
  },
);

test('a disk that gets full: submissions are refused with the reason, what runs goes on, results wait, and it recovers', {
  timeout: 120_000,
}, async ({ skip }) => {
  const seen = await fillAgainAndAgain(2, 24);
  if (seen === null) return skip('needs root');
  expect(seen).toMatchObject({ lost: 0, again: 0 });
  expect(seen.endedMeanwhile).toBeGreaterThan(0);
  for (const { code, line } of seen.refusals) {
    expect(code).toBe(1);
    expect(line).toMatch(/^lbtop: .*(full|no room)/);
  }
});

test.each(['array', 'lines', 'jobs', 'snapshot'] as const)(
  '20,000 queued tasks (%s) are dispatched again after a kill',
  async (work) => {
    const { queued } = await recoverQueued(work, 20_000);
    expect(queued).toBeGreaterThan(10_000);
    expect(queued).toBeLessThan(20_000);
  },
);

test('a node killed with results that nobody was told: they are told, with their output, and not run again', {
  timeout: 120_000,
}, async () => {
  const seen = await restartNode(1);
  expect(seen).toMatchObject({ untold: 2, untoldWrong: 0, cut: 2, cutLost: 0, left: 0, twice: 0 });
});

test('jobs that come and go leave no memory behind', { timeout: 120_000 }, async () => {
  const most = (sizes: readonly Size[]) => Math.max(...sizes.map(({ residentBytes }) => residentBytes));
  const sizes = await comeAndGo(24, 5_000);
  // V8 keeps more for later as it goes, up to a fifth here; two kilobytes a task would be half.
  expect(most(sizes.slice(12))).toBeLessThan(1.4 * most(sizes.slice(0, 12)));
});

test('a recording that was cut plays up to the cut', async () => {
  const { trials, wrong } = await cutTrace(97);
  expect(wrong).toEqual([]);
  expect(trials).toBeGreaterThan(50);
});

test('a task that writes 300 MB costs neither its node nor the coordinator more memory than its window', async () => {
  const one = await flood(300e6);
  expect(one.keptBytes).toBe(limits.outputBytesPerStream);
  expect(one.cutBytes).toBe(300e6 - limits.outputBytesPerStream);
  // In so short a run the heaps still grow by themselves; the whole trial holds both to 64 MiB over 10 GB.
  expect(one.nodeGrowthBytes).toBeLessThan(128 * 1024 * 1024);
  expect(one.coordinatorGrowthBytes).toBeLessThan(128 * 1024 * 1024);
});

test.each([
  ['one line', 80_000_000],
  ['single bytes', 200_000],
] as const)(
  '%s of %d bytes take no more memory than any other output, and come back as they were',
  { timeout: 240_000 },
  async (writer, bytes) => {
    const one = await flood(bytes, writer);
    const kept = Math.min(bytes, limits.outputBytesPerStream);
    expect([one.keptBytes, one.cutBytes]).toEqual([kept, bytes - kept]);
    // What was cut is told on stderr.
    expect(one.readBytes).toBe(kept);
    expect(one.readHash).toBe(createHash('sha256').update('x'.repeat(kept)).digest('hex'));
    for (const growth of [one.nodeGrowthBytes, one.coordinatorGrowthBytes])
      expect(growth).toBeLessThan(128 * 1024 * 1024);
    expect(one.readerPeakBytes).toBeLessThan(256 * 1024 * 1024);
  },
);

test('200 random byte strings come through stdout as they were', async () => {
  expect(await carry(200)).toMatchObject({ strings: 200, harmed: 0 });
});

test('handlers that go wrong in every way cost themselves alone', { timeout: 240_000 }, async () => {
  for (const { what, ...counts } of await misbehave(2))
    expect({ what, ...counts }).toEqual({ what, ended: 2, tasks: 2, unharmed: 2, beside: 2 });
});

test('tasks that take all memory are ended before their node, and it says why', { timeout: 120_000 }, async ({
  skip,
}) => {
  if (memoryGroupMissing !== null) return skip(memoryGroupMissing);
  const { ends, nodeLived, taskAdjustment, nodeAdjustment } = await shortOfMemory(3);
  expect(ends).toEqual(Array(3).fill({ state: 'failed', error: endedForMemory }));
  expect(nodeLived).toBe(true);
  expect(taskAdjustment).toBe(500);
  expect(nodeAdjustment).toBeLessThan(taskAdjustment);
});

test('a node that can start no process is paused before it has had many tasks, and says why', {
  timeout: 120_000,
}, async ({ skip }) => {
  if (processGroupMissing !== null) return skip(processGroupMissing);
  const { tasks, succeeded, inVain, ...ended } = await shortOfProcesses(200);
  expect(succeeded).toBe(tasks);
  expect(inVain).toBeGreaterThanOrEqual(5);
  expect(ended).toEqual({
    intent: 'paused',
    reason: expect.stringMatching(/^5 tasks in a row could not be started: cannot start a process: /),
    after: 10,
  });
});
