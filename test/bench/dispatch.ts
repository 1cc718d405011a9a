/**
 * No-op tasks through the real coordinator: four nodes in this process, over TCP on loopback, state in memory. Beside it,
 * in the same run, the bare frame loop: the same number of one-byte frames to and fro over one such connection, as many
 * under way at once.
 */

import { once } from 'node:events';
import { createServer, connect as tcp } from 'node:net';
import { connectClient } from '../../source/client/client.ts';
import { startCoordinator } from '../../source/coordinator/coordinator.ts';
import { jobSpec } from '../../source/model/job.ts';
import { loopbackNode } from './loopback-node.ts';

const nodes = 4;
const slots = 2;
const rounds = 5;

/** Prints tasks/s of each round and the median. */
export async function benchDispatch(tasks = 50_000): Promise<void> {
  const coordinator = await startCoordinator({
    host: '127.0.0.1',
    port: 0,
    secret: null,
    version: 'bench',
    policy: 'least-load',
    queue: 'fifo',
    cpuLimit: 100,
    data: null,
    seed: 1,
    record: null,
    metrics: null,
    log: () => {},
    onShutdown: () => {},
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
  const rates: number[] = [];
  const frames: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const cpu = process.cpuUsage();
    const start = performance.now();
    const spec = jobSpec({
      work: { kind: 'task', argv: [], shell: false, task: 'noop', input: null },
      span: { count: tasks, first: 0, step: 1 },
    });
    const { job } = await client.request('submit', { spec, upload: null });
    let state = '';
    await client.stream('wait', { jobs: [job] }, ([row]) => {
      state = row?.state ?? '';
    });
    if (state !== 'succeeded') throw new Error(`the job ${state}`);
    const seconds = (performance.now() - start) / 1_000;
    const { user, system } = process.cpuUsage(cpu);
    await client.request('purge', { job });
    if (round === 0) continue; // warm-up
    rates.push(tasks / seconds);
    frames.push(await bareFrames(tasks, nodes * slots * 2));
    console.log(
      `${Math.round(tasks / seconds)} tasks/s, ${((user + system) / tasks).toFixed(1)} us CPU a task (all in one process); ` +
        `bare frames ${Math.round(frames.at(-1) as number)}/s`,
    );
  }
  console.log(
    `median ${Math.round(median(rates))} tasks/s; ${(median(rates) / median(frames)).toFixed(2)} of bare frames`,
  );
  client.close();
  for (const { connection } of fleet) connection.destroy('done');
  await coordinator.stop('done');
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

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
