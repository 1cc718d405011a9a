import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { trials } from '../chaos/run.ts';
import { program } from '../helpers/lbtop.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/reliability.md'), 'utf8');

test('the trials of the page are those that run', () => {
  const named = [...page.matchAll(/`npm run chaos -- ([\w-]+)`/g)].map(([, name = '']) => name);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((name) => !(name in trials))).toEqual([]);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

test('the session of the page goes as it says', { timeout: 120_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-page-'));
  const port = await freePort();
  const [node, cli] = program();
  writeFileSync(join(directory, 'lbtop'), `#!/bin/sh\nexec '${node}' '${cli}' "$@"\n`, { mode: 0o755 });
  const [block = ''] = [...page.matchAll(/^```sh\n(.*?)^```/gms)].map(([, text = '']) => text);
  const env = {
    PATH: `${directory}${delimiter}${process.env.PATH}`,
    HOME: directory,
    XDG_STATE_HOME: join(directory, 'state'),
    XDG_CONFIG_HOME: join(directory, 'config'),
    LBTOP_PORT: String(port),
    LBTOP_CONNECT: `127.0.0.1:${port}`,
  };
  // What the session leaves running ends with it.
  const script = `trap 'kill $(jobs -p)' EXIT\n${block}`;
  try {
    const { stdout } = await promisify(execFile)('bash', ['-c', script], { cwd: directory, env });
    const said = stdout.trimEnd().split('\n');
    expect([said.filter((line) => line === '12').length, said.includes('1')]).toEqual([2, true]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
