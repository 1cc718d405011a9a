/**
 * `lbtop --demo`: a coordinator and four nodes as real processes, a mixed workload with real commands over real files, and
 * one node killed on the way. It checks what came out and tells.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connectClient } from '../client/client.ts';
import type { NodeRow, Status } from '../model/report.ts';
import { loadSecret } from '../wire/secret.ts';
import { checksumsAreRight, filesNear, type Submitted, submitWorkload, tasksOf } from './demo-workload.ts';
import { type Fleet, startFleet } from './fleet.ts';

export interface DemoOptions {
  /** Program and first arguments that run lbtop, e.g. node and the path of cli.js. */
  program: readonly [string, ...string[]];
  print(line: string): void;
  /** Shows the interface of the coordinator at `address` until its user quits; null: progress lines instead. */
  show: ((address: string, environment: NodeJS.ProcessEnv) => Promise<void>) | null;
  signal: AbortSignal;
}

const nodeNames = ['ash', 'birch', 'cedar', 'doug'] as const;
const killedNode = 'birch';
const slots = 2;

/** Runs the demo; returns the exit code: 0 where every task came to its right end, and counts once. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { print, signal } = options;
  const directory = await mkdtemp(join(tmpdir(), 'lbtop-demo-'));
  let fleet: Fleet | undefined;
  let client: Client | undefined;
  try {
    // On a machine that is busy with other things it would wait for them: who looks at a demo wants to see it work.
    fleet = await startFleet({ program: options.program, directory, arguments: ['--cpu-limit', '100'], signal });
    for (const name of nodeNames) fleet.startNode(name, ['--slots', String(slots), '--label', `tree=${name}`]);
    client = await connectClient({
      host: fleet.host,
      port: fleet.port,
      secret: await loadSecret(fleet.secretFile),
      role: 'operator',
      who: 'demo',
      timeoutMs: 10_000,
    });
    print(`coordinator on ${fleet.host}:${fleet.port}, nodes ${nodeNames.join(', ')} with ${slots} slots each`);
    await until(async () => (await (client as Client).request('nodes', {})).length === nodeNames.length, signal);
    const files = await filesNear(options.program.at(-1) ?? process.execPath);
    const started = performance.now();
    const watched = watchCpu(client);
    const submitted = await submitWorkload(client, files);
    const over = Promise.all([
      showProgress(client, submitted, options.show === null ? print : null, started, signal),
      killOnTheWay(client, fleet, print, signal),
    ]).then(([last]) => ({ last, seconds: (performance.now() - started) / 1_000 }));
    const shown = options.show?.(`${fleet.host}:${fleet.port}`, fleet.environment);
    // A user who has seen enough need not wait for the rest.
    const result = await (shown === undefined ? over : Promise.race([over, shown.then(() => null)]));
    over.catch(() => {}); // what it still waits for ends with the fleet
    await shown;
    const nodes = await client.request('nodes', {});
    const final = result?.last ?? (await client.request('status', {}));
    const seconds = result?.seconds ?? (performance.now() - started) / 1_000;
    return await summarise(client, { submitted, files, nodes, cpu: watched.stop(), status: final, seconds, print });
  } finally {
    client?.close();
    await fleet?.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

/** Takes one node away without goodbye once a third of the work is done and it is in the middle of some. */
async function killOnTheWay(
  client: Client,
  fleet: Fleet,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  await until(async () => {
    const { tasks } = await client.request('status', {});
    const open = (tasks.queued ?? 0) + (tasks.assigned ?? 0) + (tasks.running ?? 0);
    return (tasks.succeeded ?? 0) > open / 2;
  }, signal);
  await until(async () => {
    const node = (await client.request('nodes', {})).find(({ name }) => name === killedNode);
    return (node?.running ?? 0) > 0;
  }, signal);
  fleet.killNode(killedNode);
  print(`killed node ${killedNode} (kill -9) while it was running tasks`);
}

async function showProgress(
  client: Client,
  submitted: readonly Submitted[],
  print: ((line: string) => void) | null,
  started: number,
  signal: AbortSignal,
): Promise<Status> {
  const total = tasksOf(submitted);
  for (;;) {
    const status = await client.request('status', {});
    const { succeeded = 0, failed = 0, cancelled = 0, queued = 0, running = 0, assigned = 0 } = status.tasks;
    const overloaded = (await client.request('nodes', {})).filter((node) => node.overloaded).length;
    const seconds = ((performance.now() - started) / 1_000).toFixed(0).padStart(3);
    print?.(
      `${seconds} s  ${succeeded}/${total} done  ${queued + assigned} queued  ${running} running  ` +
        `nodes ${status.nodes.up ?? 0} up ${status.nodes.suspect ?? 0} suspect ${status.nodes.lost ?? 0} lost ` +
        `${overloaded} above 80 % CPU  ` +
        `${Math.round(status.throughput.perSecond1s ?? 0)} tasks/s`,
    );
    if (succeeded + failed + cancelled >= total) return status;
    await sleep(1_000, undefined, { signal });
  }
}

/** Mean CPU of each node over its reports. */
function watchCpu(client: Client): { stop(): Map<string, number> } {
  const sums = new Map<string, { sum: number; count: number }>();
  const timer = setInterval(async () => {
    const nodes: NodeRow[] = await client.request('nodes', {}).catch(() => []);
    for (const { name, cpuOurs } of nodes) {
      if (cpuOurs === null) continue;
      const entry = sums.get(name) ?? { sum: 0, count: 0 };
      entry.sum += cpuOurs;
      entry.count++;
      sums.set(name, entry);
    }
  }, 1_000);
  return {
    stop() {
      clearInterval(timer);
      return new Map([...sums].map(([name, { sum, count }]) => [name, sum / count]));
    },
  };
}

interface Ended {
  submitted: readonly Submitted[];
  files: readonly string[];
  nodes: readonly NodeRow[];
  cpu: ReadonlyMap<string, number>;
  status: Status;
  seconds: number;
  print(line: string): void;
}

async function summarise(client: Client, ended: Ended): Promise<number> {
  const { submitted, nodes, cpu, status, seconds, print } = ended;
  const total = tasksOf(submitted);
  const { succeeded = 0 } = status.tasks;
  print('');
  print('node     health   tasks  failed   cpu of its tasks');
  for (const { name, health, succeeded: done, failed } of nodes)
    print(
      `${name.padEnd(8)} ${health.padEnd(8)} ${String(done).padStart(5)} ${String(failed).padStart(7)}   ` +
        `${(cpu.get(name) ?? 0).toFixed(1).padStart(5)} % of the machine`,
    );
  print('');
  const requeued = status.reexecuted;
  print(
    `${succeeded} of ${total} tasks succeeded in ${seconds.toFixed(1)} s: ${(succeeded / seconds).toFixed(0)} tasks/s`,
  );
  print(
    `${requeued} running ${requeued === 1 ? 'task was' : 'tasks were'} requeued from the lost node, ${status.lateResults} late results`,
  );
  if (succeeded < total) {
    print(`ended before ${total - succeeded} tasks had succeeded`);
    return 1;
  }
  const wrong = await checksumsAreRight(client, submitted, (file) => readFileSync(file));
  print(wrong === null ? 'checksums agree with those computed here; nothing lost, nothing counted twice' : wrong);
  return wrong === null ? 0 : 1;
}

async function until(met: () => Promise<boolean>, signal: AbortSignal): Promise<void> {
  while (!(await met())) await sleep(50, undefined, { signal });
}
