/** Many who connect and hardly speak, and one who belongs here and comes meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectClient } from '../../source/client/client.ts';
import { startFleet } from '../../source/simulation/fleet.ts';
import { loadSecret } from '../../source/wire/secret.ts';
import { program, until } from '../helpers/lbtop.ts';
import { member } from './storm.ts';

export interface SlowSockets {
  sockets: number;
  /** How often one of them was cut and came again. */
  cameAgain: number;
  /** How long each node took from its first try until it had joined. */
  joinsMs: number[];
  /** The same for nodes that came before the slow ones. */
  quietJoinsMs: number[];
  /** Memory of the coordinator with them and without. */
  grownBytes: number;
  /** Lines that it logged about them. */
  lines: number;
}

/** The beginning of a TLS handshake that never gets far: a record of 512 bytes, and its first bytes. */
const hello = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03, ...Array(500).fill(7)]);
const againMs = 1_000;

/** Keeps so many sockets at a coordinator, each with a byte a second, and lets `joins` nodes come one after the other. */
export async function slowSockets(count: number, joins: number): Promise<SlowSockets> {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-slow-'));
  const [node, cli] = program();
  let lines = 0;
  const fleet = await startFleet({ program: [node, cli], directory, log: () => lines++ });
  const { host, port } = fleet;
  const slow = slowSpeakers(host, port);
  try {
    const secret = await loadSecret(fleet.secretFile);
    const client = await connectClient({ host, port, secret, role: 'operator', who: 'slow', timeoutMs: 20_000 });
    const joinOne = async (name: string): Promise<number> => {
      const began = performance.now();
      const { promise, resolve } = Promise.withResolvers<number>();
      const link = member(name, { host, port }, secret, () => resolve(performance.now() - began));
      const tookMs = await promise;
      link.close('joined');
      return tookMs;
    };
    const quietJoinsMs: number[] = [];
    for (let i = 0; i < joins; i++) quietJoinsMs.push(await joinOne(`quiet-${i}`));
    const before = (await client.request('status', {})).rssBytes;
    const linesBefore = lines;
    slow.add(count);
    await until(() => slow.dialled >= count);
    const joinsMs: number[] = [];
    for (let i = 0; i < joins; i++) {
      joinsMs.push(await joinOne(`late-${i}`));
      await sleep(200);
    }
    const after = (await client.request('status', {})).rssBytes;
    client.close();
    const cameAgain = slow.dialled - count;
    return { sockets: count, cameAgain, joinsMs, quietJoinsMs, grownBytes: after - before, lines: lines - linesBefore };
  } finally {
    slow.close();
    await fleet.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Sockets that say one byte a second of something that looks like a beginning, and come again when they are cut. */
function slowSpeakers(host: string, port: number) {
  const sockets = new Map<Socket, number>();
  let closed = false;
  let dialled = 0;

  function dial(): void {
    if (closed) return;
    const socket = connectTcp(port, host);
    sockets.set(socket, 0);
    dialled += 1;
    socket.on('error', () => {}); // 'close' follows
    socket.on('close', () => {
      sockets.delete(socket);
      setTimeout(dial, againMs).unref();
    });
  }

  const timer = setInterval(() => {
    for (const [socket, said] of sockets) {
      if (socket.readyState !== 'open') continue;
      socket.write(hello.subarray(said % hello.length, (said % hello.length) + 1));
      sockets.set(socket, said + 1);
    }
  }, 1_000);

  return {
    /** Dials spread over a second, as 2,000 machines would not be of one beat either. */
    add(count: number) {
      for (let i = 0; i < count; i++) setTimeout(dial, (i / count) * 1_000);
    },
    get dialled() {
      return dialled;
    },
    close() {
      closed = true;
      clearInterval(timer);
      for (const socket of sockets.keys()) socket.destroy();
    },
  };
}

/** Prints how nodes joined beside 2,000 slow sockets. */
export async function showSlowSockets(): Promise<void> {
  const seen = await slowSockets(2_000, 50);
  const ms = (values: number[]) => {
    const sorted = values.toSorted((a, b) => a - b);
    return `${Math.round(sorted[sorted.length >> 1] as number)} ms (median), ${Math.round(sorted.at(-1) as number)} ms at most`;
  };
  console.log(
    `${seen.sockets} sockets of 1 byte a second, cut and back ${seen.cameAgain} times: ${seen.joinsMs.length} nodes join within ` +
      `${ms(seen.joinsMs)} (${ms(seen.quietJoinsMs)} without them); the coordinator takes ` +
      `${Math.round(seen.grownBytes / 2 ** 20)} MiB more memory and logs ${seen.lines} lines`,
  );
  if (Math.max(...seen.joinsMs) > 1_000) process.exitCode = 1;
}
