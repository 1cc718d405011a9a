/** The other sides: a server, its workers and a client, each a process of its own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Driver, ended, startDriver } from './driver.ts';
import { compiled, type Daemon, daemon, find, freePort, library, libraryEnvironment, programs } from './peers.ts';

export interface Peer {
  readonly client: Driver;
  readonly server: Daemon;
  /** Of server, workers and client. */
  pids(): number[];
  stop(): Promise<void>;
  /**
   * kill -9 of the server, then the server again on what the one before has left. Resolves with the number of jobs in its
   * queue and the time from its start to that answer. Workers and client are gone.
   */
  killed(): Promise<Recovery>;
}

export interface Recovery {
  left: number;
  ms: number;
}

const node = (script: string, ...args: string[]): string[] => [process.execPath, join(programs, script), ...args];

interface Parts {
  server: readonly string[];
  port: number;
  workers: readonly (readonly string[])[];
  client: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** Asks the server how many jobs wait; throws while it does not answer. */
  left(port: number): Promise<number>;
}

async function startPeer({ server, port, workers, client, env = process.env, left }: Parts): Promise<Peer> {
  let running = await daemon(server, port);
  const hands: ChildProcess[] = [];
  try {
    const asked = await startDriver(client, env);
    for (const [command = '', ...args] of workers) hands.push(spawn(command, args, { stdio: 'ignore', env }));
    return {
      client: asked,
      get server() {
        return running;
      },
      pids: () => [running.pid, asked.pid, ...hands.map(({ pid }) => pid as number)],
      async stop() {
        await asked.stop();
        await Promise.all(hands.map(ended));
        await running.stop();
      },
      async killed() {
        await running.kill();
        await asked.stop();
        await Promise.all(hands.map(ended));
        const from = performance.now();
        running = await startAgain(server, port, from);
        return { left: await patiently(() => left(port)), ms: performance.now() - from };
      },
    };
  } catch (error) {
    await running.stop();
    throw error;
  }
}

/** PostgreSQL does not start while a process of the one before has not seen yet that it is gone. */
async function startAgain(server: readonly string[], port: number, from: number): Promise<Daemon> {
  for (;;)
    try {
      return await daemon(server, port);
    } catch (error) {
      if (performance.now() - from > 10_000) throw error;
      await sleep(20);
    }
}

/** Tries again until there is an answer. */
async function patiently(ask: () => Promise<number>): Promise<number> {
  for (;;)
    try {
      return await ask();
    } catch {
      await sleep(5);
    }
}

/** Says a line to a server and resolves with what it answers once that matches; throws where it says no. */
async function askPlainly(port: number, line: string, wanted: RegExp): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let heard = '';
  try {
    socket.write(`${line}\r\n`);
    for await (const chunk of socket) {
      heard += chunk;
      const found = wanted.exec(heard);
      if (found !== null) return found[1] ?? '';
      if (heard.startsWith('-')) throw new Error(heard);
    }
  } finally {
    socket.destroy();
  }
  throw new Error(`${line}: no answer`);
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
    left: async () => Number((await askPlainly(port, 'status', /(?:kept\t(\d+)[\s\S]*)?\n?\.\n/)) || 0),
  });
}

/** `directory`: its log lies there and is synced at every write, or not more often than `syncMs`; null: all in memory. */
export async function beanstalkd({
  directory = null as string | null,
  workers = 4,
  ahead = 8,
  syncMs = 0,
} = {}): Promise<Peer> {
  const port = await freePort();
  if (directory !== null) mkdirSync(directory, { recursive: true });
  const kept = directory === null ? [] : ['-b', directory, `-f${syncMs}`];
  return startPeer({
    server: [find('beanstalkd') as string, '-l', '127.0.0.1', '-p', String(port), ...kept],
    port,
    workers: Array.from({ length: workers }, () => node('beanstalkd.ts', 'worker', String(port), String(ahead))),
    client: node('beanstalkd.ts', 'client', String(port)),
    left: async () => Number(await askPlainly(port, 'stats', /current-jobs-ready: (\d+)/)),
  });
}

/**
 * BullMQ on a redis of its own. `directory`: appends are synced before each answer; null: all in memory. `usual`: redis as it
 * comes instead, with its data in this directory.
 */
export async function bullmq({
  directory = null as string | null,
  usual = null as string | null,
  workers = 4,
  concurrency = 50,
} = {}): Promise<Peer> {
  const port = await freePort();
  if (directory !== null) mkdirSync(directory, { recursive: true });
  for (const one of [directory, usual]) if (one !== null) mkdirSync(one, { recursive: true });
  const kept =
    usual !== null
      ? ['--dir', usual]
      : directory === null
        ? ['--save', '', '--appendonly', 'no']
        : ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always', '--dir', directory];
  return startPeer({
    server: [find('redis-server') as string, '--bind', '127.0.0.1', '--port', String(port), ...kept],
    port,
    workers: Array.from({ length: workers }, () => node('bullmq.ts', 'worker', String(port), String(concurrency))),
    client: node('bullmq.ts', 'client', String(port)),
    left: async () => Number(await askPlainly(port, 'LLEN bull:kept:wait', /^:(\d+)/)),
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
    async left() {
      const client = new (library('pg').Client)({ connectionString: url });
      client.on('error', () => {});
      await client.connect();
      try {
        const { rows } = await client.query('select count(*) from graphile_worker._private_jobs');
        return Number(rows[0].count);
      } finally {
        await client.end();
      }
    },
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
