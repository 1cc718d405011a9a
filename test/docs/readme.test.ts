import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { aloneRow } from '../bench/policies.ts';
import { generated } from '../scripts/generated-pages.ts';
import { fill } from '../scripts/readme-tables.ts';

const root = resolve(import.meta.dirname, '../..');
const docs = readdirSync(resolve(root, 'docs')).filter((file) => file.endsWith('.md'));
const pages = ['readme.md', 'source/readme.md', ...docs.map((file) => `docs/${file}`)];

test.each(Object.entries(generated))('%s says what the program does (npm run readme writes it)', (page, places) => {
  const text = readFileSync(resolve(root, page), 'utf8');
  expect(fill(text, places)).toBe(text);
});

test('every link to a file leads to one', () => {
  for (const page of pages) {
    const text = readFileSync(resolve(root, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\(([^)#]+)\)/g)) {
      if (/^https?:/.test(target)) continue;
      expect({ page, target, there: existsSync(resolve(root, page, '..', target)) }).toEqual({
        page,
        target,
        there: true,
      });
    }
  }
});

test('the figures of the policies are those that the scheduler has now (npm run figures writes them)', () => {
  const row = aloneRow('earliest-finish');
  expect(readFileSync(resolve(root, 'docs/scheduling.md'), 'utf8')).toContain(`| ${row.join(' | ')} |`);
});
