/**
 * Coordinators that share an engine of three members: the leader or a member is killed, or paused, again and again, while
 * nodes work and a client submits. What counts is the tasks' own ledger, and what the client was acknowledged.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type Lbtop, LbtopError } from '../../source/client/index.ts';
import type { NodeRow, ResultRow, Status } from '../../source/model/report.ts';
import { type Engine, engineMissing, startEngine } from '../helpers/engine.ts';
import { until } from '../helpers/lbtop.ts';
import { type Contender, type Succession, successionIn } from '../helpers/succession.ts';
import { countedTooOften, type Judged, judge, ledgerCommand, tally } from './ledger.ts';

export type EngineFault = 'leader-killed' | 'leader-paused' | 'member-killed' | 'member-paused';

export interface EngineTrial {
  fault: EngineFault;
  rounds: number;
  /** In each round. */
  tasks: number;
  taskSeconds: number;
  nodes: number;
  slots: number;
}

export interface EngineTrialSeen extends Judged {
  rounds: number;
  /** Tasks with a ledger. */
  tasks: number;
  /** Jobs that were acknowledged meanwhile; those of them that are not there or did not succeed; those that are there twice. */
  acknowledged: number;
  missing: number;
  doubled: number;
  /** Of the leader's faults: from the fault to the standby listening; of a member's: the longest wait for an acknowledgement. */
  tookMs: number[];
  /** The median wait for an acknowledgement in the whole run: what this machine is worth now. */
  usualAckMs: number;
  /** Leaders that woke up, and stopped with exit code 1 and one line; what the others did. */
  stopped: number;
  otherwise: string[];
  /** Times that a fault of a member made the lead pass on to the standby. */
  passedOn: number;
  seconds: number;
}

/** Runs it. Throws where there is no engine. */
export async function engineTrial(trial: EngineTrial): Promise<EngineTrialSeen> {
  const begunAt = performance.now();
  const engine = await startEngine();
  try {
    const url = `${engine.url}/chaos`;
    await using cluster = await successionIn(url);
    const seen = await roundsOf(trial, engine, cluster, url);
    return { ...seen, seconds: Math.round((performance.now() - begunAt) / 1_000) };
  } finally {
    await engine.stop();
  }
}

async function roundsOf(trial: EngineTrial, engine: Engine, cluster: Succession, url: string) {
  const { rounds, tasks, taskSeconds, nodes, slots, fault } = trial;
  const ofLeader = fault === 'leader-killed' || fault === 'leader-paused';
  let leader = cluster.startCoordinator();
  await leader.leads;
  let standby = await cluster.startStandby();
  for (let i = 0; i < nodes; i++) cluster.startNode(`node-${i}`, ['--slots', String(slots)]);
  await until(async () => (await cluster.json<NodeRow[]>(['nodes'])).length === nodes);
  const open = () => whoLeads({ connect: url, secretFile: cluster.secretFile });
  const submitting = submitOn(open);
  const works: { job: number; ledger: string }[] = [];
  const tookMs: number[] = [];
  const otherwise: string[] = [];
  let stopped = 0;
  let passedOn = 0;
  for (let round = 0; round < rounds; round++) {
    const ledger = join(cluster.directory, `ledger-${round}`);
    writeFileSync(ledger, '');
    const words = ['--array', `0-${tasks - 1}`, '--key', ledger, '--', ...ledgerCommand(ledger, taskSeconds)];
    works.push({ job: await submitted(cluster, words), ledger });
    using counts = tally(ledger);
    const share = Math.random() / 2;
    await until(() => {
      const { begun, over } = counts.read();
      return over >= tasks * share && (begun > over || over === tasks);
    });
    const at = performance.now();
    await submitting.longestMs();
    if (ofLeader) {
      leader.signal(fault === 'leader-killed' ? 'SIGKILL' : 'SIGSTOP');
      tookMs.push((await standby.leads).atMs - at);
      await sleep(Math.random() * 1_000);
      if (fault === 'leader-paused') {
        const { code, signal, last } = await woken(leader);
        if (code === 1 && /^lbtop: another coordinator took over .*$/.test(last)) stopped += 1;
        else otherwise.push(`exit code ${code ?? signal}: ${last}`);
      }
      leader = standby;
      standby = await cluster.startStandby();
    } else {
      const member = engine.members[round % engine.members.length] as (typeof engine.members)[number];
      if (fault === 'member-killed') await member.kill();
      else member.signal('SIGSTOP');
      await sleep(1_000 + Math.random() * 3_000);
      if (fault === 'member-killed') member.start();
      else member.signal('SIGCONT');
      await engine.ready();
      tookMs.push(await submitting.longestMs());
      if (await Promise.race([leader.ended.then(() => true), standby.standsBy.then(() => sleep(0, false))])) {
        passedOn += 1;
        leader = standby;
        await leader.leads;
        standby = await cluster.startStandby();
      }
    }
  }
  const { acknowledged, usualAckMs } = await submitting.end();
  const judged: Judged = { lost: 0, counted: 0, restarted: 0, runAgain: 0, wrong: [] };
  await using client = await open();
  await client.wait([...acknowledged.keys(), ...works.map(({ job }) => job)]);
  for (const { job, ledger } of works) {
    const rows: ResultRow[] = [];
    for await (const row of client.results(job)) rows.push(row);
    const one = judge(rows, readFileSync(ledger, 'utf8'), tasks);
    for (const key of ['lost', 'counted', 'restarted', 'runAgain'] as const) judged[key] += one[key];
    judged.wrong.push(...one.wrong);
  }
  const all = tasks * rounds;
  judged.counted += countedTooOften(await cluster.json<Status>(['status']), all + acknowledged.size);
  return {
    ...judged,
    ...(await compared(client, acknowledged, works.length)),
    rounds,
    tasks: all,
    tookMs,
    usualAckMs,
    stopped,
    otherwise,
    passedOn,
  };
}

/** Submits under a key until that is acknowledged; returns the job. */
async function submitted(cluster: Succession, words: readonly string[]): Promise<number> {
  for (;;) {
    const { code, stdout } = await cluster.lbtop(['submit', '--json', ...words]);
    if (code === 0) return (JSON.parse(stdout) as { job: number }).job;
  }
}

async function woken(leader: Contender) {
  leader.signal('SIGCONT');
  const { code, signal, stderr } = await leader.ended;
  return { code, signal, last: stderr.trimEnd().split('\n').at(-1) ?? '' };
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

/** Connects to the leader; while the lead passes on nobody is there. */
async function whoLeads(where: Parameters<typeof connect>[0]): Promise<Lbtop> {
  for (let tries = 1; ; tries++)
    try {
      return await connect(where);
    } catch (error) {
      if (!(error instanceof LbtopError) || error.code !== 'unreachable' || tries === 100) throw error;
      await sleep(100);
    }
}

/** Submits one job after the other, each under a key of its own until that was acknowledged. */
function submitOn(open: () => Promise<Lbtop>) {
  const acknowledged = new Map<number, string>();
  let ending = false;
  const waits: number[] = [];
  let longest = 0;
  let underWay = Promise.withResolvers<void>();
  async function run(): Promise<void> {
    let client: Lbtop | null = null;
    for (let count = 0; !ending; count++) {
      const key = `key-${count}`;
      const begunAt = performance.now();
      for (let done = false; !done; )
        try {
          client ??= await open();
          acknowledged.set((await client.submit({ command: ['true'], key })).job, key);
          done = true;
        } catch {
          client?.close();
          client = null;
          await sleep(20);
        }
      waits.push(performance.now() - begunAt);
      longest = Math.max(longest, waits.at(-1) as number);
      underWay.resolve();
      await sleep(100);
      underWay = Promise.withResolvers();
    }
    client?.close();
  }
  const running = run();
  return {
    /** Resolves when what is under way is acknowledged: with the longest of the waits that ended since the last call. */
    async longestMs() {
      await underWay.promise;
      const was = longest;
      longest = 0;
      return was;
    },
    /** Resolves with job and key of what was acknowledged. */
    async end() {
      ending = true;
      await running;
      return { acknowledged, usualAckMs: median(waits) };
    },
  };
}

async function compared(client: Lbtop, acknowledged: ReadonlyMap<number, string>, others: number) {
  let present = 0;
  let succeeded = 0;
  for await (const row of client.jobs()) {
    present += 1;
    if (acknowledged.has(row.job) && row.state === 'succeeded') succeeded += 1;
  }
  const missing = acknowledged.size - succeeded;
  return { acknowledged: acknowledged.size, missing, doubled: present - others - acknowledged.size };
}

const full: Record<EngineFault, EngineTrial> = {
  'leader-killed': { fault: 'leader-killed', rounds: 50, tasks: 60, taskSeconds: 0.5, nodes: 4, slots: 4 },
  'leader-paused': { fault: 'leader-paused', rounds: 20, tasks: 60, taskSeconds: 0.5, nodes: 4, slots: 4 },
  'member-killed': { fault: 'member-killed', rounds: 30, tasks: 60, taskSeconds: 0.5, nodes: 4, slots: 4 },
  'member-paused': { fault: 'member-paused', rounds: 20, tasks: 60, taskSeconds: 0.5, nodes: 4, slots: 4 },
};

/** Prints the counts and times of the trial at its full size. */
export async function showEngineTrial(fault: EngineFault): Promise<void> {
  if (engineMissing !== null) return; // it has said so
  const seen = await engineTrial(full[fault]);
  const { rounds, tasks, acknowledged, missing, doubled, lost, counted, restarted, runAgain, stopped, seconds } = seen;
  const [usual, most] = [median(seen.tookMs), Math.max(...seen.tookMs)].map(Math.round);
  const time = fault.startsWith('leader')
    ? `the standby listened after ${usual} ms (median), ${most} ms at most`
    : `the longest wait for an acknowledgement ${usual} ms (median of the rounds), ${most} ms at most`;
  console.log(`${fault} ${rounds} times in ${seconds} s, ${tasks} tasks on ${full[fault].nodes} nodes: ${time}`);
  console.log(`  a submission waits ${seen.usualAckMs.toFixed(0)} ms for its acknowledgement (median of the run)`);
  if (fault === 'leader-paused')
    console.log(`  ${stopped} of the ${rounds} leaders that woke up stopped, and said why`);
  if (seen.passedOn > 0) console.log(`  ${seen.passedOn} times the lead passed on to the standby`);
  for (const line of seen.otherwise) console.log(`  ${line}`);
  console.log(
    `  ${lost} tasks lost, ${counted} counted twice or wrongly, ${restarted} running ones restarted, ${runAgain} finished ones ` +
      `run again; of ${acknowledged} jobs acknowledged meanwhile ${missing} missing, ${doubled} there twice`,
  );
  const wrong = lost + counted + restarted + runAgain + missing + doubled;
  if (wrong > 0 || (fault === 'leader-paused' && stopped < rounds)) process.exitCode = 1;
}
