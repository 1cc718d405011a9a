import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { wordNames } from '../../source/client/flags.ts';

const root = resolve(import.meta.dirname, '../..');

/** What is loaded with a file: project files by path, packages and node's own modules by name. `import type` loads nothing. */
function loadedWith(entry: string): Set<string> {
  const loaded = new Set<string>();
  const waiting = [entry];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    if (loaded.has(file)) continue;
    loaded.add(file);
    if (!/\.tsx?$/.test(file)) continue;
    const text = readFileSync(join(root, file), 'utf8');
    for (const [, names, from = ''] of text.matchAll(
      /^(?:import|export)\s+(type\s[^;]*?|[^;]*?)from\s+'([^']+)';/gms,
    )) {
      if (names?.startsWith('type ')) continue;
      waiting.push(from.startsWith('.') ? relative(root, join(root, dirname(file), from)) : from);
    }
  }
  return loaded;
}

test('what is typed is read without a package, the interface, or any room but client, model and wire', () => {
  const loaded = [...loadedWith('cli.tsx')];
  expect(loaded).toContain('source/client/command-line.ts');
  for (const one of loaded) expect(one).toMatch(/^(cli\.tsx|source\/(client|model|wire)\/.*|node:.*)$/);
  expect(loaded).not.toContain('source/client/client.ts');
});

/** They ask no coordinator; their code is in the simulation room. */
const local: readonly string[] = ['simulate', 'whatif', 'trace'];

test.each(wordNames.filter((word) => !local.includes(word)))('%s loads one package, msgpackr', (word) => {
  const files: Record<string, string> = {
    cancel: 'end',
    retry: 'end',
    purge: 'end',
    pause: 'operate',
    resume: 'operate',
    throttle: 'operate',
  };
  const loaded = [
    ...loadedWith(`source/client/words/${files[word] ?? word}.ts`),
    ...loadedWith('source/client/find.ts'),
  ];
  for (const one of loaded) expect(one).toMatch(/^(source\/(client|model|wire)\/.*|node:.*|msgpackr\/(un)?pack)$/);
});

test('a word without an engine does without node:http, which loads more than all else together', () => {
  for (const entry of ['cli.tsx', 'source/client/main.ts', 'source/client/words/status.ts', 'source/client/find.ts'])
    expect([...loadedWith(entry)]).not.toContain('node:http');
});

test('the face for programs stays in its room too', () => {
  for (const one of loadedWith('source/client/index.ts'))
    expect(one).toMatch(/^(source\/(client|model|wire)\/.*|node:.*|msgpackr\/(un)?pack)$/);
});
