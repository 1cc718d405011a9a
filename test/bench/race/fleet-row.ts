/** W7: many nodes at one coordinator. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Lbtop } from '../../../source/client/index.ts';
import { descendants, processMemory } from '../../../source/node/process-stat.ts';
import { startFleet } from '../../../source/simulation/fleet.ts';
import { program } from '../../helpers/lbtop.ts';
import { noTerminal, openTerminal } from '../../helpers/terminal.ts';
import { treeCpuMs } from './cpu.ts';
import { type Driver, ended, startDriver } from './driver.ts';
import { loopDelayOf } from './loop-delay-of.ts';
import { programs } from './peers.ts';
import type { Figures, Row, Side } from './row.ts';
import { notBuilt } from './sides-lbtop.ts';

/** How long is looked at the nodes; where some die, that is to be noticed within. */
const windowMs = { alive: 4_000, dying: 7_000 };
/** The joins are behind it then, and the compiler has seen a heartbeat often. */
const warmUpMs = 8_000;
const crowds = 2;
const tasks = 20_000;

const run = (script: string, ...args: (string | number)[]): Promise<Driver> =>
  startDriver([process.execPath, join(programs, script), ...args.map(String)]);

/** Joins so many nodes from a few processes. */
async function joinAll(count: number, of: (each: number, number: number) => Promise<Driver>): Promise<Driver[]> {
  const processes = Math.min(crowds, count);
  return Promise.all(Array.from({ length: processes }, (_, i) => of(Math.floor((count + i) / processes), i)));
}

async function watched(directory: string, count: number, deaths: boolean): Promise<Figures> {
  mkdirSync(directory, { recursive: true });
  const before = new Set(descendants(process.pid));
  const delays = join(directory, 'delay');
  const [command, script] = program();
  const watch = ['--import', join(import.meta.dirname, '../loop-delay.mjs')];
  Object.assign(process.env, { LOOP_DELAY_FILE: delays, LOOP_DELAY_FROM: 'signal' });
  const fleet = await startFleet({
    program: [command, ...watch, script],
    directory,
    data: join(directory, 'data'),
    arguments: ['--cpu-limit', '100'],
  }).finally(() => {
    delete process.env.LOOP_DELAY_FILE;
    delete process.env.LOOP_DELAY_FROM;
  });
  const pid = descendants(process.pid).find((one) => !before.has(one)) as number;
  const { host, port, secretFile } = fleet;
  const started: Driver[] = [];
  const lbtop = await connect({ connect: `${host}:${port}`, secretFile });
  const terminal =
    noTerminal() !== null
      ? null
      : openTerminal(command, [script, '--attach', `${host}:${port}`], {
          ...{ columns: 200, rows: 50 },
          env: { XDG_STATE_HOME: join(directory, 'state'), XDG_CONFIG_HOME: join(directory, 'config') },
        });
  try {
    const crowd = await joinAll(count, (each, i) => run('crowd.ts', port, secretFile, each, `n${i}`, 8));
    const client = await run('lbtop.ts', `${host}:${port}`, secretFile);
    started.push(client, ...crowd);
    const [silent, gone] = deaths
      ? [await run('crowd.ts', port, secretFile, 1, 'silent', 8), await run('crowd.ts', port, secretFile, 1, 'gone', 8)]
      : [null, null];
    if (silent !== null && gone !== null) started.push(silent, gone);
    await sleep(warmUpMs);
    const cpuMs = treeCpuMs([pid]);
    const from = performance.now();
    const noticed = silent !== null && gone !== null ? notices(lbtop, silent, gone) : null;
    await sleep(deaths ? windowMs.dying : windowMs.alive);
    const ms = performance.now() - from;
    const used = treeCpuMs([pid]) - cpuMs;
    await loopDelayOf(pid, delays); // its loop is watched from now on, which takes CPU itself
    await sleep(windowMs.alive);
    const { p99Ms } = await loopDelayOf(pid, delays);
    const memory = (processMemory(pid)?.residentBytes ?? Number.NaN) / 2 ** 20;
    const seen = noticed === null ? {} : await noticed;
    await client.ask(`array ${tasks / 10}`); // for the compiler
    const idleMs = treeCpuMs([pid]);
    const { ms: workMs = 0 } = await client.ask(`array ${tasks}`);
    const task = ((treeCpuMs([pid]) - idleMs - (used / ms) * workMs) * 1_000) / tasks;
    return { cpu: (100 * used) / ms, memory, delay: p99Ms, ...seen, task };
  } finally {
    lbtop.close();
    for (const one of started) {
      try {
        process.kill(one.pid, 'SIGCONT');
      } catch {} // it has ended
      await one.stop();
    }
    terminal?.close();
    await terminal?.exited;
    await fleet.stop();
  }
}

/** Stops one node and kills another. Resolves with the seconds until the coordinator says that they are suspect and lost. */
async function notices(lbtop: Lbtop, silent: Driver, gone: Driver): Promise<Figures> {
  const seen: Record<string, number> = {};
  const from = Date.now();
  process.kill(silent.pid, 'SIGSTOP');
  process.kill(gone.pid, 'SIGKILL');
  for await (const { at, subject, text } of lbtop.events()) {
    if (subject === 'silent-0' && /suspect/.test(text)) seen.suspect = (at - from) / 1_000;
    if (subject === 'gone-0' && /lost/.test(text)) seen.lost = (at - from) / 1_000;
    if ('suspect' in seen && 'lost' in seen) break;
  }
  return seen;
}

const name = (count: number): string => `lbtop, ${count.toLocaleString('en-US')} nodes`;
const bareName = (count: number): string => `bare TLS server, ${count.toLocaleString('en-US')} clients`;
const bareCounts = [1_000, 5_000, 10_000];

function ours(count: number): Side {
  return {
    name: name(count),
    ours: true,
    peers: bareCounts.includes(count) ? [bareName(count)] : [],
    tuned: 'TLS 1.3, state on disk, an interface attached; nodes that answer at once, in two processes',
    missing: notBuilt,
    async start(directory) {
      let round = 0;
      return {
        round: (seconds) => watched(join(directory, String(++round)), scaled(count, seconds), count === 5_000),
        async stop() {},
      };
    },
  };
}

/** A short run has fewer. */
const scaled = (count: number, seconds: number): number => Math.max(1, Math.round(count * Math.min(1, seconds)));

function bare(count: number): Side {
  return {
    name: bareName(count),
    ours: false,
    floor: true,
    tuned:
      'a Node process that answers each frame of 60 bytes with one of 12, nothing decoded, nothing kept, no interface',
    missing: () => null,
    async start() {
      return {
        async round(seconds) {
          const script = join(programs, 'bare-tls.ts');
          const server = spawn(process.execPath, [script, 'server'], { stdio: ['ignore', 'pipe', 'inherit'] });
          const [port] = (await once(createInterface({ input: server.stdout }), 'line')) as [string];
          const pid = server.pid as number;
          const clients = await joinAll(scaled(count, seconds), (each) =>
            run('bare-tls.ts', 'clients', port, each, 60),
          );
          try {
            await sleep(1_500);
            const [cpuMs, from] = [treeCpuMs([pid]), performance.now()];
            await sleep(windowMs.alive);
            const used = treeCpuMs([pid]) - cpuMs;
            const memory = (processMemory(pid)?.residentBytes ?? Number.NaN) / 2 ** 20;
            return { cpu: (100 * used) / (performance.now() - from), memory };
          } finally {
            for (const one of clients) await one.stop();
            await ended(server);
          }
        },
        async stop() {},
      };
    },
  };
}

export const nodeCounts = [10, 100, 1_000, 5_000, 10_000];

export const w7: Row = {
  id: 'w7',
  title: 'Many nodes',
  work: `Each node says a heartbeat a second over TLS while an interface is attached to the coordinator, looked at for ${windowMs.alive / 1_000} s, and its event loop for as long after that; then ${tasks.toLocaleString('en-US')} no-op tasks for them all. Among 5,000 one node is stopped and one is killed.`,
  measures: [
    { name: 'cpu', unit: '% of one core', better: 'less' },
    { name: 'memory', unit: 'MiB resident', better: 'less' },
    { name: 'delay', unit: 'ms of event-loop delay, p99', better: 'less' },
    { name: 'suspect', unit: 's until a silent node is suspect', better: 'less' },
    { name: 'lost', unit: 's until a killed node is lost', better: 'less' },
    { name: 'task', unit: "µs of the coordinator's CPU a task", better: 'less' },
  ],
  fresh: true,
  rounds: 2,
  sides: [...nodeCounts.map(ours), ...bareCounts.map(bare)],
  goals: [
    { text: '5,000 nodes under 25 % of a core', side: name(5_000), measure: 'cpu', most: 25 },
    { text: '10,000 nodes under 50 % of a core', side: name(10_000), measure: 'cpu', most: 50 },
    { text: 'event-loop delay under 5 ms with 5,000', side: name(5_000), measure: 'delay', most: 5 },
    { text: 'a silent node is suspect after 3 s', side: name(5_000), measure: 'suspect', most: 3.5 },
    { text: 'a killed node is lost after 5 s', side: name(5_000), measure: 'lost', most: 5.5 },
  ],
  headlines: [
    [name(5_000), 'cpu'],
    [name(10_000), 'cpu'],
  ],
};
