import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { trials } from '../chaos/run.ts';
import { blocksOf, runSession } from './shell-session.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/reliability.md'), 'utf8');

test('the trials of the page are those that run', () => {
  const named = [...page.matchAll(/`npm run chaos -- ([\w-]+)`/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !(name in trials))).toEqual([]);
});

test('the session of the page goes as it says', { timeout: 120_000 }, async () => {
  const [block = ''] = blocksOf(page, 'sh');
  const { stdout } = await runSession(block);
  const said = stdout.trimEnd().split('\n');
  expect([said.filter((line) => line === '12').length, said.includes('1')]).toEqual([2, true]);
});
