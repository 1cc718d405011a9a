/**
 * A program that does a side's work when it is told to: it reads a command a line and answers each with a line of JSON.
 * Every side has a client of its own in a process of its own, in whatever language.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { treeCpuMs } from './cpu.ts';
import type { Figures } from './row.ts';

export interface Driver {
  readonly pid: number;
  /** Says a command and resolves with the answer. Throws where the program ends before. */
  ask(command: string): Promise<Figures>;
  stop(): Promise<void>;
}

/** Starts the program; it says a line of its own when it is ready. */
export async function startDriver(command: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Driver> {
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'], env });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const failed = once(child, 'error').then(([error]) => Promise.reject(error as Error));
  failed.catch(() => {});
  child.stdin.on('error', () => {}); // told by the answer that does not come
  async function answer(): Promise<string> {
    const { done, value } = await Promise.race([lines.next(), failed]);
    if (done) throw new Error(`${command.slice(0, 3).join(' ')} ended`);
    return value;
  }
  await answer();
  return {
    pid: child.pid as number,
    async ask(command) {
      child.stdin.write(`${command}\n`);
      return JSON.parse(await answer()) as Figures;
    },
    stop: () => ended(child),
  };
}

/** Ends a process that this one has started. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
  await exit;
  clearTimeout(timer);
}

/**
 * Does bursts of as many tasks as take about so long: the number comes from the rate of the burst before, and the first are
 * repeated for three times as long, until compilers have done what they can. Returns tasks a second, and CPU a task over all
 * the processes of the side (`pids` and their descendants).
 */
export function bursts(driver: Pick<Driver, 'ask'>, pids: () => readonly number[], first = 2_000, most = 400_000) {
  let tasks = first;
  let warm = false;

  async function burst(seconds: number): Promise<Figures> {
    const before = treeCpuMs(pids());
    const { ms = Number.NaN } = await driver.ask(`burst ${tasks}`);
    const cpuMs = treeCpuMs(pids()) - before;
    const figures = { rate: (tasks / ms) * 1_000, cpu: (cpuMs * 1_000) / tasks };
    tasks = Math.max(100, Math.min(most, Math.round(figures.rate * seconds)));
    return figures;
  }

  return async (seconds: number): Promise<Figures> => {
    const until = performance.now() + 3_000 * seconds;
    while (!warm && performance.now() < until) await burst(seconds / 2);
    warm = true;
    return burst(seconds);
  };
}

/** One task after the other, as many as take about so long, warmed up alike. Returns p50 and p99 in ms. */
export function oneByOne(driver: Pick<Driver, 'ask'>, warmUp = 5_000) {
  let tasks = 0;
  return async (seconds: number): Promise<Figures> => {
    if (tasks === 0) {
      const { ms = Number.NaN } = await driver.ask(`single ${seconds < 0.5 ? 200 : warmUp}`);
      tasks = Math.max(100, Math.round(((seconds < 0.5 ? 200 : warmUp) / ms) * 1_000 * seconds));
    }
    const { p50 = Number.NaN, p99 = Number.NaN } = await driver.ask(`single ${tasks}`);
    return { p50, p99 };
  };
}
