/**
 * One task writes without end: what the memory of its node and of the coordinator does meanwhile, and how late heartbeats get.
 * Then the same with one line that does not end, and with one byte a write; both are read with `lbtop logs`, too.
 * What is kept of it is bounded by the quota of a stream, so that the trial needs little disk.
 * LBTOP_TRIAL_GB: how much it writes (default 10).
 */
import { createHash } from 'node:crypto';

import { connect, type Lbtop } from '../../source/client/index.ts';
import { places, readCoordinatorFile } from '../../source/client/places.ts';
import { processMemory } from '../../source/node/process-stat.ts';
import { type Cluster, startCluster, until } from '../helpers/lbtop.ts';

export interface Flood {
  writtenBytes: number;
  /** Told by `logs`: what is kept, and what its mark says was cut. */
  keptBytes: number;
  cutBytes: number;
  seconds: number;
  /** Growth of resident memory beyond what it was before, at its peak. */
  nodeGrowthBytes: number;
  coordinatorGrowthBytes: number;
  /** The oldest that the last heartbeat ever was, as the coordinator told it. */
  heartbeatMs: number;
  /** Of the process of `lbtop logs` that reads it, its memory at its peak; and what it printed. */
  readerPeakBytes: number;
  readBytes: number;
  readHash: string;
}

/** What writes so many bytes. */
export const writers = {
  zeros: (bytes: number) => ['head', '-c', String(bytes), '/dev/zero'],
  /** The letter x, and never an end of a line. */
  'one line': (bytes: number) => ['sh', '-c', `tr '\\0' x </dev/zero | head -c ${bytes}`],
  /** The same, each by a write of its own. */
  'single bytes': (bytes: number) => ['sh', '-c', `tr '\\0' x </dev/zero | dd bs=1 count=${bytes} status=none`],
} as const;

const lookMs = 100;

/** Runs one task that writes so many bytes. */
export async function flood(bytes: number, writer: keyof typeof writers = 'zeros'): Promise<Flood> {
  await using cluster = await startCluster([], undefined, { durable: true });
  const agent = cluster.fleet.startNode('writer', ['--slots', '2']);
  const { host, port, secretFile, environment } = cluster.fleet;
  await using lbtop = await connect({ connect: `${host}:${port}`, secretFile });
  await until(async () => (await lbtop.nodes()).length === 1);
  const pids = [agent.pid as number, readCoordinatorFile(places(environment).coordinatorFile)?.pid as number];
  // Both have done everything once.
  await lbtop.wait((await lbtop.submit({ command: ['head', '-c', '1000000', '/dev/zero'] })).job);
  const before = pids.map((pid) => processMemory(pid)?.residentBytes ?? Number.NaN);
  const start = performance.now();
  const { job } = await lbtop.submit({ command: writers[writer](bytes) });
  const most = [...before];
  const looked = { heartbeatMs: 0, over: false };
  const looking = (async () => {
    while (!looked.over) {
      looked.heartbeatMs = Math.max(looked.heartbeatMs, await heartbeatAge(lbtop));
      pids.forEach((pid, i) => {
        most[i] = Math.max(most[i] as number, processMemory(pid)?.residentBytes ?? 0);
      });
      await new Promise((resolve) => setTimeout(resolve, lookMs));
    }
  })();
  const [row] = await lbtop.wait(job);
  const seconds = (performance.now() - start) / 1_000;
  looked.over = true;
  await looking;
  if (row?.state !== 'succeeded') throw new Error(`the task ${row?.state}`);
  let [keptBytes, cutBytes] = [0, 0];
  for await (const { data, cut } of lbtop.logs(job)) {
    keptBytes += data.length;
    cutBytes += cut;
  }
  const growth = most.map((value, i) => value - (before[i] as number));
  const [nodeGrowthBytes = Number.NaN, coordinatorGrowthBytes = Number.NaN] = growth;
  const { heartbeatMs } = looked;
  const grown = { nodeGrowthBytes, coordinatorGrowthBytes };
  return {
    writtenBytes: bytes,
    keptBytes,
    cutBytes,
    seconds,
    ...grown,
    heartbeatMs,
    ...(await readBack(cluster, job)),
  };
}

/** Prints it as its users do. */
async function readBack(cluster: Cluster, job: number) {
  const child = cluster.start(['logs', String(job)]);
  const hash = createHash('sha256');
  const seen = { readerPeakBytes: 0, readBytes: 0 };
  child.stdout?.on('data', (chunk: Buffer) => {
    hash.update(chunk);
    seen.readBytes += chunk.length;
    const memory = processMemory(child.pid as number);
    seen.readerPeakBytes = Math.max(seen.readerPeakBytes, memory?.peakBytes ?? 0);
  });
  await new Promise((resolve) => child.on('close', resolve));
  return { ...seen, readHash: hash.digest('hex') };
}

async function heartbeatAge(lbtop: Lbtop): Promise<number> {
  const [node] = await lbtop.nodes();
  return node?.lastHeartbeatMs ?? 0;
}

/** Prints the trials. */
export async function showFlood(): Promise<void> {
  const gigabytes = Number(process.env.LBTOP_TRIAL_GB ?? 10);
  await show('zeros', gigabytes * 1e9);
  await show('one line', gigabytes * 1e8);
  await show('single bytes', gigabytes * 2e6);
}

async function show(writer: keyof typeof writers, bytes: number): Promise<void> {
  const one = await flood(bytes, writer);
  const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
  console.log(
    `${writer}: ${bytes / 1e9} GB written in ${one.seconds.toFixed(0)} s; ${mebibytes(one.keptBytes)} kept, ${mebibytes(one.cutBytes)} marked as cut`,
  );
  console.log(
    `  resident memory grew by ${mebibytes(one.nodeGrowthBytes)} in the node, ${mebibytes(one.coordinatorGrowthBytes)} in the coordinator; ` +
      `lbtop logs, which printed ${mebibytes(one.readBytes)}, had ${mebibytes(one.readerPeakBytes)} at its peak`,
  );
  console.log(`  the last heartbeat was never older than ${one.heartbeatMs.toFixed(0)} ms`);
  if (Math.max(one.nodeGrowthBytes, one.coordinatorGrowthBytes) > 64 * 1024 * 1024) process.exitCode = 1;
}
