/**
 * A small world around the scheduler: nodes that run what they are told, connections that break and lose what is under
 * way, operators, crashes of nodes and of the coordinator. One seed gives one course of events.
 */
import { createHash } from 'node:crypto';
import type { Event } from '../../source/model/event.ts';
import type { Fact } from '../../source/model/fact.ts';
import { disciplineNames, policyNames } from '../../source/model/job.ts';
import { fold } from '../../source/scheduler/apply.ts';
import { violations } from '../../source/scheduler/invariants.ts';
import { joinObjection } from '../../source/scheduler/join.ts';
import { headOf, nextWaiting } from '../../source/scheduler/lanes.ts';
import { placement } from '../../source/scheduler/placement.ts';
import { policyNamed } from '../../source/scheduler/policies/policies.ts';
import { createScheduler } from '../../source/scheduler/scheduler.ts';
import { restoreSnapshot, type Snapshot, takeSnapshot } from '../../source/scheduler/snapshot.ts';
import type { State } from '../../source/scheduler/state.ts';
import { dice } from './dice.ts';
import { nodeInfo, sample, spec, type UntimedEvent } from './fleet.ts';
import { Ledger } from './ledger.ts';
import { idOf, type Order, type Report, WorldNode } from './world-node.ts';

/** One connection of a node, with what is under way on it. */
interface Link {
  readonly node: WorldNode;
  readonly orders: Order[];
  readonly reports: Report[];
  /** The node is still at it. */
  open: boolean;
}

export interface Course {
  /** Of all facts: the same seed gives the same. */
  readonly hash: string;
  readonly ledger: Ledger;
  readonly tasks: number;
}

const policies = policyNames.filter((name) => policyNamed(name) !== undefined);
const by = 'ana';

/** `watch` is told every event and what follows from it. Lets a world take `steps` steps, then heals it and waits until all has ended. Throws where anything is wrong. */
export function liveThrough(seed: number, steps: number, watch?: (what: Event | Fact) => void): Course {
  const { below, chance, pick, ...rest } = dice(seed);
  const chances = { below, chance, pick, ...rest };
  const ledger = new Ledger();
  const facts: Fact[] = [];
  const hash = createHash('sha256');
  const links = new Map<string, Link>();
  /** Whose words the coordinator takes; it may not know yet that the connection is broken. */
  const sessions = new Map<string, Link>();
  let scheduler = createScheduler();
  let at = 1_000_000;
  let faults = true;

  const nodes = Array.from({ length: 1 + below(4) }, (_, number) => {
    const slots = 1 + below(4);
    const labels: Record<string, string> = chance(0.5) ? { disk: 'ssd' } : {};
    const info = nodeInfo({ slots, labels, resources: chance(0.5) ? { gpu: 1 } : {} });
    return new WorldNode(`n${number}`, info, chances, (attempt, noRetry) => ledger.began(attempt, noRetry));
  });

  function tell(event: UntimedEvent): void {
    const stamped = { ...event, at } as Event;
    watch?.(stamped);
    const said = scheduler.handle(stamped);
    for (const fact of said) {
      watch?.(fact);
      facts.push(fact);
      hash.update(JSON.stringify(fact));
      ledger.read(fact, scheduler.state);
    }
    if (said.length === 0) return;
    const broken = violations(scheduler.state);
    if (broken.length > 0) throw new Error(`after ${event.kind}: ${broken.join('; ')}`);
    for (const fact of said) act(fact);
  }

  /** What facts make the coordinator say. */
  function act(fact: Fact): void {
    if (fact.kind === 'node-health' && fact.health === 'lost') sessions.delete(fact.node);
    const orders = 'node' in fact && fact.node !== null ? sessions.get(fact.node)?.orders : undefined;
    if (orders === undefined) return;
    if (fact.kind === 'recalled') orders.push({ kind: 'recall', attempt: fact });
    if (fact.kind === 'stop-asked') orders.push({ kind: 'stop', attempt: fact });
    if (fact.kind !== 'assigned') return;
    const held = scheduler.state.nodes.get(fact.node)?.held.get(idOf(fact));
    if (held === undefined || held.number === 0) return;
    const noRetry = scheduler.state.jobs.get(fact.job)?.spec.noRetry === true;
    orders.push({ kind: 'assign', attempt: fact, number: held.number, cpus: held.cpus, noRetry });
  }

  function connect(node: WorldNode): void {
    if (links.get(node.name)?.open || !node.alive || node.awayUntil > at) return;
    const incarnation = `${node.name}-${node.process}`;
    if (joinObjection(scheduler.state, node.name, incarnation) !== null) return;
    const link: Link = { node, orders: [], reports: [], open: true };
    links.set(node.name, link);
    sessions.set(node.name, link);
    const keys = (of: readonly { attempt: Order['attempt'] }[]) => of.map(({ attempt }) => attempt);
    node.seen = 0;
    const holding = {
      running: keys(node.running),
      waiting: keys(node.waiting),
      ended: node.ended.map(({ job, ordinal, attempt }) => ({ job, ordinal, attempt })),
    };
    tell({ kind: 'join', node: node.name, incarnation, info: node.info, address: 'x', holding });
    for (const outcome of node.ended) link.reports.push({ kind: 'outcome', outcome });
  }

  /** What is under way is lost. `told`: the coordinator learns it at once, and not by silence. */
  function cut(node: WorldNode, told: boolean): void {
    const link = links.get(node.name);
    if (link === undefined || !link.open) return;
    link.open = false;
    link.reports.length = 0;
    node.awayUntil = at + pick([0, 0, 1_000, 6_000, 20_000]);
    if (!told || sessions.get(node.name) !== link) return;
    sessions.delete(node.name);
    tell({ kind: 'dropped', node: node.name, reason: 'reset' });
  }

  function deliverOrder(node: WorldNode): void {
    const link = links.get(node.name);
    const order = link?.open ? link.orders.shift() : undefined;
    if (order !== undefined) link?.reports.push(...node.take(order));
  }

  function deliverReport(node: WorldNode): void {
    const link = links.get(node.name);
    if (link === undefined) return;
    const report = link.reports.shift();
    if (report === undefined || sessions.get(node.name) !== link) return;
    const { name } = node;
    tell({ kind: 'heard', node: name });
    if (report.kind === 'heartbeat')
      tell({ kind: 'heartbeat', node: name, seen: report.seen, sample: sample(report.cpu, report.cpu / 2) });
    else if (report.kind === 'outcome') {
      tell({ kind: 'outcome', node: name, outcome: report.outcome });
      // Told twice now and then, as if the answer had come too late.
      if (chance(0.1)) tell({ kind: 'outcome', node: name, outcome: report.outcome });
      if (sessions.get(name) === link) link.orders.push({ kind: 'settled', attempt: report.outcome });
    } else tell({ kind: report.kind, node: name, attempt: report.attempt });
  }

  function work(node: WorldNode): void {
    const link = links.get(node.name);
    // Out of reach, time for its tasks goes by slowly, or they would all have ended when it comes back.
    if (!node.alive || (!link?.open && chance(0.95))) return;
    const said = chance(0.5) ? node.start(at) : node.finish(at);
    if (!link?.open) return;
    link.reports.push(...said);
    if (chance(0.2)) link.reports.push({ kind: 'heartbeat', seen: node.seen, cpu: below(100) });
  }

  function pass(ms: number): void {
    at += ms;
    // Only who can be heard is heard.
    for (const [name, link] of sessions) if (link.open && chance(0.9)) tell({ kind: 'heard', node: name });
    tell({ kind: 'tick', stalled: ms > 1_250 });
  }

  function submit(): void {
    const jobs = [...scheduler.state.jobs.keys()];
    tell({
      kind: 'submit',
      by,
      spec: spec(1 + below(chance(0.2) ? 30 : 5), {
        priority: below(3),
        cpus: pick([1, 1, 1, 0.5, 2, 5]),
        retries: below(3),
        backoffMs: pick([0, 300, 2_000]),
        noRetry: chance(0.2),
        memoryBytes: pick([0, 0, 3_000]),
        labels: chance(0.2) ? { disk: 'ssd' } : {},
        resources: chance(0.2) ? { gpu: 1 } : {},
        after: jobs.length > 0 && chance(0.2) ? [pick(jobs), pick(jobs)] : [],
        maxFails: chance(0.2) ? 0 : null,
        limit: chance(0.2) ? 1 + below(3) : null,
        timeoutMs: chance(0.5) ? 1 + below(20_000) : null,
        key: chance(0.1) ? `k${below(3)}` : null,
      }),
    });
  }

  function operate(): void {
    const node = pick(nodes).name;
    const jobs = [...scheduler.state.jobs.values()];
    const open = jobs.filter(({ endedAt }) => endedAt === null);
    const among = open.length > 0 && chance(0.7) ? open : jobs;
    const job = among.length === 0 ? undefined : pick(among);
    const target = { job: job?.id ?? 1, ordinal: chance(0.7) ? below(job?.tasks.count ?? 1) : null };
    const words: (() => void)[] = [
      () => tell({ kind: 'pause', node, reason: 'r', by }),
      () =>
        tell({
          kind: 'drain',
          node,
          now: chance(0.5),
          deadline: chance(0.5) ? at + below(5_000) : null,
          reason: '',
          by,
        }),
      () => tell({ kind: 'resume', node, reason: '', by }),
      () => tell({ kind: 'resume', node, reason: '', by }),
      () => tell({ kind: 'cancel', target, by }),
      () => tell({ kind: 'cancel', target, by }),
      () => tell({ kind: 'retry', target, onlyFailed: chance(0.5), by }),
      () => tell({ kind: 'purge', job: target.job }),
      () => tell({ kind: 'forget', node }),
      () => tell({ kind: 'throttle', node, throttle: pick([0.5, 1]), by }),
      () => tell({ kind: 'pause-queue', paused: chance(0.3), reason: '', by }),
      () => tell({ kind: 'set-policy', policy: pick(policies), discipline: pick([null, ...disciplineNames]), by }),
      () => tell({ kind: 'set-cpu-limit', cpuLimit: pick([50, 80, 100]), by }),
    ];
    pick(words)();
  }

  /** The coordinator dies; another goes on from the journal, or from a snapshot. What was under way is lost. */
  function restart(): void {
    const recovered = fold(facts.filter(({ kind }) => kind !== 'sampled'));
    checkEqual(takeSnapshot(recovered), takeSnapshot(scheduler.state), 'the journal leads elsewhere');
    const restored = restoreSnapshot(takeSnapshot(scheduler.state));
    checkEqual(takeSnapshot(restored), takeSnapshot(scheduler.state), 'a snapshot is not what it was taken of');
    checkEqual(
      takeSnapshot(fold(facts), { samples: true }),
      takeSnapshot(scheduler.state, { samples: true }),
      'the trace leads elsewhere',
    );
    for (const link of links.values()) {
      link.open = false;
      link.reports.length = 0;
    }
    sessions.clear();
    scheduler = createScheduler(chance(0.5) ? recovered : restored);
    at += below(30_000);
    tell({ kind: 'session', version: 'v', policy: null, discipline: null, cpuLimit: null, seed });
  }

  function leave(node: WorldNode): void {
    const link = links.get(node.name);
    if (link === undefined || !link.open || sessions.get(node.name) !== link) return;
    while (link.reports.length > 0) deliverReport(node);
    if (sessions.get(node.name) === link) tell({ kind: 'leave', node: node.name });
    sessions.delete(node.name);
    link.open = false;
    node.crash();
  }

  function fault(): void {
    const node = pick(nodes);
    const kind = below(12);
    if (kind < 5) cut(node, chance(0.6));
    else if (kind < 7) {
      cut(node, chance(0.8));
      node.crash();
      ledger.count('crashed');
    } else if (kind < 8) {
      cut(node, chance(0.5));
      node.alive = !node.alive;
    } else if (kind < 9) leave(node);
    else if (kind < 10) pass(5_000 + below(15_000));
    else if (chance(0.3)) restart();
  }

  function step(): void {
    const node = pick(nodes);
    const what = below(100);
    if (what < 25) deliverOrder(node);
    else if (what < 50) deliverReport(node);
    else if (what < 65) work(node);
    else if (what < 75) pass(below(500));
    else if (what < 90) connect(node);
    else if (!faults) return;
    else if (what < 93) submit();
    else if (what < 96) operate();
    else fault();
    tell({ kind: 'dispatch' });
    if (chance(0.1)) checkPlaced(scheduler.state);
  }

  tell({
    kind: 'session',
    version: 'v',
    policy: pick(policies),
    discipline: pick(disciplineNames),
    cpuLimit: 100,
    seed,
  });
  for (let done = 0; done < steps; done++) step();

  faults = false;
  for (const node of nodes) node.alive = true;
  tell({ kind: 'pause-queue', paused: false, reason: '', by });
  tell({ kind: 'set-cpu-limit', cpuLimit: 100, by });
  // What fits no node would wait for ever.
  for (const job of [...scheduler.state.jobs.values()])
    if (
      !nodes.some(
        ({ info }) =>
          job.spec.cpus <= info.slots &&
          (job.spec.labels.disk === undefined || info.labels.disk !== undefined) &&
          (job.spec.resources.gpu === undefined || info.resources.gpu !== undefined),
      )
    )
      tell({ kind: 'cancel', target: { job: job.id, ordinal: null }, by });
  const healedAt = at;
  while (openTasks() > 0) {
    if (at - healedAt > 600_000) throw new Error(`${openTasks()} tasks have not ended 600 s after all faults`);
    // A node that starts nothing now and then is paused: the operator of this world resumes it.
    for (const node of nodes) tell({ kind: 'resume', node: node.name, reason: '', by });
    for (let some = 0; some < 100; some++) step();
  }
  if (scheduler.state.totals.queued !== 0) throw new Error('something is left over');
  const tasks = facts.reduce((sum, fact) => sum + (fact.kind === 'job-submitted' ? fact.spec.span.count : 0), 0);
  return { hash: hash.digest('hex'), ledger, tasks };

  function openTasks(): number {
    const { queued, assigned, running } = scheduler.state.totals;
    return queued + assigned + running;
  }
}

/**
 * Who is first (with `fifo`: in a lane; else of all) does not fit anywhere, also for somebody who looks at all nodes anew.
 */
function checkPlaced(state: State): void {
  if (state.queuePaused) return;
  const policy = policyNamed(state.policy);
  // A task may wait for a faster node that is busy.
  if (state.policy === 'earliest-finish' && [...state.nodes.values()].some(({ held }) => held.size > 0)) return;
  const anew = placement(state);
  const heads = state.lanes.flatMap((lane) => headOf(state, lane) ?? []);
  heads.sort((a, b) => b.spec.priority - a.spec.priority || a.id - b.id);
  for (const job of state.discipline === 'fifo' ? heads : heads.slice(0, 1)) {
    if (policy === undefined) continue;
    if (job.counts.assigned + job.counts.running >= (job.spec.limit ?? Infinity)) continue;
    const ordinal = nextWaiting(job);
    const node = anew.choose(policy, { job: job.id, ordinal, attempt: 1, spec: job.spec });
    if (node !== undefined) throw new Error(`${job.id}.${ordinal} waits, and ${node.name} has room`);
  }
}

function checkEqual(a: Snapshot, b: Snapshot, what: string): void {
  const text = (value: unknown) =>
    JSON.stringify(value, (_, one) => (one instanceof Uint8Array ? Buffer.from(one).toString('hex') : one));
  for (let record = 0; record < Math.max(a.length, b.length); record++)
    if (text(a[record]) !== text(b[record])) throw new Error(`${what}:\n${text(a[record])}\n${text(b[record])}`);
}
