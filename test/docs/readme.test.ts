import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { parseCommandLine } from '../../source/client/command-line.ts';
import { allFlags, modes, wordNames } from '../../source/client/flags.ts';
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

test('every block of code is of a page and a language that a test runs', () => {
  const tests = readdirSync(resolve(root, 'test'), { recursive: true })
    .map(String)
    .filter((file) => file.endsWith('.test.ts') && !file.endsWith('readme.test.ts'))
    .map((file) => readFileSync(resolve(root, 'test', file), 'utf8'));
  const blocks = pages.flatMap((page) =>
    // Text is what something looks like; the first fence of each pair is the one that opens.
    [...readFileSync(resolve(root, page), 'utf8').matchAll(/^```([^\n]*)\n.*?^```$/gms)]
      .map(([, language = '']) => language.replace(/ source\/.*/, ''))
      .filter((language) => language !== '' && language !== 'text')
      .map((language) => ({ page, language })),
  );
  expect(blocks.length).toBeGreaterThan(20);
  // By its language, by its fence, or by how its lines begin.
  const isRun = ({ page, language }: (typeof blocks)[number]): boolean =>
    tests.some(
      (text) =>
        text.includes(page) && [`'${language}')`, `^\`\`\`${language}`, '/^npm run'].some((of) => text.includes(of)),
    );
  expect(blocks.filter((block) => !isRun(block))).toEqual([]);
});

/** What stands in the text as code. */
const spans = pages.flatMap((page) => {
  const text = readFileSync(resolve(root, page), 'utf8').replace(/^```.*?^```/gms, '');
  return [...text.replace(/<!-- words -->.*<!-- \/words -->/s, '').matchAll(/`([^`]+)`/g)].map(([, span = '']) => ({
    page,
    span,
  }));
});

test('every command that a page names in its text is one', () => {
  const commands = spans.filter(({ span }) => /^lbtop( |$)/.test(span) && !span.startsWith('lbtop WORD'));
  expect(commands.length).toBeGreaterThan(30);
  const wrong = commands.flatMap(({ page, span }) => {
    const words = Array.from(span.matchAll(/'([^']*)'|(\S+)/g), ([, quoted, bare]) => quoted ?? bare ?? '');
    try {
      parseCommandLine(words.slice(1), { env: {}, settings: () => ({}) });
      return [];
    } catch (error) {
      return [`${page}: ${span}: ${String(error)}`];
    }
  });
  expect(wrong).toEqual([]);
});

test('every flag that a page names is one, or that of another program', () => {
  const known = new Set<string>([...allFlags.map(({ name }) => name), ...modes]);
  const named = spans.flatMap(({ page, span }) =>
    /^(npm|etcd|docker|--) /.test(span)
      ? []
      : Array.from(span.matchAll(/(?:^|[ [(])--([a-z][a-z-]*)/g), ([, flag = '']) => ({ page, flag })),
  );
  expect(named.length).toBeGreaterThan(100);
  /** Of etcd, GNU parallel and HyperQueue. */
  const foreign = 'quota-backend-bytes load memfree joblog resume journal transferfile return'.split(' ');
  expect(named.filter(({ flag }) => !known.has(flag) && !foreign.includes(flag))).toEqual([]);
});

test('the figures of the policies are those that the scheduler has now (npm run figures writes them)', () => {
  const row = aloneRow('earliest-finish');
  expect(readFileSync(resolve(root, 'docs/scheduling.md'), 'utf8')).toContain(`| ${row.join(' | ')} |`);
});
