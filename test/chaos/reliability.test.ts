/** The trials of `npm run chaos`, each in a small form. */
import { expect, test } from 'vitest';
import { engineMissing } from '../helpers/engine.ts';
import { fillAgainAndAgain } from './disk-full.ts';
import { engineTrial } from './engine.ts';
import { killAgainAndAgain } from './kill-coordinator.ts';
import { recoverQueued } from './recovery.ts';
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

test.each(['array', 'lines', 'jobs'] as const)(
  '20,000 queued tasks (%s) are dispatched again after a kill',
  async (work) => {
    const { queued } = await recoverQueued(work, 20_000);
    expect(queued).toBeGreaterThan(10_000);
    expect(queued).toBeLessThan(20_000);
  },
);

test('a recording that was cut plays up to the cut', async () => {
  const { trials, wrong } = await cutTrace(97);
  expect(wrong).toEqual([]);
  expect(trials).toBeGreaterThan(50);
});
