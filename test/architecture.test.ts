/**
 * The order of the house, as source/readme.md tells it: which room may import which, which rooms are pure, and that each
 * dependency has one door. Read from the import statements of every file.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const source = join(root, 'source');

/** Beside itself. A room, or files of one. */
const mayImport: Record<string, readonly string[]> = {
  model: [],
  scheduler: ['model'],
  view: ['model', 'scheduler/state.ts', 'scheduler/learned.ts'],
  wire: ['model'],
  journal: ['model', 'wire'],
  node: ['model', 'wire'],
  client: ['model', 'wire'],
  feed: [
    'model',
    'wire',
    'view',
    'journal',
    // The state, what changes it, and what it is kept as.
    'scheduler/apply.ts',
    'scheduler/state.ts',
    'scheduler/snapshot.ts',
    'scheduler/task-table.ts',
    // Decisions of the past, made again.
    'scheduler/explain.ts',
  ],
  ui: ['model', 'view', 'feed'],
  coordinator: ['model', 'wire', 'scheduler', 'journal', 'feed', 'view'],
  simulation: ['model', 'wire', 'scheduler', 'journal', 'feed', 'view', 'node', 'client', 'coordinator'],
};

const pure = ['model', 'scheduler', 'view'];

/** Each package or module of Node that has a door, and where it is: files, or rooms. */
const doors: Record<string, readonly string[]> = {
  msgpackr: ['source/wire/codec.ts'],
  systeminformation: ['source/node/sampler.ts'],
  'node:tls': ['source/wire/endpoint.ts'],
  'node:sqlite': ['source/journal/sqlite.ts'],
  meow: ['cli.tsx'],
  'prom-client': ['source/wire/metrics-endpoint.ts'],
  ink: ['source/ui', 'cli.tsx'],
  react: ['source/ui', 'cli.tsx'],
};

interface File {
  /** Of the project, `source/model/job.ts`. */
  readonly path: string;
  readonly room: string;
  /** Without comments. */
  readonly code: string;
  /** As written. */
  readonly imports: readonly string[];
}

/** Comments go first; texts stay, because an import's name is one. */
function withoutComments(text: string): string {
  return text.replace(/("(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '$1');
}

function withoutTexts(code: string): string {
  return code.replace(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, "''");
}

function importsOf(code: string): string[] {
  // The last kind are files that start as workers.
  const found = code.matchAll(/\b(?:from\s*|import\s*\(?\s*)['"]([^'"]+)['"]|\bnew URL\(\s*['"](\.[^'"]+\.tsx?)['"]/g);
  return [...found].map(([, imported, started]) => (imported ?? started) as string);
}

function readFile(path: string): File {
  const code = withoutComments(readFileSync(path, 'utf8'));
  const [room] = relative(source, path).split('/') as [string];
  return { path: relative(root, path), room, code, imports: importsOf(code) };
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => readFile(join(source, path)));
const all = [
  ...files,
  ...readdirSync(root).flatMap((name) => (name === 'cli.tsx' ? [readFile(join(root, name))] : [])),
];

/** What a relative import leads to: `source/model/job.ts`. */
function targetOf({ path }: File, imported: string): string {
  return relative(root, resolve(root, dirname(path), imported));
}

describe('rooms', () => {
  test('every file stands in one that is known', () => {
    expect(files.filter(({ room }) => !(room in mayImport)).map(({ path }) => path)).toEqual([]);
    expect(files.length).toBeGreaterThan(100);
  });

  test.each(Object.entries(mayImport))('%s imports itself and %j', (room, allowed) => {
    const strangers: string[] = [];
    for (const file of files.filter((one) => one.room === room))
      for (const imported of file.imports.filter((one) => one.startsWith('.'))) {
        const target = targetOf(file, imported);
        const ours = [room, ...allowed].some((one) =>
          one.endsWith('.ts') ? target === `source/${one}` : target.startsWith(`source/${one}/`),
        );
        if (!ours) strangers.push(`${file.path} imports ${target}`);
      }
    expect(strangers).toEqual([]);
  });

  test('nothing imports cli.tsx', () => {
    const importers = files.filter((file) => file.imports.some((one) => targetOf(file, one) === 'cli.tsx'));
    expect(importers.map(({ path }) => path)).toEqual([]);
  });

  test('relative imports name their file', () => {
    const vague = all.flatMap(({ path, imports }) =>
      imports.filter((one) => one.startsWith('.') && !/\.(tsx?|json)$/.test(one)).map((one) => `${path}: ${one}`),
    );
    expect(vague).toEqual([]);
  });
});

describe('purity', () => {
  const forbidden = [
    /\bDate\b/,
    /\bset(Timeout|Interval|Immediate)\b/,
    /\bqueueMicrotask\b/,
    /\bMath\.random\b/,
    /\b(process|console|performance|globalThis|crypto)\b\s*[.[]/,
    /\bfetch\s*\(/,
    /\bawait\b/,
  ];

  test.each(pure)('%s has no clock, no timers, no chance and no I/O', (room) => {
    const found: string[] = [];
    for (const { path, code, imports } of files.filter((one) => one.room === room)) {
      const bare = withoutTexts(code);
      for (const pattern of forbidden) {
        const match = pattern.exec(bare);
        if (match !== null) found.push(`${path}: ${match[0]}`);
      }
      for (const one of imports) if (!one.startsWith('.')) found.push(`${path} imports ${one}`);
    }
    expect(found).toEqual([]);
  });
});

describe('dependencies', () => {
  test.each(Object.entries(doors))('%s comes in by %j', (name, where) => {
    const importers = all.filter(({ imports }) => imports.some((one) => one === name || one.startsWith(`${name}/`)));
    const elsewhere = importers.filter(({ path }) => !where.some((one) => path === one || path.startsWith(`${one}/`)));
    expect(elsewhere.map(({ path }) => path)).toEqual([]);
  });

  test('each that package.json names has a door, and no other package is imported', () => {
    const { dependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    const packages = new Set(
      all.flatMap(({ imports }) => imports.filter((one) => !one.startsWith('.') && !one.startsWith('node:'))),
    );
    const names = [...packages].map((one) =>
      one
        .split('/')
        .slice(0, one.startsWith('@') ? 2 : 1)
        .join('/'),
    );
    expect(names.filter((name) => !(name in dependencies))).toEqual([]);
    expect(Object.keys(dependencies).filter((name) => !(name in doors))).toEqual([]);
  });
});

test('the check reads what it should', () => {
  const code = withoutComments(`
    import type { A } from './a.ts'; // from './no.ts'
    import { B } from "../b.ts"; /* import './no.ts' */
    import './c.ts';
    const d = await import('./d.ts');
    export { e } from './e.ts';
    const text = 'http://x';
    const worker = new URL('./w.ts', import.meta.url);
    import { f } from './f.ts';`);
  expect(importsOf(code)).toEqual(['./a.ts', '../b.ts', './c.ts', './d.ts', './e.ts', './w.ts', './f.ts']);
  expect(withoutTexts('const a = `its process.exit`; process.exit()')).toBe("const a = ''; process.exit()");
});
