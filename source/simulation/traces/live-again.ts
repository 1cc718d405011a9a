/** Lives a recorded session again in virtual time: the same work, nodes and operators, the real scheduler, other rules. */
import type { Event } from '../../model/event.ts';
import type { Fact } from '../../model/fact.ts';
import type { DisciplineName, PolicyName } from '../../model/job.ts';
import { liveness } from '../../model/limits.ts';
import { type Attempt, attemptId, type NodeInfo } from '../../model/node.ts';
import { createScheduler } from '../../scheduler/scheduler.ts';
import { eventHeap } from '../event-heap.ts';
import { success } from '../synthetic.ts';
import { type Happening, type RecordedSession, type Run, taskOf } from './recorded-session.ts';

/** What is to be other than it was; what is absent is as it was, also where it was changed while the session ran. */
export interface Rules {
  policy?: PolicyName;
  discipline?: DisciplineName;
  cpuLimit?: number;
  addNodes?: number;
}

/** When tasks began and ended; a task that did not end is not there. */
export type Lived = Map<string, { startedAt: number; endedAt: number }>;

interface Node {
  name: string;
  info: NodeInfo;
  alive: boolean;
  connected: boolean;
  incarnation: string;
  usedCpus: number;
  /** Percent of its CPU. */
  others: number;
  ours: number;
  seen: number;
  running: Map<string, Work>;
  waiting: Work[];
}

interface Work {
  /** Its place among all. */
  number: number;
  attempt: Attempt;
  node: Node;
  incarnation: string;
  slots: number;
  /** Null: not begun. */
  startedAt: number | null;
  run: Run;
  /** When the scheduler hears of its end; NaN once it is gone. */
  endAt: number;
}

const kinds = { arrive: 0, end: 1, tick: 2, beat: 3 } as const;
/** After the recording's end work may go on for so many times its length, before it is taken for stuck. */
const longest = 20;
const leastMs = 3_600_000;

/** Lives through it; the same session and rules give the same times. */
export function liveAgain(session: RecordedSession, rules: Rules): Lived {
  const { happenings, beats, runs, wayMs, backMs, from, to } = session;
  const scheduler = createScheduler(session.first(), { remember: 0 });
  const { state } = scheduler;
  const heap = eventHeap();
  const nodes = new Map<string, Node>();
  const numbered = session.nodes;
  const added: string[] = [];
  const works: Work[] = [];
  const lived: Lived = new Map();
  const tries = new Map<string, number>();
  const means = meanOf(runs);
  let at = from;

  function tell(event: Event): void {
    for (const fact of scheduler.handle(event)) act(fact);
  }

  function act(fact: Fact): void {
    switch (fact.kind) {
      case 'assigned': {
        const node = nodes.get(fact.node);
        if (node === undefined || fact.adopted) return;
        const spec = state.jobs.get(fact.job)?.spec;
        const work = workOf(node, fact, spec?.cpus ?? 1);
        heap.push(at + wayMs, kinds.arrive, work.number);
        return;
      }
      case 'recalled': {
        const node = nodes.get(fact.node);
        const place = node?.waiting.findIndex((work) => isSame(work.attempt, fact)) ?? -1;
        if (node === undefined || place === -1) return;
        node.waiting.splice(place, 1);
        tell({ kind: 'returned', at, node: node.name, attempt: attemptOf(fact) });
        return;
      }
      case 'stop-asked':
        return stop(fact.node, attemptOf(fact));
      case 'ended':
        if (fact.state !== 'succeeded' && fact.state !== 'failed') lived.delete(taskOf(fact));
    }
  }

  /** The run of the next try of a task: as recorded, the last one again where it was not tried as often. */
  function runOf(attempt: Attempt): Run {
    const known = runs.get(taskOf(attempt));
    if (known === undefined) return { ms: means(attempt.job), succeeded: true, cpus: 1 };
    const tried = tries.get(taskOf(attempt)) ?? 0;
    return known[Math.min(tried, known.length - 1)] as Run;
  }

  function workOf(node: Node, attempt: Attempt, slots: number): Work {
    const { incarnation } = node;
    const work = { number: works.length, attempt: attemptOf(attempt), node, incarnation, slots };
    const planned: Work = { ...work, startedAt: null, run: runOf(attempt), endAt: Number.NaN };
    works.push(planned);
    return planned;
  }

  function arrive(work: Work): void {
    const { node } = work;
    if (!node.alive || node.incarnation !== work.incarnation) return;
    node.seen++;
    node.waiting.push(work);
    begin(node);
  }

  function begin(node: Node): void {
    for (let next = node.waiting[0]; next !== undefined; next = node.waiting[0]) {
      if (node.usedCpus + next.slots > node.info.slots + 1e-9) return;
      node.waiting.shift();
      run(next, at, 0);
      tell({ kind: 'started', at, node: node.name, attempt: next.attempt });
    }
  }

  function run(work: Work, startedAt: number, doneMs: number): void {
    const { node } = work;
    node.usedCpus += work.slots;
    node.ours += shareOf(work);
    node.running.set(idOf(work.attempt), work);
    work.startedAt = startedAt;
    const left = Math.max(0, work.run.ms / session.speed(node.name) - doneMs);
    work.endAt = at + left + backMs;
    heap.push(work.endAt, kinds.end, work.number);
  }

  function shareOf({ node, run }: Work): number {
    return (100 * run.cpus) / node.info.cores;
  }

  function leaveSlot(work: Work): void {
    const { node } = work;
    if (!node.running.delete(idOf(work.attempt))) return;
    node.usedCpus = Math.max(0, node.usedCpus - work.slots);
    node.ours = Math.max(0, node.ours - shareOf(work));
    work.endAt = Number.NaN;
  }

  function end(work: Work): void {
    const { node, attempt, run, startedAt } = work;
    leaveSlot(work);
    const key = taskOf(attempt);
    tries.set(key, (tries.get(key) ?? 0) + 1);
    const runMs = run.ms / session.speed(node.name);
    lived.set(key, { startedAt: startedAt ?? at, endedAt: at });
    const outcome = { ...success(attempt, runMs), cpuMs: runMs * run.cpus };
    tell({
      ...{ kind: 'outcome', at, node: node.name },
      outcome: run.succeeded ? outcome : { ...outcome, outcome: 'failed', exitCode: 1 },
    });
    begin(node);
  }

  function stop(name: string, attempt: Attempt): void {
    const node = nodes.get(name);
    const work = node?.running.get(idOf(attempt));
    if (node === undefined) return;
    if (work !== undefined) {
      leaveSlot(work);
      tell({ kind: 'outcome', at, node: name, outcome: { ...success(attempt, 0), outcome: 'stopped' } });
      begin(node);
      return;
    }
    const place = node.waiting.findIndex((one) => isSame(one.attempt, attempt));
    if (place === -1) return;
    node.waiting.splice(place, 1);
    tell({ kind: 'returned', at, node: name, attempt });
  }

  function die(node: Node): void {
    node.alive = false;
    for (const work of [...node.running.values()]) leaveSlot(work);
    node.waiting = [];
  }

  function join(name: string, info: NodeInfo, incarnation: string, address: string, fresh: boolean): void {
    const before = nodes.get(name);
    if (before !== undefined && fresh) die(before);
    const node = before ?? newNode(name, info, incarnation);
    nodes.set(name, node);
    Object.assign(node, { info, alive: true, connected: true, incarnation });
    if (fresh) node.seen = state.nodes.get(name)?.assignments ?? 0;
    const running = [...node.running.values()].map((work) => work.attempt);
    const waiting = node.waiting.map((work) => work.attempt);
    for (const work of [...node.running.values(), ...node.waiting]) work.incarnation = incarnation;
    tell({ kind: 'join', at, node: name, incarnation, info, address, holding: { running, waiting, ended: [] } });
  }

  function beat(node: Node): void {
    if (!node.alive || !node.connected) return;
    const { others, ours, running, waiting, seen, name } = node;
    const cpuOurs = Math.min(100 - others, ours);
    const sample = { cpu: others + cpuOurs, cpuOurs, memoryUsed: 0, memoryOurs: 0, load1: 0 };
    tell({
      ...{ kind: 'heartbeat', at, node: name, seen },
      sample: { ...sample, running: running.size, waiting: waiting.length },
    });
  }

  function happen(happening: Happening): void {
    if (happening.kind === 'told') {
      const { event } = happening;
      if (event.kind === 'set-policy' && rules.policy !== undefined) return;
      if (event.kind === 'set-cpu-limit' && rules.cpuLimit !== undefined) return;
      tell(event);
      return;
    }
    const node = nodes.get(happening.node);
    if (happening.kind === 'join') {
      const { info, incarnation, address, fresh } = happening;
      join(happening.node, info, incarnation, address, fresh);
      if (added.length < (rules.addNodes ?? 0)) addNodes();
    } else if (node === undefined) return;
    else if (happening.kind === 'dropped') {
      node.connected = false;
      if (happening.dies) die(node);
      tell({ kind: 'dropped', at, node: node.name, reason: happening.reason });
    } else {
      die(node);
      if (happening.kind === 'leave') tell({ kind: 'leave', at, node: node.name });
    }
  }

  /** Like those that are there, in turn. */
  function addNodes(): void {
    const models = [...nodes.values()];
    for (let i = added.length; i < (rules.addNodes ?? 0); i++) {
      const { info } = models[i % models.length] as Node;
      const name = `added-${i + 1}`;
      added.push(name);
      join(name, { ...info, host: name, listen: null }, name, 'added', true);
      heap.push(at + liveness.heartbeatMs, kinds.beat, numbered.length + i);
    }
  }

  /** Goes on from what the recording found when it began. */
  function takeOver(): void {
    for (const known of state.nodes.values()) {
      const node = newNode(known.name, known.info, known.incarnation);
      node.seen = known.assignments;
      node.connected = known.connected;
      node.alive = known.health === 'up' || known.health === 'suspect';
      nodes.set(known.name, node);
      for (const held of known.held.values()) {
        const work = workOf(node, held, held.cpus);
        if (held.startedAt === null) node.waiting.push(work);
        else run(work, held.startedAt, Math.max(0, from - held.startedAt));
      }
    }
    if (nodes.size > 0) addNodes();
  }

  const { policy, discipline, cpuLimit, seed } = session;
  if (state.epoch === 0)
    tell({
      ...{ kind: 'session', at, version: 'whatif', seed },
      policy: rules.policy ?? policy,
      discipline: rules.discipline ?? discipline,
      cpuLimit: rules.cpuLimit ?? cpuLimit,
    });
  else {
    takeOver();
    if (rules.policy !== undefined || rules.discipline !== undefined)
      tell({
        ...{ kind: 'set-policy', at, policy: rules.policy ?? policy, by: 'whatif' },
        discipline: rules.discipline ?? discipline,
      });
    if (rules.cpuLimit !== undefined) tell({ kind: 'set-cpu-limit', at, cpuLimit: rules.cpuLimit, by: 'whatif' });
    tell({ kind: 'dispatch', at });
  }

  let nextHappening = 0;
  let nextBeat = 0;
  let beyond = false;
  const until = to + Math.max(leastMs, longest * (to - from));
  heap.push(from + liveness.tickMs, kinds.tick, 0);
  while (heap.pop()) {
    // What was recorded comes before what is planned for the same instant.
    for (;;) {
      const happening = happenings[nextHappening];
      const beatAt = nextBeat < beats.length ? beats.get(nextBeat, 'at') : Infinity;
      const first = Math.min(happening?.at ?? Infinity, beatAt);
      if (first > heap.at) break;
      at = first;
      if (happening !== undefined && happening.at <= beatAt) {
        nextHappening++;
        happen(happening);
      } else {
        const node = nodes.get(numbered[beats.get(nextBeat, 'node')] as string);
        if (node !== undefined) {
          node.others = beats.get(nextBeat, 'others');
          beat(node);
        }
        nextBeat++;
      }
      tell({ kind: 'dispatch', at });
    }
    ({ at } = heap);
    const { kind, number } = heap;
    if (kind === kinds.arrive) arrive(works[number] as Work);
    else if (kind === kinds.end) {
      const work = works[number] as Work;
      if (work.endAt === at) end(work);
    } else if (kind === kinds.beat) {
      const node = nodes.get(numbered[number] ?? (added[number - numbered.length] as string));
      if (node !== undefined) beat(node);
      heap.push(at + liveness.heartbeatMs, kinds.beat, number);
    } else {
      tell({ kind: 'tick', at, stalled: false });
      if (!beyond && nextHappening >= happenings.length && nextBeat >= beats.length) {
        // From here on nobody recorded heartbeats: those that are there go on.
        beyond = true;
        for (const [i, name] of numbered.entries())
          if (nodes.get(name)?.alive) heap.push(at + liveness.heartbeatMs, kinds.beat, i);
      }
      const open = state.totals.queued + state.totals.assigned + state.totals.running;
      if (beyond && (open === 0 || at > until)) break;
      heap.push(at + liveness.tickMs, kinds.tick, 0);
    }
    tell({ kind: 'dispatch', at });
  }
  return lived;
}

function newNode(name: string, info: NodeInfo, incarnation: string): Node {
  const node = { name, info, incarnation, alive: true, connected: true, usedCpus: 0, others: 0, ours: 0, seen: 0 };
  return { ...node, running: new Map(), waiting: [] };
}

/** Returns how long tasks of a job take on average, of which nothing is known alone. */
function meanOf(runs: ReadonlyMap<string, readonly Run[]>): (job: number) => number {
  const sums = new Map<number, { ms: number; count: number }>();
  const all = { ms: 0, count: 0 };
  for (const [key, known] of runs) {
    const last = known.at(-1) as Run;
    const job = Number(key.split('.')[0]);
    const sum = sums.get(job) ?? { ms: 0, count: 0 };
    sums.set(job, sum);
    for (const one of [sum, all]) {
      one.ms += last.ms;
      one.count++;
    }
  }
  return (job) => {
    const { ms, count } = sums.get(job) ?? all;
    return count === 0 ? 0 : ms / count;
  };
}

function attemptOf({ job, ordinal, attempt }: Attempt): Attempt {
  return { job, ordinal, attempt };
}

function idOf({ job, ordinal, attempt }: Attempt): string {
  return attemptId(job, ordinal, attempt);
}

function isSame(a: Attempt, b: Attempt): boolean {
  return a.job === b.job && a.ordinal === b.ordinal && a.attempt === b.attempt;
}
