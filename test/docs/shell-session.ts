/** Runs the shell blocks of a page as a reader would: in order, in one directory, with the built program as `lbtop`. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { program } from '../helpers/lbtop.ts';

/** Returns the text of the blocks of a language, in order. */
export function blocksOf(page: string, language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'gms'))].map(([, text = '']) => text);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Less than a test may take: what such a script left running is ended then, too. */
const mostMs = 150_000;

/** What a script prints to stderr and stdout, together with its files, is gone afterwards; what it left running is ended. */
export async function runSession(script: string): Promise<{ stdout: string; stderr: string }> {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-page-'));
  const port = await freePort();
  const [node, cli] = program();
  writeFileSync(join(directory, 'lbtop'), `#!/bin/sh\nexec '${node}' '${cli}' "$@"\n`, { mode: 0o755 });
  const env = {
    PATH: `${directory}${delimiter}${process.env.PATH}`,
    HOME: directory,
    XDG_STATE_HOME: join(directory, 'state'),
    XDG_CONFIG_HOME: join(directory, 'config'),
    LBTOP_PORT: String(port),
    LBTOP_CONNECT: `127.0.0.1:${port}`,
  };
  try {
    const all = `trap 'kill $(jobs -p)' EXIT\n${script}`;
    return await promisify(execFile)('bash', ['-c', all], { cwd: directory, env, maxBuffer: 1 << 26, timeout: mostMs });
  } finally {
    rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** A coordinator and a node for sessions that say nothing of how they came to be, and an end at the first mistake. */
export const fleetOfOne = `set -e
lbtop --coordinator --headless --data none --cpu-limit 100 > coordinator.log &
until lbtop status > /dev/null 2>&1; do sleep 0.1; done
lbtop --node --name one --slots 2 > one.log &
until lbtop nodes 2> /dev/null | grep -q one; do sleep 0.1; done
`;
