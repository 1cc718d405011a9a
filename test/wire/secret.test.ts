import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LbtopError } from '../../source/model/errors.ts';
import {
  loadOrCreateSecret,
  loadSecret,
  newSecret,
  secretAgain,
  secretText,
  secretThere,
} from '../../source/wire/secret.ts';

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lbtop-'));
  file = join(directory, 'state', 'lbtop', 'secret');
});

afterEach(() => rmSync(directory, { recursive: true }));

async function failure(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => expect.unreachable('it should have failed'),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LbtopError);
  expect((error as LbtopError).code).toBe('usage');
  return (error as LbtopError).message;
}

test('is made once, for its owner only, whatever the umask', async () => {
  const umask = process.umask(0);
  try {
    const secret = await loadOrCreateSecret(file);
    expect(secret).toHaveLength(32);
    expect(await loadOrCreateSecret(file)).toEqual(secret);
    expect(await loadSecret(file)).toEqual(secret);
    expect(readFileSync(file, 'utf8')).toBe(`${secret.toString('base64url')}\n`);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'state', 'lbtop')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(directory, 'state', 'lbtop'))).toEqual(['secret']);
  } finally {
    process.umask(umask);
  }
});

test('is the same for all who make it at once', async () => {
  const module = new URL('../../source/wire/secret.ts', import.meta.url).href;
  const script = `import { loadOrCreateSecret } from '${module}';
    const all = await Promise.all(Array.from({ length: 20 }, () => loadOrCreateSecret(process.argv[1])));
    console.log(new Set(all.map((one) => one.toString('hex'))).size, all[0].toString('hex'));`;
  const run = () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script, file]);
  const outputs = (await Promise.all([run(), run(), run()])).map(({ stdout }) => stdout);
  expect(outputs).toEqual(Array(3).fill(`1 ${(await loadSecret(file)).toString('hex')}\n`));
  expect(readdirSync(join(directory, 'state', 'lbtop'))).toEqual(['secret']);
});

test('is not read where others could read it too', async () => {
  await loadOrCreateSecret(file);
  for (const mode of [0o640, 0o604, 0o620, 0o666]) {
    chmodSync(file, mode);
    expect(await failure(loadSecret(file))).toBe(`others than its owner can read the secret: run chmod 600 ${file}`);
    expect(await failure(loadOrCreateSecret(file))).toContain('chmod 600');
  }
});

test('that is missing says where it was looked for and what to do', async () => {
  expect(await failure(loadSecret(file))).toBe(
    `no secret at ${file}: start a coordinator here, or say with --secret-file where its secret is, or a token (lbtop token create)`,
  );
});

test.each([
  ['nothing', ''],
  ['too little', 'c2hvcnQ\n'],
  ['two lines', `${'a'.repeat(43)}\n${'b'.repeat(43)}\n`],
  ['other characters', `${'+'.repeat(43)}\n`],
  ['a large file', 'a'.repeat(100_000)],
])('that holds %s says so and shows none of it', async (_what, text) => {
  const path = join(directory, 'secret');
  writeFileSync(path, text, { mode: 0o600 });
  const message = await failure(loadSecret(path));
  expect(message).toContain('does not hold a secret');
  expect(message).not.toContain('aaa');
});

test('that is read again is the one that the file holds now; where there is none that can be read, the one before', async () => {
  const said: string[] = [];
  const first = await loadOrCreateSecret(file);
  const read = secretAgain(
    () => loadSecret(file),
    first,
    (line) => said.push(line),
  );
  const second = newSecret();
  writeFileSync(file, secretText(second));
  expect(await read()).toEqual(second);
  for (const unreadable of ['half of', '']) {
    writeFileSync(file, unreadable);
    expect([await read(), await read()]).toEqual([second, second]);
  }
  expect(said).toEqual([expect.stringMatching(/^the secret stays what it was: .* does not hold a secret/)]);
  const third = newSecret();
  writeFileSync(file, secretText(third));
  expect(await read()).toEqual(third);
});

test('that is to come is waited for, and told of once', async () => {
  const said: string[] = [];
  const there = secretThere(file, (line) => said.push(line));
  let come = false;
  void there.then(() => {
    come = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect([come, said]).toEqual([false, [`no secret at ${file} yet: waiting for the coordinator that makes it`]]);
  await loadOrCreateSecret(file);
  await there;
  expect(said).toHaveLength(1);
  await secretThere(file, () => expect.unreachable());
});

test('that cannot be made or read says why', async () => {
  writeFileSync(join(directory, 'state'), '');
  expect(await failure(loadOrCreateSecret(file))).toContain('cannot make the secret');
  expect(await failure(loadSecret(directory))).toContain('cannot read the secret');
});
