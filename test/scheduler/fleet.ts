/** A scheduler under test: events are told to it in short, the facts that follow are read back as short lines. */
import { expect } from 'vitest';
import type { Event, Holding } from '../../source/model/event.ts';
import type { Fact } from '../../source/model/fact.ts';
import { type JobSpec, jobSpec, type PolicyName } from '../../source/model/job.ts';
import type { Attempt, NodeInfo, Outcome, Sample } from '../../source/model/node.ts';
import { fold } from '../../source/scheduler/apply.ts';
import { violations } from '../../source/scheduler/invariants.ts';
import { createScheduler, type Scheduler } from '../../source/scheduler/scheduler.ts';
import { takeSnapshot } from '../../source/scheduler/snapshot.ts';
import type { JobRecord, NodeState, State } from '../../source/scheduler/state.ts';

type Untimed<E> = E extends unknown ? Omit<E, 'at'> : never;
export type UntimedEvent = Untimed<Event>;

/** What a node of the tests is like where a test does not care. */
export function nodeInfo(given: Partial<NodeInfo> = {}): NodeInfo {
  return {
    cores: given.slots ?? 2,
    cpuModel: 'test',
    memoryTotal: 8_000,
    slots: 2,
    labels: {},
    resources: {},
    handlers: [],
    throttle: 1,
    cpuLimit: null,
    listen: null,
    host: 'test',
    platform: 'linux',
    version: '0.1.0',
    pid: 1,
    ...given,
  };
}

/** A job of `count` tasks that run `true`. */
export function spec(count: number, given: Partial<JobSpec> = {}): JobSpec {
  const work = { kind: 'command', argv: ['true'], shell: false, task: '', input: null } as const;
  return jobSpec({ work: { ...work, argv: [...work.argv] }, span: { count, first: 0, step: 1 }, ...given });
}

/** `1.0#2` */
export function attempt(text: string): Attempt {
  const [job, ordinal, number] = text.split(/[.#]/).map(Number);
  return { job: job as number, ordinal: ordinal as number, attempt: number as number };
}

export function outcome(of: string, given: Partial<Outcome> = {}): Outcome {
  return {
    ...attempt(of),
    outcome: 'succeeded',
    exitCode: 0,
    signal: null,
    error: null,
    result: null,
    runMs: 5_000,
    cpuMs: 4_000,
    peakBytes: 1_000,
    stdoutBytes: 0,
    stderrBytes: 0,
    started: true,
    ...given,
  };
}

export function sample(cpu: number, cpuOurs = 0): Sample {
  return { cpu, cpuOurs, memoryUsed: 1_000, memoryOurs: 0, load1: 0, running: 0, waiting: 0 };
}

export interface Fleet {
  readonly scheduler: Scheduler;
  readonly state: State;
  /** Everything that was ever said. */
  readonly facts: Fact[];
  at: number;
  /** Handles an event now; returns the facts in short. */
  tell(event: UntimedEvent): string[];
  dispatch(): string[];
  join(node: string, info?: Partial<NodeInfo>, holding?: Partial<Record<keyof Holding, string[]>>): string[];
  /** Joins as another process of the same name. */
  joinAnew(node: string, holding?: Partial<Record<keyof Holding, string[]>>): string[];
  submit(count: number, given?: Partial<JobSpec>): string[];
  start(node: string, ...attempts: string[]): string[];
  end(node: string, of: string, given?: Partial<Outcome>): string[];
  fail(node: string, of: string, given?: Partial<Outcome>): string[];
  beat(node: string, cpu: number, cpuOurs?: number, seen?: number): string[];
  /** Lets time pass in ticks of 250 ms, in which these nodes are heard. */
  pass(ms: number, ...heard: string[]): string[];
  job(id: number): JobRecord;
  node(name: string): NodeState;
}

/** Returns a scheduler whose state is checked after every event. */
export function fleet(policy: PolicyName = 'first', given: { state?: State; seed?: number } = {}): Fleet {
  const scheduler = createScheduler(given.state);
  const { state } = scheduler;
  const facts: Fact[] = [];
  const incarnations = new Map<string, number>();

  function tell(event: UntimedEvent): string[] {
    const said = scheduler.handle({ ...event, at: rig.at } as Event);
    facts.push(...said);
    expect(violations(state)).toEqual([]);
    return said.map(brief);
  }

  function join(node: string, info: Partial<NodeInfo> = {}, holding: Partial<Record<keyof Holding, string[]>> = {}) {
    return tell({
      kind: 'join',
      node,
      incarnation: `${node}-${incarnations.get(node) ?? 0}`,
      info: nodeInfo(info),
      address: '127.0.0.1:1',
      holding: {
        running: (holding.running ?? []).map(attempt),
        waiting: (holding.waiting ?? []).map(attempt),
        ended: (holding.ended ?? []).map(attempt),
      },
    });
  }

  const rig: Fleet = {
    scheduler,
    state,
    facts,
    at: state.at === 0 ? 1_000_000 : state.at,
    tell,
    dispatch: () => tell({ kind: 'dispatch' }),
    join,
    joinAnew(node, holding) {
      incarnations.set(node, (incarnations.get(node) ?? 0) + 1);
      return join(node, state.nodes.get(node)?.info, holding);
    },
    submit: (count, given) => tell({ kind: 'submit', spec: spec(count, given), by: 'ana' }),
    start: (node, ...attempts) => attempts.flatMap((one) => tell({ kind: 'started', node, attempt: attempt(one) })),
    end: (node, of, given) => tell({ kind: 'outcome', node, outcome: outcome(of, given) }),
    fail: (node, of, given) =>
      tell({ kind: 'outcome', node, outcome: outcome(of, { outcome: 'failed', exitCode: 1, ...given }) }),
    beat: (node, cpu, cpuOurs = 0, seen = state.nodes.get(node)?.assignments ?? 0) =>
      tell({ kind: 'heartbeat', node, seen, sample: sample(cpu, cpuOurs) }),
    pass(ms, ...heard) {
      const said: string[] = [];
      for (const until = rig.at + ms; rig.at < until; ) {
        rig.at = Math.min(until, rig.at + 250);
        for (const node of heard) said.push(...tell({ kind: 'heard', node }));
        said.push(...tell({ kind: 'tick', stalled: false }));
      }
      return said;
    },
    job: (id) => state.jobs.get(id) as JobRecord,
    node: (name) => state.nodes.get(name) as NodeState,
  };
  if (given.state === undefined)
    tell({
      kind: 'session',
      version: '0.1.0',
      policy,
      discipline: 'fifo',
      cpuLimit: 80,
      seed: given.seed ?? 7,
    });
  return rig;
}

/** Checks that the facts alone lead to the state that the scheduler is in. */
export function expectFolded({ facts, state }: Fleet): void {
  expect(takeSnapshot(fold(facts), { samples: true })).toEqual(takeSnapshot(state, { samples: true }));
  const journalled = facts.filter(({ kind }) => kind !== 'sampled');
  expect(takeSnapshot(fold(journalled))).toEqual(takeSnapshot(state));
}

/** A fact in short. */
export function brief(fact: Fact): string {
  const words = 'attempt' in fact ? [`${fact.job}.${fact.ordinal}#${fact.attempt}`] : [];
  switch (fact.kind) {
    case 'session-started':
      return `session ${fact.epoch}`;
    case 'job-submitted':
      return `job ${fact.job} submitted`;
    case 'ended':
      words.push(fact.state, fact.node ?? '-');
      if (fact.error !== null) words.push(`(${fact.error})`);
      break;
    case 'requeued':
      words.push('requeued', fact.node ?? '-', fact.reason);
      if (fact.charged) words.push('charged');
      if (fact.notBefore > fact.at) words.push(`in ${fact.notBefore - fact.at}`);
      break;
    case 'stop-asked':
      words.push('stop', fact.node, fact.why);
      if (fact.requeue) words.push('requeue');
      break;
    case 'released':
      words.push(fact.executed ? 'late' : 'released', fact.node);
      break;
    case 'assigned':
    case 'started':
    case 'recalled':
      words.push(fact.kind, fact.node);
      break;
    case 'job-closed':
      return `job ${fact.job} ${fact.state}: ${fact.reason}`;
    case 'job-ended':
      return `job ${fact.job} ended ${fact.state}`;
    case 'job-purged':
      return `job ${fact.job} purged`;
    case 'due':
      return `job ${fact.job} due`;
    case 'node-joined':
      return `${fact.node} ${fact.fresh ? 'joined' : 'is back'}`;
    case 'node-health':
      return `${fact.node} ${fact.health}`;
    case 'node-intent':
      return `${fact.node} ${fact.intent}${fact.deadline === null ? '' : ' with deadline'}`;
    case 'node-overloaded':
      return `${fact.node} ${fact.overloaded ? 'overloaded' : 'below its limit'}`;
    case 'node-throttled':
      return `${fact.node} throttled ${fact.throttle}`;
    case 'node-dropped':
    case 'node-drained':
    case 'node-forgotten':
      return `${fact.node} ${fact.kind.slice('node-'.length)}`;
    case 'sampled':
      return `${fact.node} sampled`;
    case 'queue-paused':
      return fact.paused ? 'queue paused' : 'queue resumed';
    case 'policy-set':
      return `policy ${fact.policy}`;
    case 'cpu-limit-set':
      return `cpu limit ${fact.cpuLimit}`;
    case 'acted':
      return `${fact.verb} by ${fact.by}`;
  }
  return words.join(' ');
}
