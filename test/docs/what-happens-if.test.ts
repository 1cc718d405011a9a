/** docs/what-happens-if.md: each text that it quotes is one that the program can say, and its session goes as it says. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { blocksOf, fleetOfOne, runSession } from './shell-session.ts';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/what-happens-if.md'), 'utf8');

/** Quotes in the first column of tables that are sentences, not words of a command or of a state. */
const quoted = page
  .split('\n')
  .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)].map(([, text = '']) => text))
  .filter((text) => / .* /.test(text) && !/^lbtop |^kill -9$/.test(text));

/** The whole source with what is filled in as `…`; an inner template first. */
const source = [...readdirSync(join(root, 'source'), { recursive: true }).map(String), '../cli.tsx']
  .filter((file) => /\.tsx?$/.test(file))
  .map((file) => readFileSync(join(root, 'source', file), 'utf8'))
  .join('\n')
  .replaceAll("\\'", "'");
const filled = source.replace(/\$\{(?:[^{}`]|`(?:[^`$]|\$\{[^{}]*\})*`|\{[^{}]*\})*\}/g, '…');

test('the texts that it quotes are the program’s own', () => {
  expect(quoted.length).toBeGreaterThan(60);
  expect(quoted.filter((text) => !filled.includes(text))).toEqual([]);
});

test('the session of the page goes as it says', { timeout: 120_000 }, async () => {
  const { stdout } = await runSession(fleetOfOne + blocksOf(page, 'sh').join(''));
  expect([...stdout.matchAll(/^exit (\d+)$/gm)].map(([, code]) => Number(code))).toEqual([2, 2, 3, 9, 127, 1]);
  expect(stdout).toContain('label room=cellar');
  expect(stdout).toContain('timed out after 1s');
});
