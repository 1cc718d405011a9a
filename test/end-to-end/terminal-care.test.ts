/** What becomes of a coordinator, of its work and of the terminal when an interface ends otherwise than by `q`. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { JobRow, Status } from '../../source/model/report.ts';
import { allPids, descendants } from '../../source/node/process-stat.ts';
import { type Cluster, finished, program, startCluster, until } from '../helpers/lbtop.ts';
import { noTerminal, openTerminal, type TestTerminal } from '../helpers/terminal.ts';

const why = noTerminal();
if (why !== null) console.warn(`skipped: interfaces that end otherwise: ${why}`);

const restored = {
  alternateScreen: false,
  cursorHidden: false,
  wraparound: true,
  bracketedPaste: false,
  mouse: 'none',
};

const open: TestTerminal[] = [];
afterEach(() => {
  for (const terminal of open.splice(0)) terminal.close();
});

function places(directory: string): Record<string, string> {
  return { XDG_STATE_HOME: join(directory, 'state'), XDG_CONFIG_HOME: join(directory, 'config') };
}

describe.skipIf(why !== null)('a coordinator in a terminal', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'lbtop-care-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  /** A coordinator with its interface and, in the same directory, a node; and a job that goes on. */
  async function start() {
    const [node, script] = program();
    const env = places(directory);
    // Not started from here: what this process starts holds on to the terminal, which then cannot go away.
    const agent = `until [ -s state/lbtop/coordinator ]; do sleep 0.1; done; exec "$0" "$1" --node --name a --slots 2`;
    const terminal = openTerminal(
      'sh',
      [
        '-c',
        `setsid sh -c '${agent}' "$0" "$1" </dev/null >/dev/null 2>&1 & exec "$0" "$@"`,
        ...[node, script, '--coordinator', '--port', '0', '--data', 'none', '--cpu-limit', '100'],
      ],
      { env, cwd: directory },
    );
    open.push(terminal);
    await terminal.waitFor(/● a /);
    const ask = async <T>(...args: string[]): Promise<T> => {
      const child = spawn(node, [script, ...args, '--json'], { env: { ...process.env, ...env }, cwd: directory });
      const { code, stdout, stderr } = await finished(child);
      if (code !== 0) throw new Error(`lbtop ${args.join(' ')} exited ${code}: ${stderr}`);
      return JSON.parse(stdout) as T;
    };
    const { job } = await ask<{ job: number }>('submit', '--array', '1-40', '--task', 'sleep', '--input', '0.2');
    const done = async (): Promise<JobRow | undefined> => (await ask<JobRow[]>('jobs')).find((row) => row.job === job);
    return {
      terminal,
      ask,
      done,
      async [Symbol.asyncDispose]() {
        // The node goes with it.
        for (const pid of pidsIn(directory)) endOf(pid);
        await until(() => pidsIn(directory).length === 0);
      },
    };
  }

  test('gets it back when the interface is killed, says so, and goes on with its work', async () => {
    await using one = await start();
    const { terminal } = one;
    expect(terminal.modes()).toMatchObject({ alternateScreen: true, cursorHidden: true });
    const face = faceOf(terminal.pid);
    process.kill(face, 'SIGKILL');
    await terminal.waitFor(/the interface ended \(SIGKILL\); the coordinator goes on/);
    expect(terminal.modes()).toMatchObject(restored);
    await until(async () => (await one.done())?.state === 'succeeded');
    expect(await one.done()).toMatchObject({ succeeded: 40, failed: 0, lost: 0 });
    // A line of a shell again: what is typed is seen, and Ctrl-C is a signal.
    terminal.keys('typed');
    await terminal.waitFor('typed');
    terminal.keys('\x03');
    expect((await terminal.exited).exitCode).toBe(0);
  });

  test('goes on with its work when the terminal is closed', async () => {
    await using one = await start();
    one.terminal.hangUp();
    await until(async () => (await one.done())?.state === 'succeeded');
    expect(await one.done()).toMatchObject({ succeeded: 40, failed: 0, lost: 0 });
    expect(await one.ask<Status>('status')).toMatchObject({ nodes: { up: 1 }, reexecuted: 0 });
    await until(() => faceOf(one.terminal.pid) === 0);
  });
});

describe.skipIf(why !== null)('an attached interface', () => {
  function attach({ fleet, directory }: Cluster, shell: string): TestTerminal {
    const [node, script] = program();
    const terminal = openTerminal('sh', ['-c', shell, node, script, '--attach', `${fleet.host}:${fleet.port}`], {
      env: places(directory),
      cwd: directory,
    });
    open.push(terminal);
    return terminal;
  }

  test('ends with its terminal though no signal tells it', async () => {
    await using cluster = await startCluster(['a']);
    const pidFile = join(cluster.directory, 'pid');
    writeFileSync(pidFile, '');
    // In a session of its own the kernel tells it nothing: only its input ends.
    const terminal = attach(cluster, `setsid sh -c 'echo $$ > pid; exec "$0" "$@"' "$0" "$@"; sleep 600`);
    await terminal.waitFor(/● a /);
    const pid = Number(readFileSync(pidFile, 'utf8'));
    expect(isThere(pid)).toBe(true);
    terminal.hangUp();
    await until(() => !isThere(pid));
    expect((await cluster.json<Status>(['status'])).nodes.up).toBe(1);
  });

  test.each([
    ['closed', '<&-'],
    ['a file', '</dev/null'],
  ])('does not begin with an input that is %s: a line says what would do', async (_, input) => {
    await using cluster = await startCluster([]);
    const terminal = attach(cluster, `"$0" "$@" ${input}`);
    await terminal.waitFor('lbtop: the interface needs a terminal');
    expect((await terminal.exited).exitCode).toBe(2);
    expect(terminal.output).not.toContain('\x1b[?1049h');
    expect(terminal.modes()).toMatchObject(restored);
  });
});

describe('where nobody reads what is said', () => {
  const outputs = [
    ['closed streams', '"$0" "$@" <&- >&- 2>&-'],
    ['a full disk', '"$0" "$@" </dev/null >/dev/full 2>/dev/full'],
    ['a pipe that was left', '"$0" "$@" </dev/null 2>&1 | head -n 1'],
    ['a dumb terminal', 'TERM=dumb "$0" "$@"'],
  ] as const;

  test.each(outputs)('a coordinator and its node go on: %s', { timeout: 120_000 }, async (_what, shell) => {
    const directory = await mkdtemp(join(tmpdir(), 'lbtop-care-'));
    const [node, script] = program();
    const env = { ...process.env, ...places(directory) };
    const start = (...args: string[]) =>
      spawn('sh', ['-c', shell, node, script, ...args], { env, cwd: directory, stdio: 'ignore' });
    const ask = (...args: string[]) => finished(spawn(node, [script, ...args], { env, cwd: directory }));
    try {
      start('--coordinator', '--port', '0', '--data', 'none', '--cpu-limit', '100');
      await until(() => existsSync(join(directory, 'state/lbtop/coordinator')));
      start('--node', '--name', 'a', '--slots', '2');
      await until(async () => (await ask('nodes', '--json')).stdout.includes('"up"'));
      // Each join, end and event is a line that goes nowhere.
      for (let round = 0; round < 3; round++)
        expect(await ask('run', '--array', '1-20', '--', 'echo', 'x')).toMatchObject({
          code: 0,
          stdout: 'x\n'.repeat(20),
        });
      expect(JSON.parse((await ask('status', '--json')).stdout)).toMatchObject({ nodes: { up: 1 }, reexecuted: 0 });
    } finally {
      for (const pid of pidsIn(directory)) endOf(pid);
      await until(() => pidsIn(directory).length === 0);
      await rm(directory, { recursive: true, force: true });
    }
  });
});

/** It may have ended by itself meanwhile. */
function endOf(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

function isThere(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** The interface of a coordinator: its child that is one; 0 where there is none. */
function faceOf(coordinator: number): number {
  return descendants(coordinator).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--attach')) ?? 0;
}

/** The processes that work in a directory. */
function pidsIn(directory: string): number[] {
  return allPids().filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === directory && isThere(pid);
    } catch {
      return false;
    }
  });
}
