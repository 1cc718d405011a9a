/** The other sides: a server, its workers and a client, each a process of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Driver, ended, startDriver } from './driver.ts';
import { compiled, type Daemon, daemon, find, freePort, libraryEnvironment, programs } from './peers.ts';

export interface Peer {
  readonly client: Driver;
  readonly server: Daemon;
  /** Of server, workers and client. */
  pids(): number[];
  stop(): Promise<void>;
  /** The server again, on what the one before has left; the workers and the client are gone. */
  again(): Promise<Daemon>;
}

const node = (script: string, ...args: string[]): string[] => [process.execPath, join(programs, script), ...args];

interface Parts {
  server: readonly string[];
  port: number;
  workers: readonly (readonly string[])[];
  client: readonly string[];
  env?: NodeJS.ProcessEnv;
}

async function startPeer({ server, port, workers, client, env = process.env }: Parts): Promise<Peer> {
  const running = await daemon(server, port);
  const hands: ChildProcess[] = [];
  try {
    const asked = await startDriver(client, env);
    for (const [command = '', ...args] of workers) hands.push(spawn(command, args, { stdio: 'ignore', env }));
    return {
      client: asked,
      server: running,
      pids: () => [running.pid, asked.pid, ...hands.map(({ pid }) => pid as number)],
      async stop() {
        await asked.stop();
        await Promise.all(hands.map(ended));
        await running.stop();
      },
      again: () => daemon(server, port),
    };
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** `ahead`: jobs that a worker asks for before it has done the one before; `job`: `noop` or `true`. */
export async function gearman({ workers = 4, ahead = 1, job = 'noop', own = false, outstanding = 300 }): Promise<Peer> {
  const port = await freePort();
  const hand = own
    ? [find('gearman') as string, '-h', '127.0.0.1', '-p', String(port), '-w', '-f', job, job]
    : [compiled('gearman'), 'worker', String(port), String(ahead)];
  return startPeer({
    server: [find('gearmand') as string, '-L', '127.0.0.1', '-p', String(port), '-t', '0', '-l', 'none'],
    port,
    workers: Array.from({ length: workers }, () => hand),
    client: [compiled('gearman'), 'client', String(port), job, String(outstanding)],
  });
}

/** `directory`: its log lies there and is synced at every write; null: all in memory. */
export async function beanstalkd({ directory = null as string | null, workers = 4, ahead = 8 } = {}): Promise<Peer> {
  const port = await freePort();
  if (directory !== null) mkdirSync(directory, { recursive: true });
  const kept = directory === null ? [] : ['-b', directory, '-f0'];
  return startPeer({
    server: [find('beanstalkd') as string, '-l', '127.0.0.1', '-p', String(port), ...kept],
    port,
    workers: Array.from({ length: workers }, () => node('beanstalkd.ts', 'worker', String(port), String(ahead))),
    client: node('beanstalkd.ts', 'client', String(port)),
  });
}

/** BullMQ on a redis of its own. `directory`: appends are synced before each answer; null: all in memory. */
export async function bullmq({ directory = null as string | null, workers = 4, concurrency = 50 } = {}): Promise<Peer> {
  const port = await freePort();
  if (directory !== null) mkdirSync(directory, { recursive: true });
  const kept =
    directory === null
      ? ['--appendonly', 'no']
      : ['--appendonly', 'yes', '--appendfsync', 'always', '--dir', directory];
  return startPeer({
    server: [find('redis-server') as string, '--bind', '127.0.0.1', '--port', String(port), '--save', '', ...kept],
    port,
    workers: Array.from({ length: workers }, () => node('bullmq.ts', 'worker', String(port), String(concurrency))),
    client: node('bullmq.ts', 'client', String(port)),
    env: libraryEnvironment(),
  });
}

/** graphile-worker on a PostgreSQL of its own, which does not run as root: then it is the user `postgres`. */
export async function graphile(directory: string, workers = 2): Promise<Peer> {
  const port = await freePort();
  const data = join(directory, 'data');
  mkdirSync(data, { recursive: true });
  const root = process.getuid?.() === 0;
  const as = root ? ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups'] : [];
  if (root) {
    const uid = Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }));
    chmodSync(join(directory, '..'), 0o711); // made for us alone
    for (const one of [directory, data]) chownSync(one, uid, uid);
  }
  const [initdb = '', ...args] = [...as, find('initdb') as string, '-D', data, '-U', 'bench', '-A', 'trust', '-N'];
  execFileSync(initdb, args, { stdio: 'ignore', cwd: '/' });
  const url = `postgres://bench@127.0.0.1:${port}/postgres`;
  const set = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: '100',
    shared_buffers: '512MB',
  };
  const settings = Object.entries(set).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  return startPeer({
    server: [...as, find('postgres') as string, '-D', data, '-p', String(port), ...settings],
    port,
    workers: [
      ...Array.from({ length: workers }, () => node('graphile.ts', 'worker', url, 'tuned')),
      node('graphile.ts', 'worker', url, 'plain'),
    ],
    client: node('graphile.ts', 'client', url),
    env: libraryEnvironment(),
  });
}

/** Bare hops between processes of Node. */
export async function hops(): Promise<{ client: Driver; stop(): Promise<void> }> {
  const relay = spawn(process.execPath, node('hops.ts', 'relay').slice(1), { stdio: ['ignore', 'pipe', 'inherit'] });
  const [port] = (await once(createInterface({ input: relay.stdout }), 'line')) as [string];
  const worker = spawn(process.execPath, node('hops.ts', 'worker', port).slice(1), { stdio: 'ignore' });
  const client = await startDriver(node('hops.ts', 'client', port));
  return {
    client,
    async stop() {
      await client.stop();
      await ended(worker);
      await ended(relay);
    },
  };
}
