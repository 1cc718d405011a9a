import { expect, test } from 'vitest';
import { shareProgress, shareTeller, shareText } from '../../source/client/progress.ts';
import { runSimulate } from '../../source/simulation/simulate.ts';
import { fakeIo, fakeOutput } from './fake-io.ts';

test('a share is a bar, whole percents and the time that is left by the pace so far', () => {
  expect(shareText(0.5, 4_000)).toBe(`[${'█'.repeat(12)}${'░'.repeat(12)}] 50% · ETA 4.0s`);
  expect(shareText(0.999, 999)).toContain(' 99% · ETA 1.0ms');
  expect(shareText(0, 1_000)).not.toContain('ETA');
  expect(shareText(7, 1_000)).toBe(`[${'█'.repeat(24)}] 100%`);
});

test('it is rewritten in place at most ten times a second, cut to the terminal, and taken away', async () => {
  let now = 0;
  const output = fakeOutput({ terminal: true, columns: 20 });
  const line = shareProgress(output, () => now, 'reading ');
  await line.show(0.1);
  now = 99;
  await line.show(0.2);
  now = 100;
  await line.show(0.3);
  await line.clear();
  const shown = output.text().split('\r');
  expect(shown).toHaveLength(4);
  expect(shown.slice(1).map((one) => one.replace('\x1b[K', '').length)).toEqual([19, 19, 0]);
  expect(shown[1]).toMatch(/^reading \[/);
});

test('nothing is shown elsewhere than on a terminal, and an output that is gone harms nobody', () => {
  const file = fakeOutput();
  const told = shareTeller(file, () => 0, 'reading ');
  told.show(0.5);
  told.show(1);
  expect(file.text()).toBe('');
  const gone = shareTeller(fakeOutput({ terminal: true, closesAfter: 0 }), () => 0, 'reading ');
  gone.show(0.5);
  gone.show(1);
  gone.clear();
});

const plan = { simulatedTasks: 3_000, simulatedNodes: 4, policies: 'random,least-load' } as const;

test('simulate tells on a terminal how far it is, and its answer is the same', async () => {
  const watched = fakeIo({ stderr: { terminal: true } });
  let now = 0;
  await runSimulate(plan, { ...watched, now: () => (now += 1_000) });
  const shares = [...watched.stderr.text().matchAll(/ (\d+)%/g)].map(([, share]) => Number(share));
  expect(shares.length).toBeGreaterThan(5);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(shares.at(-1)).toBeGreaterThan(80);
  expect(watched.stderr.text()).toMatch(/\r\x1b\[K$/);
  const quiet = fakeIo();
  await runSimulate(plan, quiet);
  expect(quiet.stderr.text()).toBe('');
  expect(watched.stdout.text()).toBe(quiet.stdout.text());
});
