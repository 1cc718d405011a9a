/**
 * What is left of a task's processes after each way to end it: a child, a child in a session of its own, and two that left
 * by a double fork, one of them with an empty environment. Prints how many of them are there a moment later.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allPids, processStat } from '../../source/node/process-stat.ts';
import { agentOn, fakeCoordinator, give, outcomeOf, shell, until } from '../node/fake-coordinator.ts';

export const ends = [
  'its own end',
  'cancel',
  'timeout',
  'node stops',
  'node killed',
  'node and guard killed, node starts again',
] as const;
export type End = (typeof ends)[number];

export interface Care {
  end: End;
  /** Whether tasks were held by control groups. */
  groups: boolean;
  processes: number;
  left: number;
}

/** Long enough to outlive any trial. */
const napS = 300;
/** Who was killed is gone by then, also on a busy machine; who is not will stay. */
const settleMs = 3_000;

/** Runs one trial; kills what was left. */
export async function care(end: End, groups: boolean): Promise<Care> {
  const dir = mkdtempSync(join(tmpdir(), 'lbtop-test-'));
  try {
    const left = await trials[end](dir, groups);
    return { end, groups, processes: written(dir).length, left };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Prints a line a way to end, with control groups and without. */
export async function showProcessCare(): Promise<void> {
  const rounds = 5;
  console.log('processes left of those started');
  for (const end of ends) {
    for (const groups of [true, false]) {
      let [processes, left] = [0, 0];
      for (let round = 0; round < rounds; round++) {
        const one = await care(end, groups);
        processes += one.processes;
        left += one.left;
      }
      console.log(`${end}, ${groups ? 'with' : 'without'} control groups: ${left} of ${processes}`);
    }
  }
}

/** The task: it says that all are there, and goes on unless it is to end by itself. */
function tree(dir: string, stays: boolean): string {
  const nap = `echo $$ >>${dir}/pids; exec sleep ${napS}`;
  const child = (words: string): string => `${words} sh -c '${nap}' >/dev/null 2>&1 </dev/null &`;
  return [
    child(''),
    child('setsid'),
    `setsid sh -c "setsid sh -c '${nap.replaceAll('$', '\\$')}' & exit 0" >/dev/null 2>&1 </dev/null`,
    `env -i PATH="$PATH" setsid sh -c "setsid sh -c '${nap.replaceAll('$', '\\$')}' & exit 0" >/dev/null 2>&1 </dev/null`,
    `while [ "$(wc -l <${dir}/pids)" -lt 4 ]; do sleep 0.02; done`,
    stays ? `echo all >${dir}/ready; exec sleep ${napS}` : `echo all >${dir}/ready`,
  ].join('\n');
}

const ready = (dir: string): Promise<true> => until(() => existsSync(join(dir, 'ready')));

function written(dir: string): number[] {
  return readFileSync(join(dir, 'pids'), 'utf8').split('\n').filter(Boolean).map(Number);
}

/** Counts what stays, and kills it. */
async function leftOf(dir: string): Promise<number> {
  const living = (): number[] => written(dir).filter(lives);
  await until(() => living().length === 0, settleMs).catch(() => {});
  const left = living();
  for (const pid of left) process.kill(pid, 'SIGKILL');
  return left.length;
}

function lives(pid: number): boolean {
  return !'ZX'.includes(processStat(pid)?.state ?? 'X');
}

const trials: Record<End, (dir: string, groups: boolean) => Promise<number>> = {
  'its own end': (dir, controlGroups) => inProcess(dir, controlGroups, false),
  cancel: (dir, controlGroups) => inProcess(dir, controlGroups, true, 'cancel'),
  timeout: (dir, controlGroups) => inProcess(dir, controlGroups, true, 'timeout'),
  async 'node stops'(dir, controlGroups) {
    const fake = fakeCoordinator();
    const agent = await agentOn(fake, { controlGroups });
    give(fake, shell(tree(dir, true)));
    await ready(dir);
    await agent.stop();
    return leftOf(dir);
  },
  async 'node killed'(dir, controlGroups) {
    const child = agentProcess(dir, controlGroups);
    await ready(dir);
    await kill(child);
    return leftOf(dir);
  },
  async 'node and guard killed, node starts again'(dir, controlGroups) {
    const child = agentProcess(dir, controlGroups);
    await ready(dir);
    const guard = await guardOf(child);
    process.kill(guard, 'SIGSTOP'); // else it would be faster than we
    await kill(child);
    process.kill(guard, 'SIGKILL');
    await using _ = await agentOn(fakeCoordinator(), { stateDir: dir, controlGroups });
    return await leftOf(dir);
  },
};

async function inProcess(dir: string, controlGroups: boolean, stays: boolean, how?: 'cancel' | 'timeout') {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { controlGroups });
  // Time to start them all, on a busy machine too.
  const [attempt] = give(fake, shell(tree(dir, stays)), how === 'timeout' ? { timeoutMs: 2_000 } : {});
  await ready(dir);
  if (how === 'cancel' && attempt !== undefined) fake.say({ kind: 'stop', attempts: [attempt], why: 'cancelled' });
  await outcomeOf(fake, attempt, 20_000);
  return await leftOf(dir); // while the agent lives
}

function agentProcess(dir: string, controlGroups: boolean): ChildProcess {
  const script = join(import.meta.dirname, '../node/agent-process.ts');
  const options = controlGroups ? [] : ['no-groups'];
  return spawn(process.execPath, [script, dir, tree(dir, true), ...options], { stdio: 'ignore' });
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}

/** The guard of an agent, another than `not`. */
export function guardOf(child: ChildProcess, not = 0): Promise<number> {
  return until(() =>
    allPids().find((pid) => {
      if (pid === not || processStat(pid)?.parent !== child.pid) return false;
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('lbtop-guard');
    }),
  );
}
