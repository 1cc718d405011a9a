import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { policyNames } from '../../source/model/job.ts';
import { policyPlots } from '../scripts/policy-plots.ts';
import { blocksOf } from './shell-session.ts';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(resolve(root, 'docs/scheduling.md'), 'utf8');
const commands = blocksOf(page, 'sh').flatMap((block) =>
  Array.from(block.matchAll(/^lbtop (.*)$/gm), ([, words = '']) => words.split(' ')),
);

test.each(commands)('%s … runs as the page has it', async (...words) => {
  const { stdout } = await promisify(execFile)(process.execPath, [resolve(root, 'dist/cli.js'), ...words, '--json']);
  const policies = (words[words.indexOf('--policy') + 1] as string).split(',');
  expect(JSON.parse(stdout).map(({ policy }: { policy: string }) => policy)).toEqual(policies);
});

test('its pictures show its tables (npm run readme draws them)', () => {
  for (const [name, picture] of Object.entries(policyPlots(page))) {
    expect(picture).not.toMatch(/NaN|undefined|Infinity/);
    expect(readFileSync(resolve(root, 'docs/figures', name), 'utf8')).toBe(picture);
  }
});

test('the page has commands, and every policy', () => {
  expect(commands.length).toBeGreaterThan(1);
  expect(policyNames.filter((name) => !page.includes(`| \`${name}\` | `))).toEqual([]);
});
