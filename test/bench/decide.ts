/**
 * The cost of one decision: a fleet of which nine slots of ten are taken; one task ends, now and then a heartbeat comes,
 * the next task is placed. `node test/bench/decide.ts [POLICY]` prints microseconds for each policy and size.
 */
import type { Fact } from '../../source/model/fact.ts';
import { type DisciplineName, jobSpec, type PolicyName, policyNames } from '../../source/model/job.ts';
import type { NodeInfo, Outcome, Sample } from '../../source/model/node.ts';
import { learn } from '../../source/scheduler/learned.ts';
import { policyNamed } from '../../source/scheduler/policies/policies.ts';
import { createScheduler } from '../../source/scheduler/scheduler.ts';
import type { JobRecord } from '../../source/scheduler/state.ts';

const slots = 8;
const rounds = 5;
const decisionsPerRound = 20_000;
/** Heartbeats come once a second: at 1,000 nodes and 20,000 tasks/s, one with every 20th task. */
const tasksPerHeartbeat = 20;

interface Cost {
  /** Medians of the rounds, in µs. */
  decisionUs: number;
  outcomeUs: number;
  heartbeatUs: number;
}

/**
 * Returns what deciding costs in a fleet of that size. `blocked`: a job of higher priority waits for a whole node, of which
 * there is none: on each of them something runs that does not end. `mixed`: the nodes differ in speed. With several `kinds`
 * of work, of which each takes longer than the one before, all slots are taken.
 */
export function measure(
  policy: PolicyName,
  nodes: number,
  { blocked = false, mixed = false, kinds = 1, discipline = 'fifo' as DisciplineName } = {},
): Cost {
  const { handle, state } = createScheduler();
  let at = 1;
  handle({ kind: 'session', at, version: 'bench', policy, discipline, cpuLimit: 100, seed: 1 });
  for (let place = 0; place < nodes; place++)
    handle({
      kind: 'join',
      at,
      node: `node-${place}`,
      incarnation: '1',
      info: infoOf(),
      address: '',
      holding: { running: [{ job: 1_000_000, ordinal: place, attempt: 1 }], waiting: [], ended: [] },
    });
  const limit = Math.floor(nodes * (slots - 1) * (kinds > 1 ? 1 : 0.9));
  const count = limit + (rounds + 1) * decisionsPerRound;
  const work = { kind: 'command' as const, argv: ['true'], shell: false, task: '', input: null };
  for (let kind = 0; kind < kinds; kind++) {
    const span = { count, first: 0, step: 1 };
    const of = { ...work, argv: [`true-${kind}`] };
    handle({ kind: 'submit', at, spec: jobSpec({ work: of, span, limit: kinds > 1 ? null : limit }), by: '' });
  }
  if (blocked)
    handle({ kind: 'submit', at, spec: jobSpec({ work, cpus: slots, priority: 1, memoryBytes: 1 }), by: '' });
  const held: Extract<Fact, { kind: 'assigned' }>[] = [];
  const take = (facts: Fact[]) => {
    for (const fact of facts) if (fact.kind === 'assigned') held.push(fact);
  };
  take(handle({ kind: 'dispatch', at }));
  const runMsOf = (job: number, node: string) => (mixed ? runMsOn(node) : 5_000) * (1 + job / kinds);
  if (kinds > 1) {
    // Each kind is met once.
    for (let job = 1; job <= kinds; job++)
      learn(state.learned, (state.jobs.get(job) as JobRecord).spec, 'node-2', runMsOf(job, 'node-2'));
  }

  const costs: Cost[] = [];
  let chance = 1;
  const below = (end: number) => {
    chance = (Math.imul(chance, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return chance % end;
  };
  for (let round = 0; round <= rounds; round++) {
    const cost = { decisionUs: 0, outcomeUs: 0, heartbeatUs: 0 };
    for (let done = 0; done < decisionsPerRound; done++) {
      at += 0.05;
      const which = below(held.length);
      const ended = held[which] as (typeof held)[number];
      held[which] = held.at(-1) as (typeof held)[number];
      held.pop();
      const outcome = {
        ...outcomeOf(),
        runMs: runMsOf(ended.job, ended.node),
        job: ended.job,
        ordinal: ended.ordinal,
        attempt: ended.attempt,
      };
      const before = performance.now();
      handle({ kind: 'outcome', at, node: ended.node, outcome });
      const afterOutcome = performance.now();
      if (done % tasksPerHeartbeat === 0) {
        const node = `node-${below(nodes)}`;
        const seen = state.nodes.get(node)?.assignments ?? 0;
        handle({ kind: 'heartbeat', at, node, seen, sample: sampleOf(below(80)) });
      }
      const afterHeartbeat = performance.now();
      take(handle({ kind: 'dispatch', at }));
      const afterDispatch = performance.now();
      cost.outcomeUs += afterOutcome - before;
      cost.heartbeatUs += afterHeartbeat - afterOutcome;
      cost.decisionUs += afterDispatch - afterHeartbeat;
    }
    // With different speeds the last ones wait for fast nodes.
    if (held.length !== limit && !mixed && kinds === 1) throw new Error(`${held.length} of ${limit} tasks are placed`);
    // The first round warms up.
    if (round > 0)
      costs.push({
        decisionUs: (cost.decisionUs * 1_000) / decisionsPerRound,
        outcomeUs: (cost.outcomeUs * 1_000) / decisionsPerRound,
        heartbeatUs: (cost.heartbeatUs * 1_000 * tasksPerHeartbeat) / decisionsPerRound,
      });
  }
  const median = (of: keyof Cost) => costs.map((one) => one[of]).sort((a, b) => a - b)[costs.length >> 1] as number;
  return { decisionUs: median('decisionUs'), outcomeUs: median('outcomeUs'), heartbeatUs: median('heartbeatUs') };
}

/** Nodes of three speeds, so that a policy that learns them has something to weigh. */
function runMsOn(node: string): number {
  const place = Number(node.slice('node-'.length));
  return place % 4 === 0 ? 20_000 : place % 4 === 1 ? 10_000 : 5_000;
}

/** What a node of the benchmarks is. */
export function infoOf(): NodeInfo {
  return {
    cores: slots,
    cpuModel: '',
    memoryTotal: 1e10,
    slots,
    labels: {},
    resources: {},
    handlers: [],
    throttle: 1,
    cpuLimit: null,
    listen: null,
    host: '',
    platform: '',
    version: '',
    pid: 1,
  };
}

/** How a task of the benchmarks ends. */
export function outcomeOf(): Omit<Outcome, 'job' | 'ordinal' | 'attempt'> {
  return {
    outcome: 'succeeded',
    exitCode: 0,
    signal: null,
    error: null,
    result: null,
    runMs: 5_000,
    cpuMs: 5_000,
    peakBytes: 0,
    stdoutBytes: 0,
    stderrBytes: 0,
    started: true,
  };
}

function sampleOf(cpu: number): Sample {
  return { cpu, cpuOurs: cpu / 2, memoryUsed: 0, memoryOurs: 0, load1: 0, running: 0, waiting: 0 };
}

/** Prints a line for each policy and size. */
export function benchDecide(only?: string): void {
  console.log(
    'policy                            nodes   decision   outcome   heartbeat   (µs, median of 5 rounds of 20,000)',
  );
  for (const policy of policyNames) {
    if (policyNamed(policy) === undefined || (only !== undefined && policy !== only)) continue;
    const cases: Record<string, Parameters<typeof measure>[2]> = { '': {} };
    // What `partition` cannot start waits at a node.
    if (policy !== 'partition') cases[', one blocked'] = { blocked: true };
    if (policy === 'earliest-finish') {
      cases[', mixed speeds'] = { mixed: true };
      cases[', 40 kinds'] = { kinds: 40 };
      cases[', 40 kinds, mixed'] = { kinds: 40, mixed: true };
    }
    if (policy === 'least-load') cases[', easy, one blocked'] = { blocked: true, discipline: 'easy' };
    for (const [variant, given] of Object.entries(cases))
      for (const nodes of [1_000, 10_000]) {
        const cost = measure(policy, nodes, given);
        const figures = [cost.decisionUs, cost.outcomeUs, cost.heartbeatUs].map((us) => us.toFixed(2).padStart(9));
        console.log(`${`${policy}${variant}`.padEnd(32)} ${String(nodes).padStart(6)}  ${figures.join(' ')}`);
      }
  }
}

if (import.meta.main) benchDecide(process.argv[2]);
