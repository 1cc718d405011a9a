/** A session to record: the real scheduler in virtual time, with nodes that say what nodes say. Same options, same facts. */

import type { Event } from '../../source/model/event.ts';
import type { Fact } from '../../source/model/fact.ts';
import { jobSpec, type PolicyName } from '../../source/model/job.ts';
import type { NodeInfo, Outcome } from '../../source/model/node.ts';
import { roundedSample } from '../../source/model/node.ts';
import { createScheduler, type Scheduler } from '../../source/scheduler/scheduler.ts';
import type { State } from '../../source/scheduler/state.ts';

export interface SessionOptions {
  nodes: number;
  seconds: number;
  slots?: number;
  seed?: number;
  startAt?: number;
  /** Jobs a second on average, of how many tasks, of what mean duration. */
  jobsPerSecond?: number;
  tasksPerJob?: number;
  taskMs?: number;
  /** Share of tasks that fail. */
  failures?: number;
  /** Operator's actions and lost nodes, a second on average. */
  trouble?: number;
  policy?: PolicyName;
}

export interface Session {
  state: State;
  /**
   * Runs on, to the end or for so many seconds; `applied` is called with the facts of each event, as the coordinator's loop
   * does. Returns false when the end is reached.
   */
  run(applied: (facts: readonly Fact[], event: Event) => void, forSeconds?: number): boolean;
  /** As those of the scheduler. */
  past: Scheduler['past'];
  anew: Scheduler['anew'];
}

/** Returns numbers in [0, 1) that depend on the seed alone. */
export function numbers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Machine {
  name: string;
  alive: boolean;
  incarnation: number;
  cpu: number;
  ours: number;
  memory: number;
  memoryOurs: number;
  load: number;
  seen: number;
  running: number;
}

interface Planned {
  at: number;
  work: () => void;
}

const info: NodeInfo = {
  cores: 8,
  cpuModel: 'Generated CPU @ 3.00GHz',
  memoryTotal: 64 * 1024 ** 3,
  slots: 8,
  labels: { zone: 'a', disk: 'ssd' },
  resources: {},
  handlers: [],
  throttle: 1,
  cpuLimit: null,
  listen: null,
  host: 'generated.example',
  platform: 'linux x64',
  version: '0.1.0',
  pid: 4_242,
};

/** Returns a session that has not begun. */
export function session({
  nodes,
  seconds,
  slots = 8,
  seed = 1,
  startAt = 1_763_690_000_000,
  jobsPerSecond = 0.2,
  tasksPerJob = 20,
  taskMs = 2_000,
  failures = 0.02,
  trouble = 0.02,
  policy,
}: SessionOptions): Session {
  const random = numbers(seed);
  const { state, past, handle, anew } = createScheduler();
  const machines: Machine[] = [];
  const plan: Planned[] = [];
  let applied: (facts: readonly Fact[], event: Event) => void = () => {};
  let now = startAt;

  const between = (low: number, high: number): number => low + random() * (high - low);
  const tenth = (at: number): number => Math.round(at * 10) / 10;

  function later(ms: number, work: () => void): void {
    const one = { at: tenth(now + Math.max(0.1, ms)), work };
    let child = plan.push(one) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if ((plan[parent] as Planned).at <= one.at) break;
      plan[child] = plan[parent] as Planned;
      child = parent;
    }
    plan[child] = one;
  }

  function soonest(): Planned | undefined {
    const first = plan[0];
    const last = plan.pop();
    if (first === undefined || last === undefined || plan.length === 0) return first;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      if (child >= plan.length) break;
      if (child + 1 < plan.length && (plan[child + 1] as Planned).at < (plan[child] as Planned).at) child++;
      if ((plan[child] as Planned).at >= last.at) break;
      plan[parent] = plan[child] as Planned;
      parent = child;
    }
    plan[parent] = last;
    return first;
  }

  type Unstamped = Event extends infer E ? (E extends Event ? Omit<E, 'at'> : never) : never;

  function say(event: Unstamped): void {
    for (const one of [event, { kind: 'dispatch' } as const]) {
      const stamped = { ...one, at: now } as Event;
      const facts = handle(stamped);
      applied(facts, stamped);
      for (const fact of facts) answer(fact);
    }
  }

  function answer(fact: Fact): void {
    if (!('node' in fact) || fact.node === null) return;
    const machine = machines.find(({ name }) => name === fact.node);
    if (machine === undefined || !machine.alive) return;
    const { incarnation } = machine;
    const there = (): boolean => machine.alive && machine.incarnation === incarnation;
    if (fact.kind === 'assigned') {
      machine.seen++;
      const attempt = { job: fact.job, ordinal: fact.ordinal, attempt: fact.attempt };
      const runMs = Math.round(-Math.log(1 - random()) * taskMs * 1_000) / 1_000;
      later(1.5, () => {
        if (!there()) return;
        machine.running++;
        say({ kind: 'started', node: machine.name, attempt });
        later(runMs, () => {
          if (!there()) return;
          machine.running--;
          say({ kind: 'outcome', node: machine.name, outcome: outcome(attempt, runMs) });
        });
      });
    } else if (fact.kind === 'recalled')
      later(1, () => {
        if (there())
          say({
            kind: 'returned',
            node: machine.name,
            attempt: { job: fact.job, ordinal: fact.ordinal, attempt: fact.attempt },
          });
      });
  }

  function outcome(attempt: { job: number; ordinal: number; attempt: number }, runMs: number): Outcome {
    const failed = random() < failures;
    return {
      ...attempt,
      outcome: failed ? 'failed' : 'succeeded',
      exitCode: failed ? 1 : 0,
      signal: null,
      error: failed ? 'exit 1' : null,
      result: null,
      runMs,
      cpuMs: Math.round(runMs * between(600, 990)) / 1_000,
      peakBytes: Math.round(between(4_000, 60_000)) * 4_096,
      stdoutBytes: 10,
      stderrBytes: 0,
      started: true,
    };
  }

  function join(machine: Machine): void {
    machine.alive = true;
    machine.incarnation++;
    machine.running = 0;
    machine.seen = 0;
    say({
      kind: 'join',
      node: machine.name,
      incarnation: `i${machine.incarnation}`,
      info: { ...info, slots },
      address: `10.0.0.1:${40_000 + machines.indexOf(machine)}`,
      holding: { running: [], waiting: [], ended: [] },
    });
    const { incarnation } = machine;
    const beat = (): void => {
      if (!machine.alive || machine.incarnation !== incarnation) return;
      measure(machine);
      later(1_000 + between(-0.5, 0.5), beat);
    };
    later(between(0, 1_000), beat);
  }

  function measure(machine: Machine): void {
    const busy = (machine.running / slots) * 70;
    machine.ours += (busy - machine.ours) * 0.5 + between(-1.5, 1.5);
    machine.ours = Math.min(90, Math.max(0, machine.ours));
    machine.cpu = Math.min(100, machine.ours + between(1, 5));
    machine.memory += between(-8e6, 8e6);
    machine.memoryOurs += between(-4e6, 4e6);
    machine.load = Math.max(0, machine.load + (machine.running - machine.load) * 0.02 + between(-0.02, 0.02));
    say({
      kind: 'heartbeat',
      node: machine.name,
      seen: machine.seen,
      sample: roundedSample({
        cpu: machine.cpu,
        cpuOurs: machine.ours,
        memoryUsed: Math.max(0, machine.memory),
        memoryOurs: Math.max(0, machine.memoryOurs),
        load1: machine.load,
        running: machine.running,
        waiting: 0,
      }),
    });
  }

  function submit(): void {
    const count = 1 + Math.floor(random() * 2 * tasksPerJob);
    say({
      kind: 'submit',
      by: 'user@host',
      spec: jobSpec({
        name: `job of ${count}`,
        work: { kind: 'command', argv: ['convert', '{}', 'out.png'], shell: false, task: '', input: null },
        span: { count, first: 0, step: 1 },
        retries: random() < 0.5 ? 1 : 0,
        after: random() < 0.1 && state.nextJob > 1 ? [state.nextJob - 1] : [],
      }),
    });
  }

  function makeTrouble(): void {
    const machine = machines[Math.floor(random() * machines.length)] as Machine;
    const job = 1 + Math.floor(random() * Math.max(1, state.nextJob - 1));
    const by = 'operator@host';
    const { name: node } = machine;
    const dice = Math.floor(random() * 9);
    if (dice === 0) say({ kind: 'pause', node, reason: 'looks odd', by });
    else if (dice === 1) say({ kind: 'drain', node, now: false, deadline: null, reason: '', by });
    else if (dice === 2) for (const one of machines) say({ kind: 'resume', node: one.name, reason: '', by });
    else if (dice === 3) say({ kind: 'cancel', target: { job, ordinal: null }, by });
    else if (dice === 4) say({ kind: 'retry', target: { job, ordinal: null }, onlyFailed: true, by });
    else if (dice === 5) say({ kind: 'throttle', node, throttle: 0.5, by });
    else if (dice === 6 && state.jobs.get(job)?.endedAt) say({ kind: 'purge', job });
    else if (dice >= 7 && machine.alive) {
      machine.alive = false;
      if (dice === 7) say({ kind: 'dropped', node, reason: 'connection reset' });
      later(between(10_000, 40_000), () => join(machine));
    }
  }

  function often(perSecond: number, work: () => void): void {
    if (perSecond <= 0) return;
    const again = (): void => {
      later((-Math.log(1 - random()) / perSecond) * 1_000, () => {
        work();
        again();
      });
    };
    again();
  }

  function begin(): void {
    say({ kind: 'session', version: '0.1.0', policy: policy ?? null, discipline: null, cpuLimit: 95, seed: 7 });
    for (let i = 0; i < nodes; i++) {
      const machine: Machine = {
        name: `node-${String(i).padStart(3, '0')}`,
        alive: false,
        incarnation: 0,
        cpu: 5,
        ours: 0,
        memory: between(4e9, 40e9),
        memoryOurs: between(1e8, 2e9),
        load: 1,
        seen: 0,
        running: 0,
      };
      machines.push(machine);
      later(i * 10, () => join(machine));
    }
    often(jobsPerSecond, submit);
    often(trouble, makeTrouble);
    const tick = (): void => {
      say({ kind: 'tick', stalled: false });
      later(250, tick);
    };
    later(250, tick);
  }

  let begun = false;
  return {
    state,
    past,
    anew,
    run(told, forSeconds = seconds) {
      applied = told;
      if (!begun) begin();
      begun = true;
      const last = startAt + seconds * 1_000;
      const end = Math.min(last, now + forSeconds * 1_000);
      for (let next = plan[0]; next !== undefined && next.at <= end; next = plan[0]) {
        soonest();
        now = next.at;
        next.work();
      }
      now = end;
      return end < last;
    },
  };
}
