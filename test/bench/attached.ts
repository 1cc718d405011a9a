/**
 * What attached interfaces cost a real coordinator under load: jobs of no-op tasks on two real nodes, in turn without an
 * interface, with one that is seen, and with some whose terminals read nothing any more, as after Ctrl-S. CPU is that of
 * the coordinator's process a task, which other users of the machine change little; bytes under way are what the kernel
 * holds between the coordinator and the interfaces. While anybody is attached the coordinator keeps the session's past, for
 * all of them once: that is most of what the first one costs.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, connectClient } from '../../source/client/client.ts';
import { jobSpec } from '../../source/model/job.ts';
import { descendants, processMemory } from '../../source/node/process-stat.ts';
import { type Fleet, startFleet } from '../../source/simulation/fleet.ts';
import { loadSecret } from '../../source/wire/secret.ts';
import { program } from '../helpers/lbtop.ts';
import { openTerminal, type TestTerminal } from '../helpers/terminal.ts';
import { processTime } from './core-time.ts';

const rounds = 3;
const settings = { alone: 0, 'one that is seen': 1, 'one that is stopped': 1, 'three that are stopped': 3 } as const;
type Setting = keyof typeof settings;

interface Round {
  perSecond: number;
  microsPerTask: number;
  residentBytes: number;
  underWayBytes: number;
}

/** Prints tasks a second, CPU a task and memory of the coordinator in each setting, and their ratios to those alone. */
export async function benchAttached(tasks = 300_000): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-attached-'));
  const fleet = await startFleet({ program: program(), directory, arguments: ['--cpu-limit', '100'] });
  const pid = descendants(process.pid).find((one) => commandLine(one).includes('--coordinator')) ?? 0;
  const { host, port } = fleet;
  for (const name of ['a', 'b']) fleet.startNode(name, ['--slots', '8']);
  const secret = await loadSecret(fleet.secretFile);
  const client = await connectClient({ host, port, secret, role: 'operator', who: 'bench', timeoutMs: 60_000 });
  const seen: Record<Setting, Round[]> = {
    alone: [],
    'one that is seen': [],
    'one that is stopped': [],
    'three that are stopped': [],
  };
  try {
    while ((await client.request('nodes', { from: 0, count: 2 })).length < 2) await sleep(50);
    for (let i = 0; i <= rounds; i++)
      for (const setting of Object.keys(settings) as Setting[]) {
        const terminals: TestTerminal[] = [];
        for (let n = 0; n < settings[setting]; n++) terminals.push(await attached(fleet));
        if (setting.endsWith('stopped')) for (const one of terminals) one.stop();
        const round = await measured(client, pid, port, tasks);
        for (const one of terminals) {
          // They show what is now, not what was.
          one.goOn();
          await one.waitFor(/0 waiting/);
          one.close();
          await one.exited;
        }
        if (i > 0) seen[setting].push(round); // the first is for the compiler
      }
  } finally {
    client.close();
    await fleet.stop();
    rmSync(directory, { recursive: true, force: true });
  }
  for (const [setting, all] of Object.entries(seen)) {
    const of = (pick: (round: Round) => number): number => median(all.map(pick));
    const ratio = (pick: (round: Round) => number): string =>
      median(all.map((round, i) => pick(round) / pick(seen.alone[i] as Round))).toFixed(2);
    console.log(
      `${setting.padEnd(24)}${of((one) => one.perSecond).toFixed(0)} tasks/s (${ratio((one) => one.perSecond)} of alone), ` +
        `${of((one) => one.microsPerTask).toFixed(0)} us of CPU a task (${ratio((one) => one.microsPerTask)}), ` +
        `${(of((one) => one.residentBytes) / 2 ** 20).toFixed(0)} MiB, ` +
        `at most ${Math.max(...all.map((one) => one.underWayBytes))} bytes under way`,
    );
  }
}

async function attached({ host, port, environment }: Fleet): Promise<TestTerminal> {
  const [node, script] = program();
  const { XDG_STATE_HOME = '', XDG_CONFIG_HOME = '' } = environment;
  const terminal = openTerminal(node, [script, '--attach', `${host}:${port}`], {
    ...{ columns: 200, rows: 50 },
    env: { XDG_STATE_HOME, XDG_CONFIG_HOME },
  });
  await terminal.waitFor(/[●▲] a .*\n.*[●▲] b /, 60_000);
  return terminal;
}

async function measured(client: Client, pid: number, port: number, count: number): Promise<Round> {
  const spec = jobSpec({
    work: { kind: 'task', argv: [], shell: false, task: 'noop', input: null },
    span: { count, first: 0, step: 1 },
  });
  const before = processTime(pid);
  const from = performance.now();
  const { job } = await client.request('submit', { spec, upload: null });
  let state = '';
  await client.stream('wait', { jobs: [job] }, ([row]) => {
    state = row?.state ?? '';
  });
  if (state !== 'succeeded') throw new Error(`the job ${state}`);
  const seconds = (performance.now() - from) / 1_000;
  const ranMs = processTime(pid).ranMs - before.ranMs;
  const underWayBytes = underWay(port);
  await client.request('purge', { job });
  return {
    perSecond: count / seconds,
    microsPerTask: (1_000 * ranMs) / count,
    residentBytes: processMemory(pid)?.residentBytes ?? Number.NaN,
    underWayBytes,
  };
}

/** Bytes in the kernel's queues of connections to a port of this machine: sent and not taken. */
function underWay(port: number): number {
  const ours = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', remote = '']) => local.endsWith(ours) || remote.endsWith(ours))
    .reduce((sum, [, , , , queues = '0:0']) => {
      const [sent = '0', received = '0'] = queues.split(':');
      return sum + Number.parseInt(sent, 16) + Number.parseInt(received, 16);
    }, 0);
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

if (process.argv[1] === import.meta.filename) await benchAttached(...process.argv.slice(2).map(Number));
