/** Our sides: a coordinator, nodes and a client, each a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectClient } from '../../../source/client/client.ts';
import { descendants } from '../../../source/node/process-stat.ts';
import { type Fleet, startFleet } from '../../../source/simulation/fleet.ts';
import { loadSecret } from '../../../source/wire/secret.ts';
import { program } from '../../helpers/lbtop.ts';
import { type Driver, ended, startDriver } from './driver.ts';
import { programs } from './peers.ts';
import type { Recovery } from './sides-peers.ts';

export interface LbtopOptions {
  /** Whether connections are encrypted and authenticated, as they are for users. */
  tls: boolean;
  /** Whether the state is on disk before anything is acknowledged, as it is for users. */
  durable: boolean;
  nodes: number;
  slots: number;
}

/** Coordinator, nodes and a client that takes commands. */
export interface LbtopSide {
  readonly client: Driver;
  readonly coordinatorPid: number;
  /** Of all three kinds. */
  pids(): number[];
  stop(): Promise<void>;
  /** kill -9 of the coordinator, then a new one: tasks in its queue, and ms from its start to that answer. */
  killed(): Promise<Recovery>;
}

/** Returns how such a side is set up, in words. */
export function tuning({ tls, durable, nodes, slots }: LbtopOptions, more = ''): string {
  const kept = durable ? 'state on disk (fsync before each acknowledgement)' : 'state in memory (`--data none`)';
  return `${nodes} ${nodes === 1 ? 'node' : 'nodes'} of ${slots} slots, ${tls ? 'TLS 1.3' : 'no TLS'}, ${kept}${more}; all else as it comes`;
}

/** Starts them and resolves when all nodes have joined. */
export async function startLbtop(directory: string, options: LbtopOptions): Promise<LbtopSide> {
  mkdirSync(directory, { recursive: true });
  return options.tls ? protectedSide(directory, options) : bareSide(directory, options);
}

async function protectedSide(directory: string, { durable, nodes, slots }: LbtopOptions): Promise<LbtopSide> {
  const before = new Set(descendants(process.pid));
  const fleet: Fleet = await startFleet({
    program: program(),
    directory,
    arguments: ['--cpu-limit', '100'],
    ...(durable ? { data: join(directory, 'data') } : {}),
  });
  const coordinatorPid = descendants(process.pid).find((pid) => !before.has(pid)) as number;
  const agents = Array.from({ length: nodes }, (_, i) => fleet.startNode(`node-${i}`, ['--slots', String(slots)]));
  const client = await startDriver([
    process.execPath,
    join(programs, 'lbtop.ts'),
    `${fleet.host}:${fleet.port}`,
    fleet.secretFile,
  ]);
  await joined(client, nodes);
  return {
    client,
    coordinatorPid,
    pids: () => [coordinatorPid, client.pid, ...agents.map(({ pid }) => pid as number)],
    async stop() {
      await client.stop();
      await fleet.stop();
    },
    async killed() {
      await fleet.killCoordinator();
      const secret = await loadSecret(fleet.secretFile);
      const from = performance.now();
      await fleet.restartCoordinator();
      const { host, port } = fleet;
      const asked = await connectClient({ host, port, secret, role: 'operator', who: 'bench', timeoutMs: 60_000 });
      const { tasks } = await asked.request('status', {});
      const ms = performance.now() - from;
      asked.close();
      return { left: tasks.queued ?? 0, ms };
    },
  };
}

async function bareSide(directory: string, { durable, nodes, slots }: LbtopOptions): Promise<LbtopSide> {
  const script = join(programs, 'unprotected.ts');
  const env = { ...process.env, XDG_STATE_HOME: join(directory, 'state') };
  const start = (...args: string[]): ChildProcess =>
    spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'], env });
  const coordinator = start('coordinator', durable ? join(directory, 'data') : 'none');
  const lines = createInterface({ input: coordinator.stdout as NodeJS.ReadableStream });
  const address = String((await once(lines, 'line'))[0]).replace('listening on ', '');
  const port = address.split(':')[1] as string;
  const agents = Array.from({ length: nodes }, (_, i) => start('node', port, `node-${i}`, String(slots)));
  const client = await startDriver([process.execPath, join(programs, 'lbtop.ts'), address, '-']);
  await joined(client, nodes);
  return {
    client,
    coordinatorPid: coordinator.pid as number,
    pids: () => [coordinator, ...agents].map(({ pid }) => pid as number).concat(client.pid),
    async stop() {
      await client.stop();
      await Promise.all(agents.map(ended));
      await ended(coordinator);
    },
    killed: () => Promise.reject(new Error('only a side with TLS is killed')),
  };
}

async function joined(client: Driver, count: number): Promise<void> {
  for (;;) {
    const { nodes = 0 } = await client.ask('nodes');
    if (nodes >= count) return;
    await sleep(50);
  }
}

/** Returns why ours cannot run, or null. */
export function notBuilt(): string | null {
  return existsSync(join(import.meta.dirname, '../../../dist/cli.js')) ? null : 'not built: npm run build';
}
