import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type JobSpec, jobSpec } from '../../source/model/job.ts';
import { limits } from '../../source/model/limits.ts';
import type { VerbArgs } from '../../source/wire/verbs.ts';
import { fakeCoordinator } from './fake-coordinator.ts';
import { fakeIo, lbtop } from './fake-io.ts';
import { jobRow } from './rows.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-items-'));
afterAll(() => rmSync(directory, { recursive: true }));

function fileOf(content: string | Uint8Array): string {
  const file = join(directory, `${Math.random()}`);
  writeFileSync(file, content);
  return file;
}

/** Submits; resolves with what arrived. */
async function submit(typed: string | readonly string[], io = fakeIo({ cwd: directory })) {
  const chunks: string[][] = [];
  const specs: JobSpec[] = [];
  let underWay = 0;
  let most = 0;
  const coordinator = fakeCoordinator({
    async upload({ items }) {
      most = Math.max(most, ++underWay);
      chunks.push(items);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return {};
    },
    submit({ spec }: VerbArgs<'submit'>) {
      specs.push(spec);
      return {
        job: 7,
        tasks: spec.span.count,
        existing: spec.key === 'there',
        never: spec.cpus > 64 ? 'no node has what it asks for: 3 lack 65 slots' : null,
      };
    },
    wait: () => [[jobRow()]],
  });
  const argv = typeof typed === 'string' ? typed.split(' ') : typed;
  const ran = await lbtop(['submit', ...argv], coordinator, io);
  return { ...ran, asked: coordinator.asked, spec: specs[0], chunks, items: chunks.flat(), most };
}

const base = { argv: [], shell: false, task: '', input: null };

describe('what is submitted', () => {
  test('a command', async () => {
    const { code, out, spec, asked } = await submit('-- sha256sum -b notes.txt');
    expect({ code, out }).toEqual({ code: 0, out: '7\n' });
    expect(spec).toEqual(
      jobSpec({
        name: 'sha256sum',
        work: { ...base, kind: 'command', argv: ['sha256sum', '-b', 'notes.txt'] },
        cwd: directory,
      }),
    );
    expect(asked.map(({ verb }) => verb)).toEqual(['submit']);
  });

  test('--json is the job and its number of tasks', async () => {
    expect((await submit('--json --array 1-1000 -- true')).out).toBe('{"job":7,"tasks":1000}\n');
  });

  test('every option has its field', async () => {
    const stdin = fileOf('hello');
    const { spec } = await submit([
      ...'--name n --array 0-8:4 --shell --cpus 2 --memory 1G --resource gpu=1 --on zone=a --priority 3 --retries 2'.split(
        ' ',
      ),
      ...'--backoff 5s --timeout 1m --after 3,4 --max-fails 9 --limit 5 --key k --env A=b --cwd sub'.split(' '),
      '--stdin',
      stdin,
      '--',
      'echo {#} |',
      'cat',
    ]);
    expect(spec).toMatchObject({
      name: 'n',
      work: { ...base, kind: 'command', shell: true, argv: ['echo {#} | cat'] },
      span: { count: 3, first: 0, step: 4 },
      items: 'none',
      cpus: 2,
      memoryBytes: 2 ** 30,
      resources: { gpu: 1 },
      labels: { zone: 'a' },
      priority: 3,
      retries: 2,
      backoffMs: 5_000,
      noRetry: false,
      timeoutMs: 60_000,
      after: [3, 4],
      maxFails: 9,
      limit: 5,
      key: 'k',
      env: { A: 'b' },
      cwd: join(directory, 'sub'),
    });
    expect(Buffer.from(spec?.stdin ?? []).toString()).toBe('hello');
  });

  test('a task by name, with its input', async () => {
    const { spec } = await submit(['--task', 'increment', '--input', '[1,2,{"a":null}]', '--no-retry']);
    expect(spec).toMatchObject({
      name: 'increment',
      work: { ...base, kind: 'task', task: 'increment', input: [1, 2, { a: null }] },
      noRetry: true,
      cwd: null,
    });
  });

  test('a key that was there already is told on stderr', async () => {
    expect(await submit('--key there -- true')).toMatchObject({
      code: 0,
      out: '7\n',
      err: 'lbtop: job 7 has this key already: nothing new was queued\n',
    });
  });

  test('what no node could ever run is taken, and said at once', async () => {
    expect(await submit('--cpus 65 -- true')).toMatchObject({
      code: 0,
      out: '7\n',
      err: 'lbtop: job 7 waits: no node has what it asks for: 3 lack 65 slots; it runs when a node that has it joins\n',
    });
  });

  test('--wait ends as wait does', async () => {
    const { code, asked } = await submit('--wait -- true');
    expect(code).toBe(0);
    expect(asked.map(({ verb }) => verb)).toEqual(['submit', 'wait']);
  });

  test.each<[string | string[], string]>([
    ['', 'no command: put it after --'],
    ['--task sleep -- ls', 'a job is a command or a --task, not both'],
    ['--input 1 -- ls', '--input is for a --task'],
    ['--task sleep --shell', '--shell is for commands'],
    ['--array 1-2 --each-line f -- ls', '--array and --each-line: choose one'],
    ['--each-line - --stdin - -- cat', 'standard input can be the items or --stdin, not both'],
    ['--task sleep --input 1 --each-line f', '--input and items'],
    ['--no-retry --retries 1 -- ls', '--no-retry and --retries'],
    ['--stdin nothing-here -- ls', 'cannot read nothing-here: no such file'],
    [['--', 'a\0b'], 'an argument of the command holds a NUL'],
    [['--', ''], 'the name of the command is empty'],
  ])('%j is wrong usage', async (typed, says) => {
    const { code, err, spec } = await submit(typed === '' ? [] : typed);
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(spec).toBe(undefined);
  });
});

describe('--each-line', () => {
  test.each<[string, string, string[]]>([
    ['a last line without end counts', 'a\nb', ['a', 'b']],
    ['an end ends a line and begins none', 'a\nb\n', ['a', 'b']],
    ['empty lines count', 'a\n\nb\n\n', ['a', '', 'b', '']],
    ['ends of DOS', 'a\r\nb\r\n', ['a', 'b']],
    ['only the last carriage return goes', 'a\r\r\n', ['a\r']],
    ['blanks stay', '  a b\t\n', ['  a b\t']],
    ['letters of all kinds', 'ä\n日本\n😀\n', ['ä', '日本', '😀']],
    ['one empty line', '\n', ['']],
  ])('%s', async (_, content, items) => {
    const ran = await submit(['--each-line', fileOf(content), '--', 'cat', '{}']);
    expect(ran.items).toEqual(items);
    expect(ran.spec).toMatchObject({ items: 'lines', span: { count: items.length, first: 0, step: 1 } });
  });

  test('from standard input, however it is cut', async () => {
    const text = Buffer.from('erste ä\nzweite 日\ndritte\n');
    for (let cut = 1; cut < 8; cut++) {
      const stdin = Array.from({ length: Math.ceil(text.length / cut) }, (_, i) =>
        text.subarray(i * cut, (i + 1) * cut),
      );
      expect((await submit('--each-line - -- cat', fakeIo({ stdin }))).items).toEqual([
        'erste ä',
        'zweite 日',
        'dritte',
      ]);
    }
  });

  test.each<[string, string | Uint8Array, string]>([
    ['nothing', '', 'has no items: there is nothing to do'],
    ['not UTF-8', Buffer.from([0x61, 0x0a, 0xff, 0x0a]), 'line 2 of'],
    ['a NUL', 'a\nb\nc\0d\n', 'line 3 of'],
    ['a line that is too long', 'x'.repeat(limits.itemBytes + 1), 'longer than'],
    ['no end of line', Buffer.alloc(limits.itemBytes * 4, 'x'), 'line 1 of'],
  ])('%s is refused', async (_, content, says) => {
    const { code, err, spec } = await submit(['--each-line', fileOf(content), '--', 'cat']);
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(spec).toBe(undefined);
  });

  test('what cannot be read', async () => {
    expect(await submit(['--each-line', directory, '--', 'cat'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('it is a directory'),
    });
    expect(await submit(['--each-line', 'gone', '--', 'cat'])).toMatchObject({
      code: 2,
      err: 'lbtop: cannot read gone: no such file\n',
    });
  });

  test('a hundred thousand lines go in chunks, a few under way', async () => {
    const lines = Array.from({ length: 100_000 }, (_, i) => `line ${i}`);
    const { items, chunks, most, spec } = await submit(['--each-line', fileOf(lines.join('\n')), '--', 'cat']);
    expect(items).toEqual(lines);
    expect(Math.max(...chunks.map(({ length }) => length))).toBe(limits.itemsPerUpload);
    expect(most).toBeLessThanOrEqual(4);
    expect(spec?.span.count).toBe(100_000);
  });

  test('long lines go in small chunks', async () => {
    const lines = Array.from({ length: 100 }, () => 'ü'.repeat(100_000));
    const { items, chunks } = await submit(['--each-line', fileOf(lines.join('\n')), '--', 'cat']);
    expect(items).toEqual(lines);
    for (const chunk of chunks) expect(Buffer.byteLength(chunk.join(''))).toBeLessThan(limits.frameBytes / 2);
  });
});

describe('--each-json', () => {
  test.each<[string, string, string[]]>([
    ['one array', '[1, "a", {"b": [2]}]', ['1', '"a"', '{"b":[2]}']],
    ['one array over lines', '[\n  1,\n  [2,\n 3]\n]\n', ['1', '[2,3]']],
    ['a value a line', '{"a":1}\n2\n"c"\n', ['{"a":1}', '2', '"c"']],
    ['an array a line', '[1,2]\n[3]\n', ['[1,2]', '[3]']],
    ['empty lines do not count', '\n1\n\n 2 \n', ['1', '2']],
    ['numbers as they are written', '12345678901234567890\n1.0\n', ['12345678901234567890', '1.0']],
  ])('%s', async (_, content, items) => {
    const ran = await submit(['--task', 'sum-up', '--each-json', fileOf(content)]);
    expect(ran.items).toEqual(items);
    expect(ran.spec).toMatchObject({ items: 'json', span: { count: items.length } });
  });

  test.each([
    ['', 'has no items'],
    ['[]', 'has no items'],
    ['1\n{"a"\n', 'line 2 of'],
    ['{"a":\n1}', 'line 1 of'],
    ['[1,\n2', 'is not JSON'],
  ])('%j is refused', async (content, says) => {
    expect(await submit(['--task', 'sum-up', '--each-json', fileOf(content)])).toMatchObject({
      code: 2,
      err: expect.stringContaining(says),
    });
  });
});
