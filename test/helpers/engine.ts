/** A three-member etcd on loopback, for tests; what it needs is Debian's package etcd-server. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEtcd } from '../../source/wire/etcd.ts';

/** Why there is no engine here, or null where there is one. */
export const engineMissing: string | null =
  spawnSync('etcd', ['--version'], { stdio: 'ignore' }).status === 0
    ? null
    : 'etcd is not installed (apt-get install etcd-server)';

if (engineMissing !== null) console.warn(`skipped, what needs an engine: ${engineMissing}`);

export interface EngineMember {
  readonly clientPort: number;
  readonly pid: number;
  /** At once, as by kill -9; resolves when it is gone. */
  kill(): Promise<void>;
  /** Again with what it had. */
  start(): void;
  signal(name: NodeJS.Signals): void;
}

export interface Engine {
  /** `etcd://…`, with all members. */
  readonly url: string;
  readonly members: readonly EngineMember[];
  /** Resolves when it takes something. */
  ready(): Promise<void>;
  /** Ends it and removes what it had. */
  stop(): Promise<void>;
}

/** Starts an engine; resolves when it answers. `extra` are more of its flags. */
export async function startEngine({ count = 3, extra = [] as readonly string[] } = {}): Promise<Engine> {
  const directory = await mkdtemp(join(tmpdir(), 'lbtop-engine-'));
  const ports = await freePorts(count * 2);
  const peers = Array.from({ length: count }, (_, i) => `m${i}=http://127.0.0.1:${ports[i * 2]}`).join(',');
  const members = Array.from({ length: count }, (_, i) =>
    startMember(ports[i * 2 + 1] as number, [
      ...['--name', `m${i}`, '--data-dir', join(directory, `m${i}`), '--initial-cluster', peers],
      ...['--listen-peer-urls', `http://127.0.0.1:${ports[i * 2]}`],
      ...['--initial-advertise-peer-urls', `http://127.0.0.1:${ports[i * 2]}`],
      ...['--listen-client-urls', `http://127.0.0.1:${ports[i * 2 + 1]}`],
      ...['--advertise-client-urls', `http://127.0.0.1:${ports[i * 2 + 1]}`],
      ...['--logger', 'zap', '--log-level', 'fatal', ...extra],
    ]),
  );
  const list = members.map(({ clientPort }) => ({ host: '127.0.0.1', port: clientPort }));
  const engine: Engine = {
    url: `etcd://${list.map(({ host, port }) => `${host}:${port}`).join(',')}`,
    members,
    async ready() {
      const etcd = openEtcd({ members: list, prefix: '/ready' });
      const value = { key: Buffer.from('/ready').toString('base64'), value: '' };
      await etcd.call('kv/put', value, { withinMs: 60_000 }).finally(() => etcd.close());
    },
    async stop() {
      await Promise.all(members.map((member) => member.kill()));
      await rm(directory, { recursive: true, force: true });
    },
  };
  await engine.ready();
  return engine;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

function startMember(clientPort: number, args: readonly string[]): EngineMember {
  const run = (): ChildProcess => {
    const child = spawn('etcd', args, { stdio: 'ignore' });
    running.add(child);
    child.once('exit', () => running.delete(child));
    return child;
  };
  let child = run();
  return {
    clientPort,
    get pid() {
      return child.pid as number;
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    },
    start() {
      child = run();
    },
    signal: (name) => void child.kill(name),
  };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
