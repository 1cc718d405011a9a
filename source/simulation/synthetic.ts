/** Tasks drawn by chance, on simulated nodes, placed by the coordinator's own scheduler. */
import type { Event } from '../model/event.ts';
import type { Fact } from '../model/fact.ts';
import { type DisciplineName, jobSpec, type PolicyName } from '../model/job.ts';
import { limits, liveness } from '../model/limits.ts';
import type { Attempt, Outcome } from '../model/node.ts';
import { createScheduler, type Scheduler } from '../scheduler/scheduler.ts';
import { type Arrivals, arrivalSource, type Service, serviceSource } from './distributions.ts';
import { eventHeap } from './event-heap.ts';
import { randomStream } from './random.ts';
import { crash, infoOf, type SimulatedNode, sampleOf, simulatedNode, takeBack, takeNext } from './simulated-node.ts';
import type { Times } from './statistics.ts';

export interface Plan {
  nodes: number;
  slots: number;
  policy: PolicyName;
  queue: DisciplineName;
  arrivals: Arrivals;
  service: Service;
  tasks: number;
  seed: number;
  /** Nodes report their load this often; 0: the scheduler goes by what it placed and what has ended, which is exact. */
  reportAgeMs: number;
  /** Of the nodes, in order, beginning again where there are fewer than nodes. */
  speeds: readonly number[];
  queueing: 'central' | 'node';
  /** Of each node. */
  failuresPerSecond: number;
}

/** Kinds of events, in the order in which they happen at the same time. */
const kinds = { arrival: 0, end: 1, fail: 2, back: 3, tick: 4, report: 5 } as const;

/** A failed node is there again after this. */
const repairMs = 10_000;

/** One task as a job: all are alike to the scheduler. */
const spec = jobSpec({ work: { kind: 'command', argv: ['simulated'], shell: false, task: '', input: null } });

/** How far it is, is told each time so many tasks have ended. */
const tellEvery = 500;

/**
 * Lives through a plan; returns when each task came, began and ended. The same plan gives the same times. `watch` gets the
 * scheduler before anything happens, and returns what is called with each event and the facts that it led to;
 * `progress` gets the share of tasks that have ended.
 */
export function runSynthetic(
  plan: Plan,
  watch?: (scheduler: Scheduler) => (facts: readonly Fact[], event: Event) => void,
  progress?: (share: number) => void,
): Times {
  const scheduler = createScheduler(undefined, { remember: 0 });
  const seen = watch?.(scheduler);
  const heap = eventHeap();
  const nodes = Array.from({ length: plan.nodes }, (_, i) =>
    simulatedNode(i, plan.slots, plan.speeds[i % plan.speeds.length] ?? 1),
  );
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const nextArrival = arrivalSource(plan.arrivals, randomStream(plan.seed, 1));
  const nextService = serviceSource(plan.service, randomStream(plan.seed, 2));
  const failures = randomStream(plan.seed, 3);
  /** A node that takes everything at once queues by itself. */
  const room = plan.queueing === 'central' ? plan.slots : limits.slots;
  /** One job where a policy splits jobs; else each task comes alone. */
  const asOne = plan.arrivals.kind === 'batch' && plan.policy === 'partition';

  const times = {
    arrivedAt: new Float64Array(plan.tasks).fill(Number.NaN),
    startedAt: new Float64Array(plan.tasks).fill(Number.NaN),
    endedAt: new Float64Array(plan.tasks).fill(Number.NaN),
    slots: null,
  };
  const serviceMs = new Float64Array(plan.tasks);
  /** When what runs will have ended; an end that was planned for another instant is that of an attempt which is gone. */
  const dueAt = new Float64Array(plan.tasks).fill(Number.NaN);
  const attempts = new Uint16Array(plan.tasks);
  const places = new Int32Array(plan.tasks).fill(-1);
  let at = 0;
  let open = plan.tasks;

  const taskOf = ({ job, ordinal }: Attempt) => (asOne ? ordinal : job - 1);
  const attemptOf = (task: number): Attempt => ({
    job: asOne ? 1 : task + 1,
    ordinal: asOne ? task : 0,
    attempt: attempts[task] as number,
  });

  function tell(event: Event): void {
    const facts = scheduler.handle(event);
    seen?.(facts, event);
    for (const fact of facts) act(fact);
  }

  function act(fact: Fact): void {
    switch (fact.kind) {
      case 'assigned': {
        const node = byName.get(fact.node) as SimulatedNode;
        const task = taskOf(fact);
        attempts[task] = fact.attempt;
        places[task] = nodes.indexOf(node);
        node.seen++;
        node.waiting.push(task);
        begin(node);
        return;
      }
      case 'recalled':
        if (takeBack(byName.get(fact.node) as SimulatedNode, taskOf(fact)))
          tell({ kind: 'returned', at, node: fact.node, attempt: attemptOf(taskOf(fact)) });
        return;
      case 'ended':
        open--;
        if (open % tellEvery === 0) progress?.(1 - open / plan.tasks);
        return;
      case 'job-ended':
        tell({ kind: 'purge', at, job: fact.job });
        return;
    }
  }

  function begin(node: SimulatedNode): void {
    for (let task = takeNext(node); task !== undefined; task = takeNext(node)) {
      node.running.add(task);
      times.startedAt[task] = at;
      const endsAt = at + (serviceMs[task] as number) / node.speed;
      dueAt[task] = endsAt;
      heap.push(endsAt, kinds.end, task);
      tell({ kind: 'started', at, node: node.name, attempt: attemptOf(task) });
    }
  }

  function join(node: SimulatedNode): void {
    node.alive = true;
    tell({
      kind: 'join',
      at,
      node: node.name,
      incarnation: `${node.name}-${node.process}`,
      info: infoOf(node, room),
      address: 'simulated',
      holding: { running: [], waiting: [], ended: [] },
    });
  }

  function arrive(task: number): void {
    times.arrivedAt[task] = at;
    serviceMs[task] = nextService();
    if (!asOne) tell({ kind: 'submit', at, spec, by: 'simulate' });
    else if (task === plan.tasks - 1)
      tell({ kind: 'submit', at, spec: { ...spec, span: { count: plan.tasks, first: 0, step: 1 } }, by: 'simulate' });
    if (task + 1 < plan.tasks) heap.push(at + nextArrival(), kinds.arrival, task + 1);
  }

  function end(task: number): void {
    const node = nodes[places[task] as number] as SimulatedNode;
    node.running.delete(task);
    times.endedAt[task] = at;
    const runMs = at - (times.startedAt[task] as number);
    tell({ kind: 'outcome', at, node: node.name, outcome: success(attemptOf(task), runMs) });
    begin(node);
  }

  function fail(number: number): void {
    const node = nodes[number] as SimulatedNode;
    for (const task of node.running) dueAt[task] = Number.NaN;
    crash(node);
    tell({ kind: 'dropped', at, node: node.name, reason: 'it failed' });
    // A little more than what must have passed, for what is lost in the sum of fractions.
    heap.push(at + liveness.lostAfterDropMs + 1, kinds.tick, 0);
    heap.push(at + repairMs, kinds.back, number);
  }

  function planFailure(number: number): void {
    if (plan.failuresPerSecond > 0)
      heap.push(at + failures.exponential(1_000 / plan.failuresPerSecond), kinds.fail, number);
  }

  tell({
    kind: 'session',
    at,
    version: 'simulated',
    policy: plan.policy,
    discipline: plan.queue,
    cpuLimit: 100,
    seed: plan.seed >>> 0,
  });
  for (const [number, node] of nodes.entries()) {
    join(node);
    planFailure(number);
    if (plan.reportAgeMs > 0) heap.push((plan.reportAgeMs * (number + 1)) / nodes.length, kinds.report, number);
  }
  heap.push(nextArrival(), kinds.arrival, 0);
  while (open > 0 && heap.pop()) {
    ({ at } = heap);
    const { number } = heap;
    switch (heap.kind) {
      case kinds.arrival:
        arrive(number);
        break;
      case kinds.end:
        if (dueAt[number] !== at) continue;
        end(number);
        break;
      case kinds.fail:
        fail(number);
        break;
      case kinds.back:
        join(nodes[number] as SimulatedNode);
        planFailure(number);
        break;
      case kinds.tick:
        for (const node of nodes) if (node.alive) tell({ kind: 'heard', at, node: node.name });
        tell({ kind: 'tick', at, stalled: false });
        break;
      case kinds.report: {
        const node = nodes[number] as SimulatedNode;
        if (node.alive) tell({ kind: 'heartbeat', at, node: node.name, seen: node.seen, sample: sampleOf(node) });
        heap.push(at + plan.reportAgeMs, kinds.report, number);
      }
    }
    tell({ kind: 'dispatch', at });
  }
  return times;
}

/** How a simulated node says that a task has ended well. */
export function success(attempt: Attempt, runMs: number): Outcome {
  return {
    ...attempt,
    outcome: 'succeeded',
    exitCode: 0,
    signal: null,
    error: null,
    result: null,
    runMs,
    cpuMs: runMs,
    peakBytes: 0,
    stdoutBytes: 0,
    stderrBytes: 0,
    started: true,
  };
}
