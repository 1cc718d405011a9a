import { spawn, spawnSync } from 'node:child_process';
import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { OutputClosed, outputOf, printJson, printJsonArray } from '../../source/client/io.ts';
import { fakeOutput } from './fake-io.ts';

test('a pipe that nobody reads any more', async () => {
  // A real pipe: `head` goes away after one line while we go on.
  const script = `
    import { outputOf, OutputClosed } from ${JSON.stringify(new URL('../../source/client/io.ts', import.meta.url).href)};
    const output = outputOf(process.stdout, process.env);
    let lines = 0;
    try {
      for (; lines < 1_000_000; lines++) await output.write('a line\\n'.repeat(100)).then(() => new Promise(setImmediate));
    } catch (error) {
      if (!(error instanceof OutputClosed)) throw error;
      process.stderr.write('closed ' + (lines < 1_000_000));
    }
  `;
  const child = spawn('sh', ['-c', `"$0" --input-type=module -e "$1" | head -1`, process.execPath, script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const parts = { out: '', err: '' };
  child.stdout.on('data', (data) => (parts.out += data));
  child.stderr.on('data', (data) => (parts.err += data));
  await new Promise((resolve) => child.on('close', resolve));
  expect(parts).toEqual({ out: 'a line\n', err: 'closed true' });
});

test('waits for a slow reader, and learns that it went', async () => {
  const taken: (() => void)[] = [];
  const slow = new Writable({ highWaterMark: 10, write: (_chunk, _encoding, done) => void taken.push(done) });
  const output = outputOf(slow, {});
  let written = false;
  const write = output.write('more than ten bytes').then(() => {
    written = true;
  });
  await new Promise(setImmediate);
  expect(written).toBe(false);
  taken[0]?.();
  await write;
  expect(written).toBe(true);
  const last = output.write('more than ten bytes');
  slow.destroy(new Error('EPIPE'));
  await expect(last).rejects.toThrow(OutputClosed);
  await expect(output.write('x')).rejects.toThrow(OutputClosed);
});

test('a disk that is full is told: what was written is not whole', async () => {
  const io = new URL('../../source/client/io.ts', import.meta.url).href;
  const script = `
    import { outputOf } from ${JSON.stringify(io)};
    const output = outputOf(process.stdout, process.env);
    const told = (error) => process.stderr.write(error.name + ': ' + error.message + '\\n');
    await output.write('a line\\n').catch(() => {}); // it may not know yet
    await output.settled().catch(told);
    await output.write('more').catch(told);
  `;
  const write = (to: string) =>
    spawnSync('sh', ['-c', `"$0" --input-type=module -e "$1" ${to}`, process.execPath, script], { encoding: 'utf8' });
  const full = write('>/dev/full').stderr.trimEnd().split('\n');
  expect(full).toEqual(Array(2).fill(expect.stringMatching(/^LbtopError: the output could not be written.*: ENOSPC/)));
  expect(write('>/dev/null').stderr).toBe('');
});

test.each<[Record<string, string>, boolean, boolean]>([
  [{}, true, true],
  [{}, false, false],
  [{ NO_COLOR: '1' }, true, false],
  [{ NO_COLOR: '' }, true, true],
  [{ TERM: 'dumb' }, true, false],
  [{ FORCE_COLOR: '1' }, false, true],
  [{ FORCE_COLOR: '0' }, true, false],
  [{ FORCE_COLOR: '1', NO_COLOR: '1' }, true, false],
])('%j on a terminal %j: colour %j', (env, isTTY, colour) => {
  const stream = Object.assign(new Writable(), { isTTY });
  expect(outputOf(stream, env).colour).toBe(colour);
});

test('an array of JSON is one value, however it comes', async () => {
  async function* pages(...all: unknown[][]) {
    yield* all;
  }
  for (const all of [[], [[]], [[1]], [[1, 2], [], [{ a: '\x9b\u202e' }]]]) {
    const output = fakeOutput();
    await printJsonArray(output, pages(...all));
    expect(JSON.parse(output.text())).toEqual(all.flat());
    expect(output.text()).toMatch(/^[\x20-\x7e\n]*$/);
  }
});

test('JSON is one line that no terminal obeys', async () => {
  const output = fakeOutput();
  const value = { a: '\x1b[31m\n\x9b\u202e\u2028\ufeff' };
  await printJson(output, value);
  expect(output.text()).toMatch(/^[\x20-\x7e]*\n$/);
  expect(JSON.parse(output.text())).toEqual(value);
});
