/**
 * No-op tasks through the real coordinator: four nodes in this process, over TCP on loopback; with the state in memory and
 * with the state on disk, turn about in the same run, and how long a submission waits for its acknowledgement. Beside it
 * the bare frame loop: the same number of one-byte frames to and fro over one such connection, as many under way at once.
 * `npm run bench -- dispatch`; LBTOP_BENCH_DIR: where the data lie (default: the directory for temporary files).
 */

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, connect as tcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connectClient } from '../../source/client/client.ts';
import { startCoordinator } from '../../source/coordinator/coordinator.ts';
import { jobSpec } from '../../source/model/job.ts';
import { loopbackNode } from './loopback-node.ts';

const nodes = 4;
const rounds = 5;
const submissions = 500;

interface Fleet {
  readonly client: Client;
  end(): Promise<void>;
}

async function startFleet(data: string | null, slots: number): Promise<Fleet> {
  const coordinator = await startCoordinator({
    host: '127.0.0.1',
    port: 0,
    secret: null,
    version: 'bench',
    policy: 'least-load',
    queue: 'fifo',
    cpuLimit: 100,
    data,
    purgeAfterMs: null,
    keepTasks: null,
    seed: 1,
    record: null,
    metrics: null,
    log: () => {},
    onShutdown: () => {},
    onOutdated: () => {},
    fatal(error) {
      throw error;
    },
  });
  const { port } = coordinator;
  const fleet = await Promise.all(
    Array.from({ length: nodes }, (_, i) => loopbackNode(port, `node-${i}`, slots, null)),
  );
  const client = await connectClient({
    host: '127.0.0.1',
    port,
    secret: null,
    role: 'operator',
    who: 'bench',
    timeoutMs: 10_000,
  });
  return {
    client,
    async end() {
      client.close();
      for (const { connection } of fleet) connection.destroy('done');
      await coordinator.stop('done');
    },
  };
}

function noops(count: number) {
  return jobSpec({
    work: { kind: 'task', argv: [], shell: false, task: 'noop', input: null },
    span: { count, first: 0, step: 1 },
  });
}

interface Round {
  perSecond: number;
  /** CPU of this process, threads included. */
  microsPerTask: number;
}

async function round({ client }: Fleet, tasks: number): Promise<Round> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const { job } = await client.request('submit', { spec: noops(tasks), upload: null });
  let state = '';
  await client.stream('wait', { jobs: [job] }, ([row]) => {
    state = row?.state ?? '';
  });
  if (state !== 'succeeded') throw new Error(`the job ${state}`);
  const seconds = (performance.now() - start) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  await client.request('purge', { job });
  return { perSecond: tasks / seconds, microsPerTask: (user + system) / tasks };
}

/** One submission after the other: from the request to its answer, in ms, ascending. */
async function acknowledgements({ client }: Fleet): Promise<number[]> {
  const took: number[] = [];
  for (let i = 0; i < submissions; i++) {
    const at = performance.now();
    const { job } = await client.request('submit', { spec: noops(1), upload: null });
    took.push(performance.now() - at);
    await client.stream('wait', { jobs: [job] }, () => {});
  }
  return took.sort((a, b) => a - b);
}

/** Prints tasks/s of each round and the medians. */
export async function benchDispatch(tasks = 50_000): Promise<void> {
  for (const slots of [2, 8, 64]) await compare(slots, tasks);
}

async function compare(slots: number, tasks: number): Promise<void> {
  const directory = mkdtempSync(join(process.env.LBTOP_BENCH_DIR ?? tmpdir(), 'lbtop-dispatch-'));
  const memory = await startFleet(null, slots);
  const disk = await startFleet(join(directory, 'data'), slots);
  console.log(
    `${nodes} nodes of ${slots} slots, ${tasks} no-op tasks a round, tasks/s (us of CPU a task, all in one process)`,
  );
  console.log('      in memory           on disk          share   bare frames/s');
  const all: { memory: number; disk: number; frames: number; memoryMicros: number; diskMicros: number }[] = [];
  for (let i = 0; i <= rounds; i++) {
    const one = await round(memory, tasks);
    const other = await round(disk, tasks);
    if (i === 0) continue; // warm-up
    const frames = await bareFrames(tasks, nodes * slots * 2);
    const micros = { memoryMicros: one.microsPerTask, diskMicros: other.microsPerTask };
    all.push({ memory: one.perSecond, disk: other.perSecond, frames, ...micros });
    console.log(
      `${cell(one)} ${cell(other)} ${share(other.perSecond, one.perSecond)} ${String(Math.round(frames)).padStart(15)}`,
    );
  }
  const medians = { memory: median(all, 'memory'), disk: median(all, 'disk'), frames: median(all, 'frames') };
  console.log(
    `median ${Math.round(medians.memory)} in memory, ${Math.round(medians.disk)} on disk: ${share(medians.disk, medians.memory).trim()} of that; ` +
      `by CPU time ${share(median(all, 'memoryMicros'), median(all, 'diskMicros')).trim()} (what a busy machine does not distort); ` +
      `in memory ${(medians.memory / medians.frames).toFixed(2)} of bare frames`,
  );
  for (const [what, fleet] of [
    ['in memory', memory],
    ['on disk', disk],
  ] as const) {
    const took = await acknowledgements(fleet);
    const at = (quantile: number) => (took[Math.floor(quantile * (took.length - 1))] as number).toFixed(2);
    console.log(
      `a submission is acknowledged ${what} after ${at(0.5)} ms (median), ${at(0.99)} ms (p99), ${at(1)} ms at most`,
    );
  }
  await memory.end();
  await disk.end();
  rmSync(directory, { recursive: true });
}

function cell({ perSecond, microsPerTask }: Round): string {
  return `${String(Math.round(perSecond)).padStart(9)} (${microsPerTask.toFixed(1).padStart(5)})  `;
}

function share(part: number, whole: number): string {
  return `${Math.round((part / whole) * 100)} %`.padStart(8);
}

/** Frames of 9 bytes there and back, `depth` under way; returns round trips a second. */
async function bareFrames(count: number, depth: number): Promise<number> {
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('data', (chunk) => socket.write(chunk));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const socket = tcp(address.port, '127.0.0.1');
  socket.setNoDelay(true);
  await once(socket, 'connect');
  const frame = Buffer.alloc(9);
  let bytes = 0;
  let sent = 0;
  const start = performance.now();
  const over = Promise.withResolvers<void>();
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    while (sent < count && sent - Math.floor(bytes / 9) < depth) {
      socket.write(frame);
      sent++;
    }
    if (bytes >= count * 9) over.resolve();
  });
  while (sent < depth) {
    socket.write(frame);
    sent++;
  }
  await over.promise;
  socket.destroy();
  server.close();
  return count / ((performance.now() - start) / 1_000);
}

function median<K extends string>(rows: readonly Record<K, number>[], key: K): number {
  return rows.map((row) => row[key]).sort((a, b) => a - b)[Math.floor(rows.length / 2)] as number;
}
