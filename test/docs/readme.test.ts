import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { wordNames } from '../../source/client/flags.ts';
import { aloneRow } from '../bench/policies.ts';
import { plots } from '../bench/race/plots.ts';
import { generated } from '../scripts/generated-pages.ts';
import { manPage } from '../scripts/man-page.ts';
import { fill } from '../scripts/readme-tables.ts';

const root = resolve(import.meta.dirname, '../..');
const docs = readdirSync(resolve(root, 'docs')).filter((file) => file.endsWith('.md'));
const pages = ['readme.md', 'source/readme.md', ...docs.map((file) => `docs/${file}`)];

test.each(Object.entries(generated))('%s says what the program does (npm run readme writes it)', (page, places) => {
  const text = readFileSync(resolve(root, page), 'utf8');
  expect(fill(text, places)).toBe(text);
});

test('pictures show the figures that were measured last (npm run readme draws them)', () => {
  for (const [name, picture] of Object.entries(plots()))
    expect(readFileSync(resolve(root, 'docs/figures', name), 'utf8')).toBe(picture);
});

test('the man page says what the program does (npm run readme writes it), and man renders it', () => {
  expect(readFileSync(resolve(root, 'lbtop.1'), 'utf8')).toBe(manPage());
  const { error, status, stdout, stderr } = spawnSync('man', ['--warnings', './lbtop.1'], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, MANWIDTH: '100', LC_ALL: 'C.UTF-8', MANPAGER: 'cat' },
  });
  if (error !== undefined) return; // no man here
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const plain = stdout.replace(/.\x08/gu, '').replace(/\x1b\[[\d;]*m/g, '');
  for (const word of wordNames) expect(plain).toContain(`lbtop ${word}`);
  expect(plain).toContain('--cpu-limit PERCENT');
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

/** As GitHub makes them of headings. */
function anchorsOf(text: string): string[] {
  const headings = text.replace(/^```.*?^```/gms, '').matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .trim()
      .replaceAll(' ', '-'),
  );
}

test('every link into a page leads to a heading', () => {
  const lost = pages.flatMap((page) => {
    const text = readFileSync(resolve(root, page), 'utf8');
    return [...text.matchAll(/\]\(([^)#\s]*)#([^)]+)\)/g)]
      .filter(([, target = '']) => !/^https?:/.test(target))
      .filter(([, target = '', anchor = '']) => {
        const there = target === '' ? text : readFileSync(resolve(root, page, '..', target), 'utf8');
        return !anchorsOf(there).includes(anchor);
      })
      .map(([link]) => `${page}: ${link}`);
  });
  expect(lost).toEqual([]);
});

test('every page with code is one that a test reads', () => {
  const tests = readdirSync(resolve(root, 'test'), { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => readFileSync(resolve(root, 'test', file), 'utf8'));
  const coded = pages.filter((page) =>
    /^```(sh|ts|js|python|json|yaml|ini)/m.test(readFileSync(resolve(root, page), 'utf8')),
  );
  expect(coded.length).toBeGreaterThan(5);
  expect(coded.filter((page) => !tests.some((text) => text.includes(page)))).toEqual([]);
});

test('the figures of the policies are those that the scheduler has now (npm run figures writes them)', () => {
  const row = aloneRow('earliest-finish');
  expect(readFileSync(resolve(root, 'docs/scheduling.md'), 'utf8')).toContain(`| ${row.join(' | ')} |`);
});
