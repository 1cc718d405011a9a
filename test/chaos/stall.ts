/**
 * A coordinator that is stopped for a while (SIGSTOP) and goes on: no node is taken for lost, no task begins again. Some
 * nodes are real processes, which give a coordinator up that is silent; the others only keep their connections.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EventLine, NodeRow, ResultRow } from '../../source/model/report.ts';
import { loadSecret } from '../../source/wire/secret.ts';
import { loopbackNode } from '../bench/loopback-node.ts';
import { startCluster, until } from '../helpers/lbtop.ts';

export interface StallOptions {
  stallSeconds: number;
  realNodes: number;
  otherNodes: number;
}

export interface Stalled {
  nodes: number;
  /** Nodes that it said were lost. */
  lost: number;
  /** Tasks that ended while it was stopped, and those that ran on beyond that. */
  endedMeanwhile: number;
  ranOn: number;
  /** Tasks that began more than once, or have no result. */
  wrong: number;
  /** From its going on until all nodes were up again. */
  backMs: number;
}

const script = 'echo "b $1" >> "$2"; sleep "$3"; echo "e $1" >> "$2"';

/** Stops the coordinator once in the middle of work. */
export async function stall({ stallSeconds, realNodes, otherNodes }: StallOptions): Promise<Stalled> {
  const names = Array.from({ length: realNodes }, (_, i) => `real-${i}`);
  await using cluster = await startCluster([], undefined, { durable: true });
  for (const name of names) cluster.fleet.startNode(name, ['--slots', '2', '--label', 'kind=real']);
  const secret = await loadSecret(cluster.fleet.secretFile);
  const others = await Promise.all(
    Array.from({ length: otherNodes }, (_, i) => loopbackNode(cluster.fleet.port, `other-${i}`, 1, secret)),
  );
  const nodes = realNodes + otherNodes;
  const up = async () => (await cluster.json<NodeRow[]>(['nodes'])).filter(({ health }) => health === 'up').length;
  await until(async () => (await up()) === nodes);
  const ledger = join(cluster.directory, 'ledger');
  writeFileSync(ledger, '');
  const lines = (kind: string) =>
    readFileSync(ledger, 'utf8')
      .split('\n')
      .filter((line) => line.startsWith(kind));
  const submit = async (tasks: number, seconds: number) => {
    const argv = ['sh', '-c', script, 'sh', `${seconds}-{#}`, ledger, String(seconds)];
    const words = ['submit', '--array', `1-${tasks}`, '--on', 'kind=real', '--', ...argv];
    return (await cluster.json<{ job: number }>(words)).job;
  };
  // One slot of each ends in the middle, the other one after it.
  const jobs = [await submit(realNodes, stallSeconds / 2), await submit(realNodes, stallSeconds + 5)];
  await until(() => lines('b').length === 2 * realNodes);
  cluster.fleet.signalCoordinator('SIGSTOP');
  await sleep(stallSeconds * 1_000);
  const endedMeanwhile = lines('e').length;
  const ranOn = lines('b').length - endedMeanwhile;
  cluster.fleet.signalCoordinator('SIGCONT');
  const begunAt = performance.now();
  await until(async () => (await up()) === nodes);
  const backMs = Math.round(performance.now() - begunAt);
  await cluster.lbtop(['wait', ...jobs.map(String)]);
  const events = (await cluster.lbtop(['events', '--json'])).stdout.trimEnd().split('\n');
  const lost = events.filter((line) => /^lost\b/.test((JSON.parse(line) as EventLine).text)).length;
  let right = 0;
  for (const job of jobs)
    for (const line of (await cluster.lbtop(['results', String(job)])).stdout.trimEnd().split('\n')) {
      const { state, attempt } = JSON.parse(line) as ResultRow;
      if (state === 'succeeded' && attempt === 1) right += 1;
    }
  const again = lines('b').length - 2 * realNodes;
  for (const { connection } of others) connection.destroy('done');
  return { nodes, lost, endedMeanwhile, ranOn, wrong: again + 2 * realNodes - right, backMs };
}

/** Prints what came of 30 s with 100 nodes, and of 75 s, after which nodes wait long between two tries. */
export async function showStalls(): Promise<void> {
  for (const options of [
    { stallSeconds: 30, realNodes: 4, otherNodes: 96 },
    { stallSeconds: 75, realNodes: 8, otherNodes: 0 },
  ]) {
    const { nodes, lost, endedMeanwhile, ranOn, wrong, backMs } = await stall(options);
    console.log(
      `stopped for ${options.stallSeconds} s: ${lost} of ${nodes} nodes lost, all up again after ${backMs} ms; ` +
        `${endedMeanwhile} tasks ended meanwhile, ${ranOn} ran on, ${wrong} lost or begun again`,
    );
    if (lost + wrong > 0) process.exitCode = 1;
  }
}
