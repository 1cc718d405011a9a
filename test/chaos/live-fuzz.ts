/**
 * Changed frames at a coordinator that works: sent over connections that hold the right key, by peers that are welcome as
 * nodes, submitters and viewers. It has to stay, without growing, and its own work has to be done once.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { places, readCoordinatorFile } from '../../source/client/places.ts';
import type { ResultRow } from '../../source/model/report.ts';
import { processMemory } from '../../source/node/process-stat.ts';
import { frameOf } from '../../source/wire/frame.ts';
import type { Role } from '../../source/wire/messages.ts';
import { loadSecret } from '../../source/wire/secret.ts';
import { framePayloads } from '../fuzz/frames.ts';
import { caseRandom, mutated } from '../fuzz/mutations.ts';
import { startCluster, until } from '../helpers/lbtop.ts';
import { judge, ledgerCommand } from './ledger.ts';
import { withLittleHeap } from './little-heap.ts';
import { rawPeer } from './raw-peer.ts';

export interface LiveFuzz {
  frames: number;
  connections: number;
  /** How many of the connections were welcome; and ended how, by the first words of what they were told. */
  welcome: number;
  ends: Record<string, number>;
  /** Growth of the coordinator's resident memory since a tenth of the frames were sent. */
  grownBytes: number;
  /** The longest that somebody who asked meanwhile waited for `status`. */
  slowestMs: number;
  /** Whether the same process of the coordinator was there at the end. */
  lived: boolean;
  /** What became of its own work. */
  lost: number;
  counted: number;
  restarted: number;
  runAgain: number;
}

/** An operator may end the coordinator: that is no fault of it. */
const fuzzed: readonly Role[] = ['node', 'submitter', 'viewer'];
/** After the first that makes no sense the rest is not read. */
const framesPerConnection = 3;

/** Sends so many frames, from `atOnce` peers at a time, while tasks of so many seconds run. */
export async function fuzzLive(frames: number, atOnce: number, taskSeconds: number): Promise<LiveFuzz> {
  await using cluster = await withLittleHeap(() => startCluster([], undefined, { durable: true }));
  const { host, port, secretFile, environment } = cluster.fleet;
  // What they submit by chance is not carried out: this node runs its ledger's commands alone.
  const real = ['--slots', '4', '--label', 'real=yes', '--allow', 'sh -c *'];
  cluster.fleet.startNode('real', real);
  await until(async () => (await cluster.json<unknown[]>(['nodes'])).length === 1);
  const secret = await loadSecret(secretFile);
  const pid = readCoordinatorFile(places(environment).coordinatorFile)?.pid as number;
  const ledger = join(cluster.directory, 'ledger');
  writeFileSync(ledger, '');
  const payloads = framePayloads();
  const seen = { frames: 0, connections: 0, welcome: 0, ends: {} as Record<string, number>, slowestMs: 0 };
  let warmBytes = Number.NaN;
  let over = false;

  async function oneConnection(): Promise<void> {
    const number = seen.connections++;
    const role = fuzzed[number % fuzzed.length] as Role;
    const random = caseRandom(number);
    const { socket, ended } = rawPeer({
      ...{ host, port, secret, role, who: `fuzz-${number}` },
      hear({ kind }, { socket }) {
        if (kind !== 'welcome') return;
        seen.welcome += 1;
        for (let one = 0; one < framesPerConnection && seen.frames < frames; one++, seen.frames++)
          socket.write(
            random.chance(0.9) ? frameOf(mutated(payloads, random)) : mutated(payloads.map(frameOf), random),
          );
        socket.end();
      },
    });
    socket.setTimeout(20_000);
    const end = (await ended).split(/[:,]/)[0] as string;
    seen.ends[end] = (seen.ends[end] ?? 0) + 1;
  }

  async function peer(): Promise<void> {
    while (seen.frames < frames) {
      await oneConnection();
      if (Number.isNaN(warmBytes) && seen.frames >= frames / 10) warmBytes = processMemory(pid)?.residentBytes ?? 0;
    }
  }

  const jobs: number[] = [];
  const tasksEach = 8;
  async function work(): Promise<void> {
    while (!over) {
      const first = jobs.length * tasksEach;
      const { job } = await cluster.json<{ job: number }>([
        ...[
          'submit',
          '--array',
          `${first}-${first + tasksEach - 1}`,
          '--on',
          'real=yes',
          '--priority',
          '1000000',
          '--',
        ],
        ...ledgerCommand(ledger, taskSeconds),
      ]);
      jobs.push(job);
      const asked = performance.now();
      await cluster.lbtop(['wait', String(job)]);
      const status = performance.now();
      await cluster.lbtop(['status']);
      seen.slowestMs = Math.max(seen.slowestMs, performance.now() - status, status - asked > 60_000 ? 60_000 : 0);
    }
  }

  const working = work();
  await Promise.all(Array.from({ length: atOnce }, peer));
  over = true;
  await working;
  const rows: ResultRow[] = [];
  for (const job of jobs)
    for (const line of (await cluster.lbtop(['results', String(job)])).stdout.trimEnd().split('\n'))
      rows.push(JSON.parse(line) as ResultRow);
  const { wrong: _, ...judged } = judge(rows, readFileSync(ledger, 'utf8'), jobs.length * tasksEach);
  const memory = processMemory(pid);
  return {
    ...seen,
    ...judged,
    grownBytes: (memory?.residentBytes ?? Number.NaN) - warmBytes,
    lived: memory !== null && readCoordinatorFile(places(environment).coordinatorFile)?.pid === pid,
  };
}

const mostGrownBytes = 64 * 1024 * 1024;

/** Prints what became of so many frames (`--frames N`, usually 30,000). */
export async function showLiveFuzz(options: readonly string[]): Promise<void> {
  const at = options.indexOf('--frames');
  const one = await fuzzLive(at < 0 ? 30_000 : Number(options[at + 1]), 8, 0.2);
  const { frames, connections, welcome, ends, grownBytes, slowestMs, lived, ...work } = one;
  const told = Object.entries(ends).toSorted(([, a], [, b]) => b - a);
  console.log(
    `${frames} changed frames on ${connections} connections, ${welcome} welcome: the coordinator ${lived ? 'went on' : 'DIED'}, ` +
      `${Math.round(grownBytes / 2 ** 20)} MiB more memory, an answer to lbtop status within ${Math.round(slowestMs)} ms`,
  );
  console.log(`  its own work: ${JSON.stringify(work)}`);
  for (const [how, many] of told.slice(0, 12)) console.log(`  ${many} ended: ${how}`);
  const harmed = work.lost + work.counted + work.restarted + work.runAgain;
  if (!lived || harmed > 0 || grownBytes > mostGrownBytes || (ends['left hanging'] ?? 0) > 0) process.exitCode = 1;
}
