/**
 * A journal in an engine of three members under a steady load, with snapshots and trimming: does it keep up, and does what
 * the engine holds stay bounded? The facts are a real scheduler's: jobs come, their tasks are assigned, start and end, old
 * jobs are purged. `npm run bench -- engine`; LBTOP_BENCH_SECONDS: for how long (180).
 */
import { openEngineDurable } from '../../source/coordinator/engine-durable.ts';
import type { Event } from '../../source/model/event.ts';
import { type Fact, isLasting } from '../../source/model/fact.ts';
import { jobSpec } from '../../source/model/job.ts';
import { createScheduler } from '../../source/scheduler/scheduler.ts';
import { takeSnapshot } from '../../source/scheduler/snapshot.ts';
import type { State } from '../../source/scheduler/state.ts';
import { openEtcd } from '../../source/wire/etcd.ts';
import { parseEtcdAddress } from '../../source/wire/etcd-address.ts';
import { type Engine, engineMissing, startEngine } from '../helpers/engine.ts';
import { infoOf, outcomeOf } from './decide.ts';

const factsPerSecond = 40_000;
const reportSeconds = 15;
const turnMs = 5;
/** Facts at once, at most. */
const longestTurn = 5_000;
const nodes = 20;
const slots = 100;
const tasksPerJob = 100_000;
const keptJobs = 5;
const mebi = 1024 * 1024;

/** Returns what makes at least `count` lasting facts at a call, by work on the state. */
function workOn(state: State) {
  const scheduler = createScheduler(state);
  let facts: Fact[] = [];
  let held: Extract<Fact, { kind: 'assigned' }>[] = [];
  const work = { kind: 'task' as const, argv: [], shell: false, task: 'noop', input: null };
  const handle = (event: object): void => {
    for (const fact of scheduler.handle({ ...event, at: Date.now() } as Event)) {
      if (fact.kind === 'assigned') held.push(fact);
      if (isLasting(fact)) facts.push(fact);
    }
  };
  handle({ kind: 'session', version: 'bench', policy: 'round-robin', discipline: 'fifo', cpuLimit: 100, seed: 1 });
  for (let i = 0; i < nodes; i++) {
    const holding = { running: [], waiting: [], ended: [] };
    handle({ kind: 'join', node: `node-${i}`, incarnation: '1', info: { ...infoOf(), slots }, address: '', holding });
  }
  return (count: number): readonly Fact[] => {
    for (const job of [...state.jobs.values()].slice(0, -keptJobs))
      if (job.endedAt !== null) handle({ kind: 'purge', job: job.id });
    while (facts.length < count) {
      const ended = held;
      held = [];
      for (const { node, job, ordinal, attempt } of ended) {
        handle({ kind: 'started', node, attempt: { job, ordinal, attempt } });
        handle({ kind: 'outcome', node, outcome: { ...outcomeOf(), job, ordinal, attempt } });
      }
      if ([...state.jobs.values()].every(({ endedAt }) => endedAt !== null))
        handle({ kind: 'submit', spec: jobSpec({ work, span: { count: tasksPerJob, first: 0, step: 1 } }), by: '' });
      handle({ kind: 'dispatch' });
    }
    const made = facts;
    facts = [];
    return made;
  };
}

/** What the members have on disk, and what of it is in use: the largest of them. */
async function sizesOf(engine: Engine): Promise<{ disk: number; used: number }> {
  const sizes = engine.members.map(async ({ clientPort }) => {
    const etcd = openEtcd(parseEtcdAddress(`etcd://127.0.0.1:${clientPort}`));
    const { dbSize, dbSizeInUse } = await etcd.call('maintenance/status', {}).finally(() => etcd.close());
    return [Number(dbSize ?? 0), Number(dbSizeInUse ?? 0)] as const;
  });
  const all = await Promise.all(sizes);
  return { disk: Math.max(...all.map(([disk]) => disk)), used: Math.max(...all.map(([, used]) => used)) };
}

/** Prints what came of it, a line every 15 s. */
export async function benchEngine(): Promise<void> {
  if (engineMissing !== null) return; // it has said so
  const seconds = Number(process.env.LBTOP_BENCH_SECONDS ?? 180);
  const engine = await startEngine();
  try {
    await underLoad(engine, seconds);
  } finally {
    await engine.stop();
  }
}

async function underLoad(engine: Engine, seconds: number): Promise<void> {
  const signal = new AbortController().signal;
  const where = { store: engine.url, host: '127.0.0.1', port: 1, secret: async () => null, version: 'bench' };
  const open = (log: (line: string) => void) => openEngineDurable({ ...where, standby: false, signal, log });
  const durable = await open((line) => console.log(`  ${line}`));
  const work = workOn(durable.state);
  let stored = 0;
  let took: number[] = [];
  const commit = (facts: readonly Fact[]): Promise<void> => {
    const at = performance.now();
    return durable.commit(facts).durable.then(() => {
      stored += facts.length;
      took.push(performance.now() - at);
    });
  };
  console.log(`${factsPerSecond} facts a second for ${seconds} s, in a journal of three members on this machine`);
  console.log('  after  facts/s  batches/s  ack p50 ms  ack p99 ms   on disk  in use  snapshot  process RSS');
  const begunAt = performance.now();
  const since = () => (performance.now() - begunAt) / 1_000;
  let made = 0;
  let last = begunAt;
  let failed: unknown = null;
  for (let report = reportSeconds, before = { stored: 0, head: 0, at: 0 }; report <= seconds; report += reportSeconds) {
    while (since() < report) {
      if (failed !== null) throw failed;
      // What was missed is made up for bit by bit: a turn as long as a lease would end the term.
      const due = Math.min(Math.floor(since() * factsPerSecond) - made, longestTurn);
      if (due > 0) {
        const facts = work(due);
        made += facts.length;
        commit(facts).then(
          () => {
            last = performance.now();
          },
          (error) => {
            failed ??= error;
          },
        );
      }
      await new Promise((resolve) => setTimeout(resolve, turnMs));
    }
    const { disk, used } = await sizesOf(engine);
    const snapshot = (await durable.store.snapshot())?.seq ?? 0;
    took.sort((a, b) => a - b);
    const at = since();
    const perSecond = (count: number) => Math.round(count / (at - before.at));
    const quantile = (share: number) => (took[Math.floor(took.length * share)] ?? Number.NaN).toFixed(1);
    const columns: [string | number, number][] = [
      [`${report} s`, 7],
      [perSecond(stored - before.stored), 8],
      [perSecond(durable.commits.head - before.head), 10],
      [quantile(0.5), 11],
      [quantile(0.99), 11],
      [`${(disk / mebi).toFixed(0)} MiB`, 9],
      [`${(used / mebi).toFixed(0)} MiB`, 7],
      [snapshot, 9],
      [`${(process.memoryUsage().rss / mebi).toFixed(0)} MiB`, 12],
    ];
    console.log(columns.map(([text, width]) => String(text).padStart(width)).join(' '));
    before = { stored, head: durable.commits.head, at };
    took = [];
  }
  await durable.commits.commit([]);
  console.log(`${made} facts, ${((stored / (last - begunAt)) * 1_000).toFixed(0)} a second durable`);
  const left = takeSnapshot(durable.state);
  // As after a kill: nothing is saved at the end.
  await durable.store.close();
  const again = await open((line) => console.log(line));
  const same = JSON.stringify([...takeSnapshot(again.state)]) === JSON.stringify([...left]);
  console.log(
    same ? 'what is read back is the state that was left' : 'what is read back is NOT the state that was left',
  );
  if (!same) process.exitCode = 1;
  await again.store.close();
}

if (import.meta.main) await benchEngine();
