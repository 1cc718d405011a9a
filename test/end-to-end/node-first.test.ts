/** A node that is started before the coordinator of its machine, on a machine where there never was one. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { freePort } from '../../source/coordinator/engine-durable.ts';
import { cleanEnvironment } from '../../source/simulation/fleet.ts';
import { finished, program, until } from '../helpers/lbtop.ts';

function start(args: readonly string[], env: NodeJS.ProcessEnv) {
  const [node, script] = program();
  return spawn(node, [script, ...args], { env, stdio: 'pipe' });
}

test('it waits for the secret, says so in one line, and joins', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-first-'));
  const env = cleanEnvironment(directory);
  const address = `127.0.0.1:${await freePort('127.0.0.1')}`;
  const node = start(['--node', '--name', 'early', '--connect', address], env);
  let [said, complained] = ['', ''];
  node.stdout?.on('data', (text) => {
    said += text;
  });
  node.stderr?.on('data', (text) => {
    complained += text;
  });
  const secret = join(directory, 'state', 'lbtop', 'secret');
  await until(() => complained !== '');
  const coordinator = start(
    ['--coordinator', '--headless', '--data', 'none', '--port', String(address.split(':')[1])],
    env,
  );
  try {
    await until(() => said.includes('joined as early'));
    expect(complained).toBe(`lbtop: no secret at ${secret} yet: waiting for the coordinator that makes it\n`);
    // What nobody here will make is told at once.
    for (const args of [
      ['--connect', address, '--secret-file', join(directory, 'none')],
      ['--connect', '192.0.2.1:7077'],
    ]) {
      const elsewhere = { ...env, XDG_STATE_HOME: join(directory, 'elsewhere') };
      const ended = await finished(start(['--node', ...args], elsewhere));
      expect(ended).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/^lbtop: no secret at .*--secret-file.*\n$/),
      });
    }
  } finally {
    node.kill('SIGKILL');
    coordinator.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  }
});
