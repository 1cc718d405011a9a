/** Many nodes that lose their coordinator at once, and come back to it: with the agent's own link and its waits. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectClient } from '../../source/client/client.ts';
import { systemClock } from '../../source/node/clock.ts';
import { dialOverTcp, type Link, openLink } from '../../source/node/link.ts';
import { startFleet } from '../../source/simulation/fleet.ts';
import { loadSecret } from '../../source/wire/secret.ts';
import { nodeInfo } from '../bench/loopback-node.ts';
import { program, until } from '../helpers/lbtop.ts';

export interface Storm {
  nodes: number;
  /** From the coordinator's listening: until half of them and until all of them had joined again. */
  halfBackMs: number;
  allBackMs: number;
  /** Of the coordinator while they came: its event loop's delays, its memory, the longest answer to a client. */
  loopP99Ms: number;
  loopMaxMs: number;
  grownBytes: number;
  slowestAnswerMs: number;
}

/** Kills the coordinator of so many nodes, starts it again after `outageMs`. */
export async function storm(count: number, outageMs: number): Promise<Storm> {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-storm-'));
  const [node, cli] = program();
  process.env.LOOP_DELAY_FILE = join(directory, 'delay');
  const watched = ['--import', join(import.meta.dirname, '../bench/loop-delay.mjs')];
  const data = join(directory, 'data');
  const fleet = await startFleet({ program: [node, ...watched, cli], directory, data });
  const links: Link[] = [];
  let joined = 0;
  try {
    const { host, port } = fleet;
    const secret = await loadSecret(fleet.secretFile);
    let halfAt = 0;
    let allAt = 0;
    for (let i = 0; i < count; i++)
      links.push(
        member(`node-${i}`, { host, port }, secret, () => {
          joined += 1;
          if (joined === Math.ceil(count / 2)) halfAt = performance.now();
          if (joined === count) allAt = performance.now();
        }),
      );
    await until(() => joined === count);
    await fleet.killCoordinator();
    joined = 0;
    await sleep(outageMs);
    await fleet.restartCoordinator();
    const listeningAt = performance.now();
    const client = await connectClient({ host, port, secret, role: 'operator', who: 'storm', timeoutMs: 20_000 });
    const before = (await client.request('status', {})).rssBytes;
    let slowestAnswerMs = 0;
    await until(async () => {
      const asked = performance.now();
      await client.request('status', {});
      slowestAnswerMs = Math.max(slowestAnswerMs, performance.now() - asked);
      return joined >= count;
    });
    const after = (await client.request('status', {})).rssBytes;
    client.close();
    // What it measured of itself it says at its end; the one before was killed and said nothing.
    await fleet.endCoordinator();
    const [delays = ''] = readdirSync(directory).filter((name) => name.startsWith('delay-'));
    const { maxMs, p99Ms } = JSON.parse(readFileSync(join(directory, delays), 'utf8')) as Record<string, number>;
    return {
      nodes: count,
      halfBackMs: halfAt - listeningAt,
      allBackMs: allAt - listeningAt,
      loopP99Ms: p99Ms as number,
      loopMaxMs: maxMs as number,
      grownBytes: after - before,
      slowestAnswerMs,
    };
  } finally {
    delete process.env.LOOP_DELAY_FILE;
    for (const link of links) link.close('over');
    await fleet.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A node that has no work: it joins, and sends a heartbeat every second. `joined` is called each time that it has. */
export function member(name: string, at: { host: string; port: number }, secret: Buffer, joined: () => void): Link {
  let seq = 0;
  const sample = { cpu: 0, cpuOurs: 0, memoryUsed: 0, memoryOurs: 0, load1: 0, running: 0, waiting: 0 };
  const beat = (): void => {
    if (link.state === 'closed') return;
    link.send({ kind: 'heartbeat', seq: seq++, seen: 0, sample });
    systemClock.after(1_000, beat);
  };
  const link = openLink({
    coordinators: [at],
    secret,
    who: name,
    version: 'storm',
    dial: dialOverTcp,
    clock: systemClock,
    random: Math.random,
    log: () => {},
    opened() {
      link.send({
        kind: 'join',
        name,
        incarnation: name,
        info: nodeInfo(1),
        running: [],
        waiting: [],
        ended: [],
        joins: 0,
        receipt: null,
        beatEvery: link.beatEvery,
      });
    },
    messages(batch) {
      for (const message of batch) {
        if (message.kind !== 'joined') continue;
        link.trust();
        joined();
      }
    },
    drained: () => {},
    lost: () => {},
    refused(error) {
      throw error;
    },
  });
  systemClock.after(Math.random() * 1_000, beat);
  return link;
}

/** Prints how a thousand came back, after a moment and after a while. */
export async function showStorm(): Promise<void> {
  for (const outageMs of [1_000, 20_000]) {
    const seen = await storm(1_000, outageMs);
    const ms = (one: number) => `${Math.round(one)} ms`;
    console.log(
      `${seen.nodes} nodes, coordinator away for ${outageMs / 1_000} s: half are back ${ms(seen.halfBackMs)} after it listens, ` +
        `all after ${ms(seen.allBackMs)}; its loop is late by ${ms(seen.loopP99Ms)} (p99), ${ms(seen.loopMaxMs)} at most; ` +
        `it answers within ${ms(seen.slowestAnswerMs)}; ${Math.round(seen.grownBytes / 2 ** 20)} MiB more memory`,
    );
    if (seen.allBackMs > 20_000 || seen.loopP99Ms > 100 || seen.grownBytes > 200 * 2 ** 20) process.exitCode = 1;
  }
}
