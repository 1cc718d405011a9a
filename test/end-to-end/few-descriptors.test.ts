/** A coordinator that has no file descriptor left for one more connection. */

import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { connectClient } from '../../source/client/client.ts';
import { startFleet } from '../../source/simulation/fleet.ts';
import { loadSecret } from '../../source/wire/secret.ts';
import { program, until } from '../helpers/lbtop.ts';

test.skipIf(process.platform !== 'linux')('it goes on, and takes connections again when there are some', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-few-'));
  const data = join(directory, 'data');
  const few = ['/bin/sh', '-c', 'ulimit -n 64; exec "$0" "$@"', ...program()] as [string, ...string[]];
  const fleet = await startFleet({ program: few, directory, data, arguments: ['--cpu-limit', '100'] });
  const sockets: Socket[] = [];
  try {
    const { host, port } = fleet;
    const at = { host, port, secret: await loadSecret(fleet.secretFile), who: 'few', timeoutMs: 20_000 };
    const connected = () => connectClient({ ...at, role: 'operator' }).catch(() => null);
    const before = await connectClient({ ...at, role: 'operator' });
    for (let i = 0; i < 120; i++) sockets.push(connectTcp(port, host).on('error', () => {}));
    await until(() => sockets.every((socket) => !socket.connecting));
    await sleep(500); // it accepts what it can meanwhile
    // Who was there before is answered, and what is said is durable.
    const { policy } = await before.request('status', {});
    expect(policy).toBe('least-load');
    await before.request('pause-queue', { paused: true, reason: '' });
    for (const socket of sockets) socket.destroy();
    const released = performance.now();
    // It has to see that they are gone first.
    let after = await connected();
    await until(async () => {
      after ??= await connected();
      return after !== null;
    });
    expect((await after?.request('status', {}))?.queuePaused).toBe(true);
    expect(performance.now() - released).toBeLessThan(5_000);
    after?.close();
    before.close();
  } finally {
    for (const socket of sockets) socket.destroy();
    await fleet.stop();
    rmSync(directory, { recursive: true, force: true });
  }
});
