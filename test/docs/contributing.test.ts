/** docs/contributing.md: what it names is where it says, what it quotes is as it stands, its commands exist. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { blocksOf } from './shell-session.ts';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/contributing.md'), 'utf8');
const read = (path: string): string => readFileSync(join(root, 'docs', path), 'utf8');

test('each name in a step is in a file that the step links to', () => {
  const steps = page.split(/^(?=\d\. |#)/m).filter((part) => /^\d\. /.test(part));
  expect(steps.length).toBeGreaterThan(15);
  const missing = steps.flatMap((step) => {
    const files = [...step.matchAll(/\]\(([^)#]+)\)/g)].map(([, path = '']) => path);
    const names = [...step.matchAll(/`([A-Za-z]\w+)`/g)].map(([, name = '']) => name);
    const texts = files.filter((path) => /\.tsx?$/.test(path)).map(read);
    return names.filter((name) => !texts.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
  });
  expect(missing).toEqual([]);
});

test('code that it quotes is the file', () => {
  const quotes = [...page.matchAll(/^```ts (\S+)\n(.*?)^```/gms)];
  expect(quotes.length).toBe(1);
  for (const [, path = '', text] of quotes) expect(text).toBe(readFileSync(join(root, path), 'utf8'));
});

test('the scripts that it calls are those of the package', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
  const called = [...page.matchAll(/npm run ([a-z-]+)/g)].map(([, name = '']) => name);
  expect(blocksOf(page, 'sh')).toHaveLength(1);
  expect(called.length).toBeGreaterThan(5);
  expect(called.filter((name) => !(name in scripts))).toEqual([]);
});
