/** Runs the built program as its users do: real processes, a state directory of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestRunner } from 'vitest';
import { type Fleet, startFleet } from '../../source/simulation/fleet.ts';

const cli = resolve(import.meta.dirname, '../../dist/cli.js');

/** Program and first arguments. Throws where the program was not built. */
export function program(): [string, string] {
  if (!existsSync(cli)) throw new Error('dist/cli.js is missing: npm run build');
  return [process.execPath, cli];
}

export interface Ran {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface Cluster {
  readonly fleet: Fleet;
  readonly directory: string;
  /** Runs `lbtop ARGS…` against this cluster to its end. */
  lbtop(args: readonly string[], input?: string, env?: Record<string, string>): Promise<Ran>;
  /** Runs it and parses what it printed as JSON; throws where it failed. */
  json<T>(args: readonly string[]): Promise<T>;
  /** Starts it and does not wait; `env` comes on top of the cluster's own. */
  start(args: readonly string[], env?: Record<string, string>): ChildProcess;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a coordinator with nodes of those names, two slots each, and waits until they have joined.
 * The CPU limit is off unless the arguments say otherwise: the tests themselves are a load. `durable`: with data that
 * outlive the coordinator, in `data` of its directory, or in the directory `data`; else in memory. `log`: is told each line
 * that the coordinator logs.
 */
export async function startCluster(
  nodes: readonly string[],
  coordinatorArguments: (directory: string) => readonly string[] = () => ['--cpu-limit', '100'],
  { durable = false, data, log }: { durable?: boolean; data?: string; log?: (line: string) => void } = {},
): Promise<Cluster> {
  const directory = await mkdtemp(join(tmpdir(), 'lbtop-test-'));
  const fleet = await startFleet({
    program: program(),
    directory,
    arguments: coordinatorArguments(directory),
    data: data ?? (durable ? join(directory, 'data') : 'none'),
    ...(log === undefined ? {} : { log }),
  });
  for (const name of nodes) fleet.startNode(name, ['--slots', '2']);
  const started: ChildProcess[] = [];

  function start(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
    const [node, script] = program();
    const child = spawn(node, [script, ...args], {
      env: { ...fleet.environment, ...env },
      stdio: 'pipe',
      cwd: directory,
    });
    started.push(child);
    return child;
  }
  const cluster: Cluster = {
    fleet,
    directory,
    start,
    lbtop: (args, input, env) => finished(start(args, env), input),
    async json<T>(args: readonly string[]) {
      const { code, stdout, stderr } = await cluster.lbtop([args[0] as string, '--json', ...args.slice(1)]);
      if (code !== 0) throw new Error(`lbtop ${args.join(' ')} exited ${code}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
    async [Symbol.asyncDispose]() {
      for (const child of started) child.kill('SIGKILL');
      await fleet.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
  await until(async () => (await cluster.json<unknown[]>(['nodes'])).length === nodes.length);
  return cluster;
}

/** Collects what a program says until it has ended. */
export async function finished(child: ChildProcess, input = ''): Promise<Ran> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text) => {
    stderr += text;
  });
  child.stdin?.on('error', () => {}); // it may end without reading
  child.stdin?.end(input);
  const closed = Promise.withResolvers<Ran>();
  child.on('close', (code, signal) => closed.resolve({ code, signal, stdout, stderr }));
  return closed.promise;
}

/** Waits until a condition holds. Throws where the test's own time is over: what it started is then put away. */
export async function until(met: () => Promise<boolean> | boolean): Promise<void> {
  // Scripts wait as well, without a test.
  const signal = TestRunner.getCurrentTest()?.context.signal;
  while (!(await met())) {
    signal?.throwIfAborted();
    await sleep(20);
  }
}
