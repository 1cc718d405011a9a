/** Coordinators that share an engine, and nodes, as real processes with a state directory of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cleanEnvironment } from '../../source/simulation/fleet.ts';
import { finished, program, type Ran } from './lbtop.ts';

/** One coordinator's process. */
export interface Contender {
  readonly pid: number;
  /** When it listens: where, and at which time (`performance.now()`). Rejects where it ends before. */
  readonly leads: Promise<{ address: string; atMs: number }>;
  /** When it knows who leads. Rejects as `leads`. */
  readonly standsBy: Promise<void>;
  readonly ended: Promise<Ran>;
  signal(name: NodeJS.Signals): void;
}

export interface Succession {
  readonly directory: string;
  readonly secretFile: string;
  /** Starts a coordinator on any port. */
  startCoordinator(args?: readonly string[]): Contender;
  /** Starts one that waits; resolves when it knows who leads. */
  startStandby(args?: readonly string[]): Promise<Contender>;
  startNode(name: string, args?: readonly string[]): ChildProcess;
  /** Runs `lbtop ARGS…` to its end; it looks the leader up unless the arguments say otherwise. */
  lbtop(args: readonly string[]): Promise<Ran>;
  json<T>(args: readonly string[]): Promise<T>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Nothing is started yet. `url` is the engine's. */
export async function successionIn(url: string): Promise<Succession> {
  const directory = await mkdtemp(join(tmpdir(), 'lbtop-test-'));
  const env = { ...cleanEnvironment(directory), LBTOP_CONNECT: url };
  const started: ChildProcess[] = [];

  function start(args: readonly string[], stdio: 'ignore' | 'pipe' = 'pipe'): ChildProcess {
    const [node, script] = program();
    const child = spawn(node, [script, ...args], { env, stdio, cwd: directory });
    started.push(child);
    return child;
  }

  function startCoordinator(args: readonly string[] = []): Contender {
    const fixed = ['--coordinator', '--headless', '--port', '0', '--store', url, '--cpu-limit', '100'];
    return contender(start([...fixed, ...args]));
  }

  const self: Succession = {
    directory,
    secretFile: join(directory, 'state', 'lbtop', 'secret'),
    startCoordinator,
    async startStandby(args = []) {
      const one = startCoordinator(['--standby', ...args]);
      await one.standsBy;
      return one;
    },
    startNode: (name, args = []) => start(['--node', '--name', name, ...args], 'ignore'),
    lbtop: (args) => finished(start(args)),
    async json<T>(args: readonly string[]) {
      const { code, stdout, stderr } = await self.lbtop([args[0] as string, '--json', ...args.slice(1)]);
      if (code !== 0) throw new Error(`lbtop ${args.join(' ')} exited ${code}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
    async [Symbol.asyncDispose]() {
      for (const child of started) child.kill('SIGKILL');
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
  return self;
}

function contender(child: ChildProcess): Contender {
  const leads = Promise.withResolvers<{ address: string; atMs: number }>();
  const standsBy = Promise.withResolvers<void>();
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (text) => {
      said += String(text);
      const [, address] = /^listening on (\S+)$/m.exec(said) ?? [];
      if (address !== undefined) leads.resolve({ address, atMs: performance.now() });
      if (/ stands by: /.test(said)) standsBy.resolve();
    });
  const ended = finished(child);
  void ended.then(({ code, stderr }) => {
    const error = new Error(`the coordinator exited ${code}: ${stderr}`);
    leads.reject(error);
    standsBy.reject(error);
  });
  leads.promise.catch(() => {}); // not everybody waits for both
  standsBy.promise.catch(() => {});
  return {
    pid: child.pid as number,
    leads: leads.promise,
    standsBy: standsBy.promise,
    ended,
    signal: (name) => void child.kill(name),
  };
}
