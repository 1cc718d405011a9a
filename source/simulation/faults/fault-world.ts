/**
 * One seed, one world: a coordinator with its journal, nodes, connections, users, operators and faults. First everything
 * goes wrong at the rates that the seed draws, and nothing may ever be lost or counted twice (safety); then the faults
 * stop, and all that is open must end (liveness). The method is that of TigerBeetle's VOPR and FoundationDB's simulator.
 */
import type { Attempt } from '../../model/node.ts';
import { partitionDepth } from '../../scheduler/policies/partition.ts';
import type { State } from '../../scheduler/state.ts';
import { randomStream } from '../random.ts';
import { cancelHopeless, forgetOld, openTasks, operator, worldDeeds } from './deeds.ts';
import { drawSpec, workSource } from './drawn-work.ts';
import { createLedger } from './ledger.ts';
import type { Plant } from './planted.ts';
import { drawRates, type FaultKind } from './rates.ts';
import { virtualConnection } from './virtual-connection.ts';
import { type VirtualCoordinator, virtualCoordinator } from './virtual-coordinator.ts';
import { virtualJournal } from './virtual-journal.ts';
import { type VirtualNode, virtualNode } from './virtual-node.ts';
import { virtualTime } from './virtual-time.ts';
import { worldChecks } from './world-checks.ts';

export interface WorldOptions {
  seed: number;
  /** How long faults last. */
  safetyMs: number;
  /** A planted bug, to see that it is found. */
  plant?: Plant | null;
}

export interface WorldReport {
  /** Of all events and facts: the same seed gives the same. */
  readonly hash: string;
  readonly tasks: number;
  readonly events: number;
  readonly simulatedMs: number;
  readonly counts: ReadonlyMap<FaultKind, number>;
}

/** After the last fault, beside the time that the tasks themselves take. */
const healedWithinMs = 120_000;

/** Lives through a seed. Throws where anything is broken that must hold. */
export function liveThroughFaults({ seed, safetyMs, plant = null }: WorldOptions): WorldReport {
  const random = randomStream(seed, 1);
  const rates = drawRates(randomStream(seed, 2));
  const time = virtualTime();
  const journal = virtualJournal(time, randomStream(seed, 3), rates.diskMs, plant);
  const ledger = createLedger();
  const checks = worldChecks(randomStream(seed, 4), journal, ledger);
  const counts = new Map<FaultKind, number>();
  const count = (kind: FaultKind): void => void counts.set(kind, (counts.get(kind) ?? 0) + 1);
  /** By job: poison is a property of the task. */
  const poison = new Set<number>();
  const workOf = workSource(seed, poison);
  let faults = true;
  let lost = false;
  let connections = 0;
  let tasks = 0;

  const coordinator: VirtualCoordinator = virtualCoordinator({
    time,
    journal,
    first: {
      kind: 'session',
      version: 'simulated',
      policy: rates.policy,
      discipline: rates.discipline,
      cpuLimit: random.pick([80, 100]),
      seed: seed >>> 0,
    },
    workOf,
    check: checks.after,
    recovered(state, ahead) {
      if (ahead.length > 0) count('left before it was written');
      checks.recovered(state, lost, ahead);
      lost = false;
    },
    told: ledger.told,
    plant,
  });
  const nodes = Array.from({ length: rates.nodes }, (_, number) => drawNode(number));

  function drawNode(number: number): VirtualNode {
    const slow = random.chance(rates.slowNodes);
    const lying = random.chance(rates.lyingNodes);
    const slots = 1 + random.below(4);
    const partitioned = rates.policy === 'partition' || rates.perMinute.has('policy switched');
    if (slow) count('slow node');
    if (lying) count('lying node');
    return virtualNode({
      name: `n${number}`,
      time,
      random: randomStream(seed, 100 + number),
      slots,
      aheadSlots: partitioned ? Math.max(slots, partitionDepth) : slots,
      given: {
        labels: random.chance(0.5) ? { disk: 'ssd' } : {},
        resources: random.chance(0.5) ? { gpu: 1 } : {},
      },
      manner: { slowness: slow ? 10 : 1, lying, toldTwice: rates.toldTwice },
      count,
      connect: (side) =>
        coordinator.accept((other) =>
          virtualConnection(time, randomStream(seed, 200 + connections++), rates.networkMs, side, other),
        ),
      began: ledger.began,
      succeeded: ledger.succeeded,
    });
  }

  function submit(): void {
    const spec = drawSpec(random, [...coordinator.state.jobs.keys()]);
    coordinator.tell({ kind: 'submit', spec, by: operator }, (facts) => {
      for (const fact of facts) if (fact.kind === 'job-submitted') ledger.acknowledge(fact.job);
    });
    if (!coordinator.up || coordinator.state.jobs.size === 0) return;
    tasks += spec.span.count;
    if (random.chance(0.03)) poison.add(coordinator.state.nextJob - 1);
  }

  /** Something comes again and again, at a rate a minute, while there are faults. */
  function keepComing(perMinute: number, deed: () => void): void {
    const next = (): void =>
      time.after(random.exponential(60_000 / perMinute), () => {
        if (!faults) return;
        deed();
        next();
      });
    next();
  }

  function crashCoordinator(of: 'process' | 'machine'): void {
    if (!coordinator.up || !faults) return;
    coordinator.crash(of);
    const gone = journal.crash(of);
    if (gone.length > 0) {
      count('facts lost');
      lost = true;
    }
    if (of === 'machine') ledger.forget(gone);
    time.after(random.unit() * 20_000, restart);
  }

  function restart(): void {
    if (coordinator.up) return;
    const jumps = random.chance(rates.clockJump);
    if (jumps) count('clock jump');
    coordinator.restart(jumps ? random.pick([-3_600_000, -5_000, 5_000, 3_600_000]) : 0);
  }

  const resume = (name: string): void => coordinator.tell({ kind: 'resume', node: name, reason: '', by: operator });
  const resumeQueue = (): void => coordinator.tell({ kind: 'pause-queue', paused: false, reason: '', by: operator });

  const deeds = worldDeeds(random, coordinator, nodes, {
    process: () =>
      random.chance(0.5)
        ? crashCoordinator('process')
        : journal.nextUnderWay('memory', () => crashCoordinator('process')),
    machine: () => journal.nextUnderWay('disk', () => crashCoordinator('machine')),
  });
  keepComing(rates.jobsPerMinute, submit);
  for (const [kind, perMinute] of rates.perMinute)
    keepComing(perMinute, () => {
      count(kind);
      deeds[kind]();
    });
  // What was put aside is used again, or nothing would ever run where such deeds are frequent.
  keepComing(6, () => resume(random.pick(nodes).name));
  keepComing(6, resumeQueue);
  keepComing(1, () => forgetOld(coordinator, rates.keptMs));
  keepComing(0.2, () => cancelHopeless(coordinator, nodes));
  time.pass(safetyMs);

  faults = false;
  // What is paused or cut now comes back by itself, within the time that is given.
  for (const one of nodes) one.behave();
  restart();
  resumeQueue();
  coordinator.tell({ kind: 'set-cpu-limit', cpuLimit: 100, by: operator });
  cancelHopeless(coordinator, nodes);
  const open = (): number => openTasks(coordinator.state);
  const healedAt = time.now;
  const until = healedAt + healedWithinMs + openWorkMs(coordinator.state, workOf) + 60_000 * poison.size;
  // A node that starts nothing now and then is paused: the operator of this world resumes it.
  (function resumeAll(): void {
    for (const { name } of nodes) resume(name);
    time.after(1_000, resumeAll);
  })();
  if (open() > 0 && !time.pass(until, () => open() === 0))
    throw new Error(
      `I10: ${open()} tasks have not ended ${Math.round((until - healedAt) / 1_000)} s after the last fault`,
    );
  return { hash: checks.finish(coordinator.state), tasks, events: checks.events, simulatedMs: time.now, counts };
}

/** All that may still have to run, one after the other, each as often as it may be tried, on a slow node. */
function openWorkMs(state: State, workOf: (attempt: Attempt) => { runMs: number }): number {
  let sumMs = 0;
  for (const job of state.jobs.values())
    for (let ordinal = 0; ordinal < job.tasks.count; ordinal++) {
      if (!['queued', 'assigned', 'running'].includes(job.tasks.state(ordinal))) continue;
      const waitMs = job.spec.backoffMs * 2 ** job.spec.retries;
      sumMs += (1 + job.spec.retries) * (10 * workOf({ job: job.id, ordinal, attempt: 0 }).runMs + waitMs);
    }
  return sumMs;
}
