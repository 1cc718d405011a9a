/** A coordinator and nodes as processes of their own, on loopback, with their state in one directory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LbtopError } from '../model/errors.ts';

export interface FleetOptions {
  /** Program and first arguments that run lbtop. */
  program: readonly [string, ...string[]];
  /** State, secret and logs go here. */
  directory: string;
  /** Where the coordinator keeps its data; by default nowhere. */
  data?: string;
  /** Further arguments of the coordinator. */
  arguments?: readonly string[];
  /** Is told each line that the coordinator logs. */
  log?: (line: string) => void;
  signal?: AbortSignal;
}

export interface Fleet {
  readonly host: string;
  readonly port: number;
  readonly secretFile: string;
  /** For commands that are to find this coordinator and no other. */
  readonly environment: NodeJS.ProcessEnv;
  /** kill -9 of the coordinator. */
  killCoordinator(): Promise<void>;
  /** Holds the coordinator (SIGSTOP), or lets it go on (SIGCONT). */
  signalCoordinator(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Ends the coordinator alone, gently. */
  endCoordinator(): Promise<void>;
  /** Starts the coordinator again on the same port; the one before has ended. */
  restartCoordinator(): Promise<void>;
  startNode(name: string, args?: readonly string[]): ChildProcess;
  /** kill -9. */
  killNode(name: string): void;
  /** Ends all processes gently; what does not end in 5 s is killed. */
  stop(): Promise<void>;
}

const endMs = 5_000;

/** Starts a coordinator and resolves when it listens. Throws LbtopError where it does not start. */
export async function startFleet({ program, directory, signal, ...options }: FleetOptions): Promise<Fleet> {
  const [command, ...first] = program;
  const environment = cleanEnvironment(directory);
  const children = new Map<string, ChildProcess>();

  function start(name: string, args: readonly string[], stdio: 'ignore' | ['ignore', 'pipe', 'inherit']): ChildProcess {
    const child = spawn(command, [...first, ...args], { env: environment, stdio });
    child.on('error', () => {}); // told by its exit
    children.set(name, child);
    return child;
  }

  async function stop(): Promise<void> {
    // Nodes first: they say goodbye while there is somebody to hear it.
    const nodes = [...children].filter(([name]) => name !== '').map(([, child]) => child);
    await Promise.all(nodes.map(endChild));
    const coordinator = children.get('');
    if (coordinator !== undefined) await endChild(coordinator);
  }

  function startCoordinator(port: number): Promise<[host: string, port: number]> {
    const where = ['--port', String(port), '--data', options.data ?? 'none'];
    const args = ['--coordinator', '--headless', ...where, ...(options.arguments ?? [])];
    return listening(start('', args, ['ignore', 'pipe', 'inherit']), options.log);
  }

  signal?.addEventListener('abort', () => void stop(), { once: true });
  const [host, port] = await startCoordinator(0);
  return {
    host,
    port,
    secretFile: join(directory, 'state', 'lbtop', 'secret'),
    environment,
    async killCoordinator() {
      const coordinator = children.get('');
      if (coordinator === undefined || hasEnded(coordinator)) return;
      const exited = once(coordinator, 'exit');
      coordinator.kill('SIGKILL');
      await exited;
    },
    signalCoordinator: (signal) => void children.get('')?.kill(signal),
    endCoordinator: async () => endChild(children.get('') as ChildProcess),
    restartCoordinator: async () => void (await startCoordinator(port)),
    startNode: (name, args = []) =>
      start(name, ['--node', '--connect', `${host}:${port}`, '--name', name, ...args], 'ignore'),
    killNode: (name) => void children.get(name)?.kill('SIGKILL'),
    stop,
  };
}

async function listening(coordinator: ChildProcess, log: FleetOptions['log']): Promise<[host: string, port: number]> {
  if (coordinator.stdout === null) throw new LbtopError('failed', 'the coordinator has no output');
  const told = Promise.withResolvers<string>();
  let isFirst = true;
  // From the beginning: a line that comes in one piece with the first would pass whoever listens only after that one. And
  // to the end, so that its log never fills the pipe.
  createInterface({ input: coordinator.stdout }).on('line', (line) => {
    if (!isFirst) log?.(line);
    isFirst = false;
    told.resolve(line);
  });
  coordinator.once('exit', (code) => told.resolve(`it ended with code ${code}`));
  const first = await told.promise;
  const match = /^listening on (.+):(\d+)$/.exec(first);
  if (match === null) throw new LbtopError('failed', `the coordinator did not start: ${first}`);
  return [match[1] as string, Number(match[2])];
}

async function endChild(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), endMs);
  await exited;
  clearTimeout(timer);
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

/** Returns the environment of a fleet whose state is in `directory`: the user's own settings and coordinator stay out of it. */
export function cleanEnvironment(directory: string): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('LBTOP_'));
  return {
    ...Object.fromEntries(kept),
    XDG_STATE_HOME: join(directory, 'state'),
    XDG_CONFIG_HOME: join(directory, 'config'),
  };
}
