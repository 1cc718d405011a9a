/** What the comparison needs of others: programs of the system, packages in a directory of their own, and how to get them. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createConnection, createServer } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ended } from './driver.ts';

/** Programs that are put here are found again by the next run. */
export const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'lbtop-bench');
export const programs = join(import.meta.dirname, 'programs');

/** Debian's packages, by the program that is looked for. */
const debian: Readonly<Record<string, string>> = {
  gearmand: 'gearman-job-server',
  gearman: 'gearman-tools',
  beanstalkd: 'beanstalkd',
  'redis-server': 'redis-server',
  postgres: 'postgresql',
  initdb: 'postgresql',
  parallel: 'parallel',
  xargs: 'findutils',
  cc: 'gcc libc6-dev',
};
const packages = { bullmq: 'bullmq@5', 'graphile-worker': 'graphile-worker@0.18' } as const;
export type Package = keyof typeof packages;

/** Returns where a program of the system is, or null. */
export function find(program: string): string | null {
  const postgres = '/usr/lib/postgresql';
  const versions = existsSync(postgres) ? readdirSync(postgres).map((version) => join(postgres, version, 'bin')) : [];
  const path = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', ...versions];
  return path.map((directory) => join(directory, program)).find((file) => existsSync(file)) ?? null;
}

function has(program: string): boolean {
  const file = find(program);
  // Another package has a program of this name.
  return file !== null && (program !== 'parallel' || /GNU/.test(spawnSync(file, ['--version']).stdout.toString()));
}

/** Returns why a side cannot run and what to do, or null. */
export function lacks(programs: readonly string[], library: Package | null = null): string | null {
  const absent = programs.filter((program) => !has(program));
  const commands: string[] = [];
  if (absent.length > 0)
    commands.push(`apt-get install ${[...new Set(absent.map((one) => debian[one] ?? one))].join(' ')}`);
  if (library !== null && !existsSync(moduleOf(library)))
    commands.push(`npm install --prefix ${cache} ${packages[library]}`);
  return commands.length === 0 ? null : `not installed here: ${commands.join('; ')} (or --install)`;
}

function moduleOf(library: Package): string {
  return join(cache, 'node_modules', library);
}

/** Installs what is missing: packages of npm in the cache, programs by apt-get (which takes root). Prints what it does. */
export function install(log: (line: string) => void): void {
  mkdirSync(cache, { recursive: true });
  const run = (command: string, ...args: string[]): void => {
    log([command, ...args].join(' '));
    try {
      execFileSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    } catch (error) {
      log(`  ${(error as Error).message.split('\n')[0]}; the sides that need it are skipped`);
    }
  };
  const absent = [...new Set(Object.keys(debian).filter((program) => !has(program)))];
  const names = [...new Set(absent.flatMap((program) => (debian[program] ?? '').split(' ')))];
  if (names.length > 0 && find('apt-get') !== null)
    run('apt-get', 'install', '-y', '--no-install-recommends', ...names);
  for (const [library, wanted] of Object.entries(packages))
    if (!existsSync(moduleOf(library as Package)))
      run('npm', 'install', '--silent', '--no-audit', '--no-fund', '--prefix', cache, wanted);
}

/** Returns a program of ours in C, compiled when it is newer than what the cache has. */
export function compiled(name: string): string {
  const [source, program] = [join(programs, `${name}.c`), join(cache, name)];
  mkdirSync(cache, { recursive: true });
  if (!existsSync(program) || statSync(program).mtimeMs < statSync(source).mtimeMs)
    execFileSync(find('cc') ?? 'cc', ['-O2', '-o', program, source], { stdio: 'inherit' });
  return program;
}

export interface Daemon {
  readonly pid: number;
  stop(): Promise<void>;
  /** kill -9. */
  kill(): Promise<void>;
}

/** Starts a server and resolves once its port takes connections. */
export async function daemon(command: readonly string[], port: number): Promise<Daemon> {
  const child = spawn(command[0] as string, command.slice(1), { stdio: 'ignore', cwd: tmpdir() });
  child.on('error', () => {}); // told by its exit
  while (!(await answers(port))) {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined)
      throw new Error(`${command[0]} ended with code ${child.exitCode}`);
    await sleep(5);
  }
  return {
    pid: child.pid as number,
    stop: () => ended(child),
    async kill() {
      const exit = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await exit;
    },
  };
}

/** Tells whether somebody listens on a port of this machine. */
export async function answers(port: number): Promise<boolean> {
  const socket = createConnection({ port, host: '127.0.0.1' });
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
  }).then((is) => {
    socket.destroy();
    return is as boolean;
  });
}

/** Returns a port that nobody has. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** The environment of programs that import packages of the cache. */
export function libraryEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, LBTOP_BENCH_MODULES: join(cache, 'node_modules', 'noop.js') };
}

/** Returns a package of the cache, of which nothing is known here. */
export function library(name: string) {
  return createRequire(join(cache, 'node_modules', 'noop.js'))(name);
}
