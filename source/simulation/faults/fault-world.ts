/**
 * One seed, one world: a coordinator with its journal, nodes, connections, users, operators and faults. First everything
 * goes wrong at the rates that the seed draws, and nothing may ever be lost or counted twice (safety); then the faults
 * stop, and all that is open must end (liveness). The method is that of TigerBeetle's VOPR and FoundationDB's simulator.
 */
import { createHash } from 'node:crypto';
import type { Event } from '../../model/event.ts';
import type { Fact } from '../../model/fact.ts';
import { type JobSpec, jobSpec } from '../../model/job.ts';
import type { Attempt } from '../../model/node.ts';
import { fold } from '../../scheduler/apply.ts';
import { violations } from '../../scheduler/invariants.ts';
import { partitionDepth } from '../../scheduler/policies/partition.ts';
import { restoreSnapshot, type Snapshot, takeSnapshot } from '../../scheduler/snapshot.ts';
import type { State } from '../../scheduler/state.ts';
import { lookAt } from '../../view/look.ts';
import { emptySeries, observe, type Series } from '../../view/series.ts';
import { selectWindow } from '../../view/window.ts';
import { type Random, randomStream } from '../random.ts';
import { createLedger } from './ledger.ts';
import type { Plant } from './planted.ts';
import { disciplines, drawRates, type FaultKind, policies } from './rates.ts';
import { virtualConnection } from './virtual-connection.ts';
import { type UntimedEvent, type VirtualCoordinator, virtualCoordinator } from './virtual-coordinator.ts';
import { virtualJournal } from './virtual-journal.ts';
import { type VirtualNode, virtualNode } from './virtual-node.ts';
import { virtualTime } from './virtual-time.ts';

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
const by = 'simulation';

/** Lives through a seed. Throws where anything is broken that must hold. */
export function liveThroughFaults({ seed, safetyMs, plant = null }: WorldOptions): WorldReport {
  const random = randomStream(seed, 1);
  const rates = drawRates(randomStream(seed, 2));
  const time = virtualTime();
  const journal = virtualJournal(time, randomStream(seed, 3), rates.diskMs, plant);
  const ledger = createLedger();
  const hash = createHash('sha256');
  const counts = new Map<FaultKind, number>();
  const count = (kind: FaultKind): void => void counts.set(kind, (counts.get(kind) ?? 0) + 1);
  /** By job: poison is a property of the task. */
  const poison = new Set<number>();
  let series: Series = emptySeries();
  let faults = true;
  let events = 0;
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
    check,
    recovered,
    told: ledger.told,
    plant,
  });
  const nodes = Array.from({ length: rates.nodes }, (_, number) => drawNode(number));

  /** The same attempt always takes the same. */
  function workOf({ job, ordinal }: Attempt): { runMs: number; poison: boolean } {
    const one = randomStream(seed, 1_000_000 + job * 1_000 + ordinal);
    const runMs = one.chance(0.2) ? one.exponential(15_000) : one.exponential(1_000);
    // One that takes its node down before anybody can know that it began is never blamed, and goes round for ever.
    return poison.has(job) ? { runMs: 1_000 + runMs, poison: true } : { runMs, poison: false };
  }

  function check(event: Event, facts: readonly Fact[], state: State): void {
    events++;
    hash.update(JSON.stringify(event));
    for (const fact of facts) {
      hash.update(JSON.stringify(fact));
      ledger.read(fact, state);
      observe(series, state, fact);
    }
    if (facts.every(({ kind }) => kind === 'sampled') && !random.chance(0.02)) return;
    const broken = violations(state);
    if (broken.length > 0) throw new Error(`I4, I8: after ${event.kind}: ${broken.join('; ')}`);
    if (random.chance(0.01)) checkWindows(state, series, event.at);
    // The journal does not have this turn's facts yet.
    if (random.chance(0.005)) checkFold([...journal.facts, ...facts.filter(({ kind }) => kind !== 'sampled')], state);
  }

  function recovered(state: State): void {
    checkFold(journal.facts, state);
    ledger.recover(journal.facts, state);
    series = emptySeries();
    const broken = violations(state);
    if (broken.length > 0) throw new Error(`I7: recovered: ${broken.join('; ')}`);
  }

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
      slowness: slow ? 10 : 1,
      lying,
      toldTwice: rates.toldTwice,
      count,
      connect: (side) =>
        coordinator.accept((other) =>
          virtualConnection(time, randomStream(seed, 200 + events), rates.networkMs, side, other),
        ),
      began: ledger.began,
      succeeded: ledger.succeeded,
    });
  }

  function submit(): void {
    const spec = drawSpec(random, [...coordinator.state.jobs.keys()]);
    coordinator.tell({ kind: 'submit', spec, by }, (facts) => {
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

  const someMs = (): number => random.pick([100, 2_000, 8_000, 25_000]);
  const node = (): VirtualNode => random.pick(nodes);
  function target() {
    const jobs = [...coordinator.state.jobs.values()];
    const job = jobs.length === 0 ? undefined : random.pick(jobs);
    return { job: job?.id ?? 1, ordinal: random.chance(0.6) ? random.below(job?.tasks.count ?? 1) : null };
  }
  const operate = (event: UntimedEvent): void => coordinator.tell(event);
  const drain = (now: boolean): void =>
    operate({
      kind: 'drain',
      node: node().name,
      now,
      deadline: random.chance(0.3) ? coordinator.now + someMs() : null,
      reason: '',
      by,
    });

  const deeds: Readonly<Record<string, () => void>> = {
    'connection lost': () => node().connection?.close('network'),
    cut: () => node().connection?.cut('both', someMs()),
    'cut one way': () => node().connection?.cut(random.pick(['toNode', 'toCoordinator'] as const), someMs()),
    'coordinator crash': () => crashCoordinator('process'),
    'machine crash': () => journal.nextUnderWay(() => faults && crashCoordinator('machine')),
    'node crash': () => node().crash(someMs()),
    'node leaves': () => node().leave(someMs()),
    'coordinator pause': () => coordinator.pause(someMs()),
    'node pause': () => node().pause(someMs()),
    drain: () => drain(false),
    'drain now': () => drain(true),
    pause: () => operate({ kind: 'pause', node: node().name, reason: '', by }),
    cancel: () => operate({ kind: 'cancel', target: target(), by }),
    retry: () => operate({ kind: 'retry', target: target(), onlyFailed: random.chance(0.5), by }),
    purge: () => operate({ kind: 'purge', job: target().job }),
    'queue paused': () => operate({ kind: 'pause-queue', paused: true, reason: '', by }),
    'policy switched': () =>
      operate({ kind: 'set-policy', policy: random.pick(policies), discipline: random.pick(disciplines), by }),
  };

  function crashCoordinator(of: 'process' | 'machine'): void {
    if (!coordinator.up) return;
    coordinator.crash();
    const lost = journal.crash(of);
    if (lost.length > 0) count('facts lost');
    if (of === 'machine') ledger.forget(lost);
    time.after(random.unit() * 20_000, restart);
  }

  function restart(): void {
    if (coordinator.up) return;
    const jumps = random.chance(rates.clockJump);
    if (jumps) count('clock jump');
    coordinator.restart(jumps ? random.pick([-3_600_000, -5_000, 5_000, 3_600_000]) : 0);
  }

  keepComing(rates.jobsPerMinute, submit);
  for (const [kind, perMinute] of rates.perMinute)
    keepComing(perMinute, () => {
      count(kind);
      deeds[kind]?.();
    });
  // What was put aside is used again, or nothing would ever run where such deeds are frequent.
  keepComing(6, () => operate({ kind: 'resume', node: node().name, reason: '', by }));
  keepComing(6, () => operate({ kind: 'pause-queue', paused: false, reason: '', by }));
  time.pass(safetyMs);

  faults = false;
  // What is paused or cut now comes back by itself, within the time that is given.
  for (const one of nodes) one.behave();
  restart();
  const open = () => {
    const { queued, assigned, running } = coordinator.state.totals;
    return queued + assigned + running;
  };
  operate({ kind: 'pause-queue', paused: false, reason: '', by });
  operate({ kind: 'set-cpu-limit', cpuLimit: 100, by });
  cancelHopeless(coordinator, nodes);
  const workMs = openWorkMs(coordinator.state, workOf);
  const healedAt = time.now;
  const resume = (): void => {
    // A node that starts nothing now and then is paused: the operator of this world resumes it.
    for (const { name } of nodes) operate({ kind: 'resume', node: name, reason: '', by });
    time.after(1_000, resume);
  };
  resume();
  const until = healedAt + healedWithinMs + workMs + 60_000 * poison.size;
  if (open() > 0 && !time.pass(until, () => open() === 0))
    throw new Error(
      `I10: ${open()} tasks have not ended ${Math.round((until - healedAt) / 1_000)} s after the last fault`,
    );
  checkFold(journal.facts, coordinator.state);
  return { hash: hash.digest('hex'), tasks, events, simulatedMs: time.now, counts };
}

/** What fits no node would wait for ever. */
function cancelHopeless(coordinator: VirtualCoordinator, nodes: readonly VirtualNode[]): void {
  for (const { id, spec, endedAt } of [...coordinator.state.jobs.values()]) {
    const fits = nodes.some(
      ({ info }) =>
        spec.cpus <= info.slots &&
        (spec.labels.disk === undefined || info.labels.disk !== undefined) &&
        (spec.resources.gpu === undefined || info.resources.gpu !== undefined),
    );
    if (!fits && endedAt === null) coordinator.tell({ kind: 'cancel', target: { job: id, ordinal: null }, by });
  }
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

function drawSpec(random: Random, jobs: readonly number[]): JobSpec {
  return jobSpec({
    work: { kind: 'command', argv: ['simulated'], shell: false, task: '', input: null },
    span: { count: 1 + random.below(random.chance(0.2) ? 20 : 4), first: 0, step: 1 },
    priority: random.below(3),
    cpus: random.pick([1, 1, 1, 0.5, 2, 5]),
    retries: random.below(3),
    backoffMs: random.pick([0, 300, 2_000]),
    noRetry: random.chance(0.2),
    memoryBytes: random.pick([0, 0, 3_000]),
    labels: random.chance(0.2) ? { disk: 'ssd' } : {},
    resources: random.chance(0.2) ? { gpu: 1 } : {},
    timeoutMs: random.chance(0.5) ? 1_000 + random.exponential(10_000) : null,
    after: jobs.length > 0 && random.chance(0.2) ? [random.pick(jobs)] : [],
    maxFails: random.chance(0.1) ? 0 : null,
    limit: random.chance(0.2) ? 1 + random.below(3) : null,
    key: random.chance(0.1) ? `k${random.below(5)}` : null,
  });
}

/** I7: the journal leads to this state, and so does a snapshot of it. */
function checkFold(facts: readonly Fact[], state: State): void {
  const now = takeSnapshot(state);
  checkEqual(takeSnapshot(fold(facts)), now, 'I7: the journal leads elsewhere');
  checkEqual(takeSnapshot(restoreSnapshot(now)), now, 'I7: a snapshot is not what it was taken of');
}

function checkEqual(a: Snapshot, b: Snapshot, what: string): void {
  const text = (value: unknown) =>
    JSON.stringify(value, (_, one) => (one instanceof Uint8Array ? Buffer.from(one).toString('hex') : one));
  for (let record = 0; record < Math.max(a.length, b.length); record++)
    if (text(a[record]) !== text(b[record])) throw new Error(`${what}:\n${text(a[record])}\n${text(b[record])}`);
}

/** I12: every screen can be drawn, and its rows sum to the totals. */
function checkWindows(state: State, series: Series, at: number): void {
  for (const screen of ['nodes', 'tasks', 'events', 'charts'] as const) selectWindow(state, series, at, lookAt(screen));
  const { jobs, totals } = selectWindow(state, series, at, lookAt('jobs', { rows: 1_000 }));
  for (const name of [
    'queued',
    'assigned',
    'running',
    'succeeded',
    'failed',
    'cancelled',
    'skipped',
    'lost',
  ] as const) {
    const sum = jobs.reduce((all, row) => all + row[name], 0);
    if (sum !== totals.tasks[name])
      throw new Error(`I12: ${sum} ${name} in the rows, ${totals.tasks[name]} in the totals`);
  }
  for (const of of state.jobs.keys()) selectWindow(state, series, at, lookAt('job', { of: String(of) }));
  for (const of of state.nodes.keys()) selectWindow(state, series, at, lookAt('node', { of }));
}
