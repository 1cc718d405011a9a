/**
 * Processes started by real nodes, beside what else can start them, in turn in one run: `true` by `xargs`, `sh -c` by
 * Node's own spawn. Then what the agents took for it: CPU time, memory, the longest block of their event loops.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connectClient } from '../../source/client/client.ts';
import { jobSpec, type Work } from '../../source/model/job.ts';
import { processMemory, processStat } from '../../source/node/process-stat.ts';
import { startFleet } from '../../source/simulation/fleet.ts';
import { loadSecret } from '../../source/wire/secret.ts';
import { program } from '../helpers/lbtop.ts';

const nodes = 4;
const slotsPerNode = 2;
const atOnce = nodes * slotsPerNode;
const rounds = 5;

/** Prints rates and ratios of each round, their medians, and what the agents took. */
export async function benchProcesses(tasks = 5_000): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-bench-'));
  const fleet = await startFleet({ program: program(), directory, arguments: ['--cpu-limit', '100'] });
  const agents = Array.from({ length: nodes }, (_, i) => startNode(fleet, join(directory, 'delay'), `node-${i}`));
  const client = await connectClient({
    host: fleet.host,
    port: fleet.port,
    secret: await loadSecret(fleet.secretFile),
    role: 'operator',
    who: 'bench',
    timeoutMs: 10_000,
  });
  try {
    while ((await client.request('nodes', { from: 0, count: nodes })).length < nodes) await pause(50);
    await pause(3_000); // started up, and two heartbeats old
    const idleBytes = Math.max(...agents.map((one) => memory(one).residentBytes));
    const idleOwnBytes = Math.max(...agents.map((one) => memory(one).ownBytes));

    const [plain, shells]: [number[], number[]] = [[], []];
    const before = agents.map(ownMs);
    let started = 0;
    for (let round = 0; round <= rounds; round++) {
      const ours = await rate(client, tasks, { kind: 'command', argv: ['true'] });
      const xargs = await rateOf(tasks, `seq ${tasks} | xargs -P${atOnce} -n1 true`);
      const shell = await rate(client, tasks, { kind: 'command', argv: [':'], shell: true });
      const spawned = await spawnRate(tasks);
      started += 2 * tasks;
      if (round === 0) continue; // warm-up
      plain.push(ours / xargs);
      shells.push(shell / spawned);
      console.log(
        `true: ${show(ours)}/s, xargs ${show(xargs)}/s, ratio ${(ours / xargs).toFixed(2)}; ` +
          `sh -c: ${show(shell)}/s, spawn ${show(spawned)}/s, ratio ${(shell / spawned).toFixed(2)}`,
      );
    }
    const usedMs = agents.map((one, i) => ownMs(one) - (before[i] as number));
    const mostBytes = Math.max(...agents.map((one) => memory(one).peakBytes));
    console.log(
      `median ratios: true ${median(plain).toFixed(2)} of xargs, sh -c ${median(shells).toFixed(2)} of spawn`,
    );
    console.log(
      `an agent: ${((1_000 * sum(usedMs)) / started).toFixed(0)} us CPU a task, ` +
        `${mebibytes(idleBytes)} MiB idle (${mebibytes(idleOwnBytes)} its own), at most ${mebibytes(mostBytes)} MiB`,
    );
    client.close();
    await Promise.all(agents.map(end));
    const delays = readdirSync(directory).filter((name) => name.startsWith('delay-'));
    const blocks = delays.map(
      (name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as { blockedMs: number; maxMs: number },
    );
    console.log(
      `event loops blocked at most ${most(blocks.map((one) => one.blockedMs))} ms; with waiting for a core late by at most ` +
        `${most(blocks.map((one) => one.maxMs))} ms (of ${blocks.length} agents)`,
    );
  } finally {
    for (const one of agents) one.kill('SIGKILL');
    await fleet.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

function startNode(fleet: Awaited<ReturnType<typeof startFleet>>, file: string, name: string): ChildProcess {
  const [node, cli] = program();
  const watch = ['--import', join(import.meta.dirname, 'loop-delay.mjs')];
  const args = ['--node', '--connect', `${fleet.host}:${fleet.port}`, '--name', name, '--slots', String(slotsPerNode)];
  const env = { ...fleet.environment, LOOP_DELAY_FILE: file };
  return spawn(node, [...watch, cli, ...args], { env, stdio: 'ignore' });
}

/** Returns tasks a second from submission to the end of the job. */
async function rate(client: Client, tasks: number, work: Partial<Work>): Promise<number> {
  const spec = jobSpec({
    work: { kind: 'command', argv: [], shell: false, task: '', input: null, ...work },
    span: { count: tasks, first: 1, step: 1 },
  });
  const start = performance.now();
  const { job } = await client.request('submit', { spec, upload: null });
  let state = '';
  await client.stream('wait', { jobs: [job] }, ([row]) => {
    state = row?.state ?? '';
  });
  const seconds = (performance.now() - start) / 1_000;
  if (state !== 'succeeded') throw new Error(`the job ${state}`);
  await client.request('purge', { job });
  return tasks / seconds;
}

async function rateOf(tasks: number, line: string): Promise<number> {
  const start = performance.now();
  await ended(spawn('/bin/sh', ['-c', line], { stdio: 'ignore' }));
  return tasks / ((performance.now() - start) / 1_000);
}

/** `sh -c :` by spawn, from a process that does nothing else. */
async function spawnRate(tasks: number): Promise<number> {
  const script = `
    const { spawn } = require('node:child_process');
    let left = ${tasks};
    const next = () => { if (left-- > 0) spawn('/bin/sh', ['-c', ':'], { stdio: ['ignore', 'pipe', 'pipe'] }).on('close', next); };
    const start = performance.now();
    process.on('exit', () => console.log(performance.now() - start));
    for (let i = 0; i < ${atOnce}; i++) next();`;
  const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  await ended(child);
  return tasks / (Number(text) / 1_000);
}

function ended(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => child.once('close', () => resolve()));
}

async function end(child: ChildProcess): Promise<void> {
  const over = ended(child);
  child.kill('SIGTERM');
  await over;
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
export const ownMs = (child: ChildProcess): number => processStat(child.pid as number)?.ownMs ?? 0;
export const memory = (child: ChildProcess) =>
  processMemory(child.pid as number) ?? { residentBytes: 0, ownBytes: 0, peakBytes: 0 };
const show = (perSecond: number): string => perSecond.toFixed(0);
export const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(0);
const most = (values: readonly number[]): string => Math.max(...values).toFixed(1);
const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}
