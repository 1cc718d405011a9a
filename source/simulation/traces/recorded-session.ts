/**
 * What a recording tells of a session as it would have come whatever the rules: which work came when and how long it took,
 * which nodes came, went and were loaded by others, what the operators did. What the scheduler decided is left out; it is
 * kept beside, to compare with.
 */
import type { Trace } from '../../feed/trace-reader.ts';
import { LbtopError } from '../../model/errors.ts';
import type { Event } from '../../model/event.ts';
import type { Fact, FactOf } from '../../model/fact.ts';
import type { DisciplineName, PolicyName } from '../../model/job.ts';
import type { NodeInfo } from '../../model/node.ts';
import { apply } from '../../scheduler/apply.ts';
import { speedOf } from '../../scheduler/learned.ts';
import { restoreSnapshot, takeSnapshot } from '../../scheduler/snapshot.ts';
import { emptyState, type State } from '../../scheduler/state.ts';
import { type Columns, growingColumns } from './growing-columns.ts';

/** What happens to the session from outside, in order of time. */
export type Happening = { kind: 'told'; at: number; event: Event } | NodeHappening;

/** What happens to a node. */
export type NodeHappening =
  | { kind: 'join'; at: number; node: string; incarnation: string; info: NodeInfo; address: string; fresh: boolean }
  /** The connection broke; `dies`: and so did the process, with what it ran. */
  | { kind: 'dropped'; at: number; node: string; reason: string; dies: boolean }
  /** Nothing came of it any more, and what it ran is gone. */
  | { kind: 'silent'; at: number; node: string }
  | { kind: 'leave'; at: number; node: string };

/** How an attempt went that came to an end by itself, as on a node of speed 1. */
export interface Run {
  ms: number;
  succeeded: boolean;
  /** CPUs that it used. */
  cpus: number;
}

export interface RecordedSession {
  from: number;
  to: number;
  /** Returns the state that the recording begins with, each time another copy of it. */
  first: () => State;
  policy: PolicyName;
  discipline: DisciplineName;
  cpuLimit: number;
  seed: number;
  happenings: Happening[];
  /** Heartbeats in order of time: instant, number of the node, percent of its CPU that others take. */
  beats: Columns<'at' | 'node' | 'others'>;
  nodes: string[];
  /** By `JOB.ORDINAL`: its ends in order; the last one is used for whatever comes after. */
  runs: Map<string, Run[]>;
  /** What an attempt takes beyond its run, where its node had room at once: ms on its way there, and of its end back. */
  wayMs: number;
  backMs: number;
  speed: (node: string) => number;
  /** The tasks that came and ended in the recording, by key, with when they did. */
  ended: Map<string, { arrivedAt: number; startedAt: number; endedAt: number }>;
  slots: number;
}

/** Of delays, so many are kept for their median. */
const delaysKept = 10_000;

/**
 * Reads a session. Throws LbtopError (failed) where something is missing in between (what follows then is not the same), and
 * where it has nothing to compare.
 */
export function recordedSession(trace: Trace): RecordedSession {
  const reading = newReading();
  for (const item of trace.items()) {
    const [damage] = trace.damage;
    if (item.kind === 'gap' || damage !== undefined)
      throw unusable(
        trace,
        `facts are missing${damage === undefined ? '' : ` (${damage.why})`}, and a session with gaps cannot be lived again: take a recording without (lbtop trace info tells of each)`,
      );
    if (item.kind === 'state') reading.begin(item.restored.state);
    else if (item.kind === 'facts') for (const fact of item.facts) reading.take(fact);
  }
  const session = reading.session(trace);
  if (session.ended.size === 0)
    throw unusable(trace, 'no task that came in it ended in it: there is nothing to compare');
  if (session.beats.length === 0)
    throw unusable(trace, 'it has no heartbeats (a data directory keeps none): record the session with --record');
  return session;
}

function unusable({ file }: Trace, why: string): LbtopError {
  return new LbtopError('failed', `${file}: ${why}`);
}

function newReading() {
  let state = emptyState();
  let first = takeSnapshot(state, { samples: true });
  const happenings: Happening[] = [];
  const beats = growingColumns(['at', 'node', 'others']);
  const nodes: string[] = [];
  const numbers = new Map<string, number>();
  const lastBeat = new Map<string, number>();
  /** The place of the last drop of each node: whether its process died is known when it comes back. */
  const drops = new Map<string, Extract<NodeHappening, { kind: 'dropped' }>>();
  const raw = new Map<string, { ms: number; succeeded: boolean; cpus: number; node: string }[]>();
  const ended: RecordedSession['ended'] = new Map();
  const arrived = new Map<number, number>();
  const assignedAt = new Map<string, { at: number; free: boolean; startedAt: number | null }>();
  const ways: number[] = [];
  const backs: number[] = [];
  let rules: Pick<RecordedSession, 'policy' | 'discipline' | 'cpuLimit' | 'seed'> | null = null;
  let slots = 0;

  function numberOf(node: string): number {
    let number = numbers.get(node);
    if (number === undefined) {
      number = nodes.push(node) - 1;
      numbers.set(node, number);
    }
    return number;
  }

  function operator(event: Event): void {
    happenings.push({ kind: 'told', at: event.at, event });
  }

  function tookPlace(fact: FactOf<'assigned'>): void {
    const node = state.nodes.get(fact.node);
    const cpus = state.jobs.get(fact.job)?.spec.cpus ?? 1;
    const free = node !== undefined && node.usedCpus + cpus <= node.info.slots;
    assignedAt.set(attemptOf(fact), { at: fact.at, free, startedAt: null });
  }

  function finished(fact: FactOf<'ended'> | FactOf<'requeued'>): void {
    const began = assignedAt.get(attemptOf(fact));
    assignedAt.delete(attemptOf(fact));
    if (fact.node === null) return;
    const key = taskOf(fact);
    const cores = state.nodes.get(fact.node)?.info.cores ?? 1;
    if (fact.kind === 'ended') {
      if (fact.state !== 'succeeded' && fact.state !== 'failed') return;
      const cpus = fact.runMs > 0 ? Math.min(cores, fact.cpuMs / fact.runMs) : 1;
      addRun(key, { ms: fact.runMs, succeeded: fact.state === 'succeeded', cpus, node: fact.node });
      const startedAt = began?.startedAt ?? Math.max(began?.at ?? 0, fact.at - fact.runMs);
      const arrivedAt = arrived.get(fact.job);
      if (arrivedAt !== undefined) ended.set(key, { arrivedAt, startedAt, endedAt: fact.at });
      if (began?.free) note(backs, Math.max(0, fact.at - startedAt - fact.runMs));
    } else if (fact.reason === 'retry' && began?.startedAt != null)
      addRun(key, { ms: fact.at - began.startedAt, succeeded: false, cpus: 1, node: fact.node });
  }

  function addRun(key: string, run: { ms: number; succeeded: boolean; cpus: number; node: string }): void {
    const known = raw.get(key);
    if (known === undefined) raw.set(key, [run]);
    else known.push(run);
  }

  /** A node that nobody said goodbye for: from its last word on it was gone. */
  function lost(node: string, at: number): void {
    if (drops.has(node)) return;
    happenings.push({ kind: 'silent', at: (lastBeat.get(node) ?? at) + 0.1, node });
  }

  function look(fact: Fact): void {
    const { at } = fact;
    switch (fact.kind) {
      case 'session-started': {
        const { policy, discipline, cpuLimit, seed } = fact;
        rules ??= { policy, discipline, cpuLimit, seed };
        return;
      }
      case 'job-submitted':
        arrived.set(fact.job, at);
        happenings.push({ kind: 'told', at, event: { kind: 'submit', at, spec: fact.spec, by: fact.by } });
        return;
      case 'assigned':
        return tookPlace(fact);
      case 'started': {
        const began = assignedAt.get(attemptOf(fact));
        if (began === undefined) return;
        began.startedAt = at;
        if (began.free) note(ways, at - began.at);
        return;
      }
      case 'ended':
        if (fact.state === 'cancelled' && state.jobs.get(fact.job)?.endedAt === null)
          operator({ kind: 'cancel', at, target: { job: fact.job, ordinal: fact.ordinal }, by: 'recorded' });
        return finished(fact);
      case 'requeued':
        if (fact.reason === 'retried')
          operator({
            kind: 'retry',
            at,
            target: { job: fact.job, ordinal: fact.ordinal },
            onlyFailed: false,
            by: 'recorded',
          });
        return finished(fact);
      case 'job-closed':
        if (fact.state === 'cancelled' && fact.by !== 'lbtop')
          operator({ kind: 'cancel', at, target: { job: fact.job, ordinal: null }, by: fact.by });
        return;
      case 'node-joined': {
        const { node, incarnation, info, address, fresh } = fact;
        const drop = drops.get(node);
        if (drop !== undefined) drop.dies = fresh;
        drops.delete(node);
        if (numbers.get(node) === undefined) slots += info.slots;
        numberOf(node);
        happenings.push({ kind: 'join', at, node, incarnation, info, address, fresh });
        return;
      }
      case 'node-dropped': {
        const drop = { kind: 'dropped', at, node: fact.node, reason: fact.reason, dies: true } as const;
        const happening: Extract<NodeHappening, { kind: 'dropped' }> = { ...drop };
        drops.set(fact.node, happening);
        happenings.push(happening);
        return;
      }
      case 'node-health':
        if (fact.health === 'left') happenings.push({ kind: 'leave', at, node: fact.node });
        else if (fact.health === 'lost') lost(fact.node, at);
        return;
      case 'node-intent': {
        // What it does to a node that cannot start anything, the scheduler does by itself.
        if (fact.by === 'lbtop') return;
        const { node, intent, reason, by, deadline } = fact;
        if (intent === 'draining') operator({ kind: 'drain', at, node, now: false, deadline, reason, by });
        else operator({ kind: intent === 'paused' ? 'pause' : 'resume', at, node, reason, by });
        return;
      }
      case 'node-throttled':
        return operator({ kind: 'throttle', at, node: fact.node, throttle: fact.throttle, by: fact.by });
      case 'queue-paused':
        return operator({ kind: 'pause-queue', at, paused: fact.paused, reason: fact.reason, by: fact.by });
      case 'policy-set':
        return operator({ kind: 'set-policy', at, policy: fact.policy, discipline: fact.discipline, by: fact.by });
      case 'cpu-limit-set':
        return operator({ kind: 'set-cpu-limit', at, cpuLimit: fact.cpuLimit, by: fact.by });
      case 'sampled': {
        const { cpu, cpuOurs } = fact.sample;
        lastBeat.set(fact.node, at);
        beats.push(at, numberOf(fact.node), Math.max(0, cpu - cpuOurs));
        return;
      }
    }
  }

  return {
    begin(from: State): void {
      state = from;
      first = takeSnapshot(from, { samples: true });
      if (from.epoch > 0) {
        const { policy, discipline, cpuLimit, seed } = from;
        rules = { policy, discipline, cpuLimit, seed };
      }
      for (const node of from.nodes.values()) {
        numberOf(node.name);
        slots += node.info.slots;
        for (const held of node.held.values())
          assignedAt.set(attemptOf(held), { at: held.assignedAt, free: false, startedAt: held.startedAt });
      }
      for (const job of from.jobs.values()) if (job.endedAt === null) arrived.set(job.id, job.submittedAt);
    },
    take(fact: Fact): void {
      look(fact);
      apply(state, fact);
    },
    session(trace: Trace): RecordedSession {
      if (rules === null) throw unusable(trace, 'nothing was recorded in it');
      const { learned } = state;
      const speed = (node: string): number => speedOf(learned, node);
      const runs = new Map<string, Run[]>();
      for (const [key, known] of raw)
        runs.set(
          key,
          known.map(({ ms, succeeded, cpus, node }) => ({ ms: ms * speed(node), succeeded, cpus })),
        );
      happenings.sort((a, b) => a.at - b.at);
      return {
        ...rules,
        ...{
          from: trace.from,
          to: trace.to,
          first: () => restoreSnapshot(first),
          happenings,
          beats,
          nodes,
          runs,
          speed,
          ended,
          slots,
        },
        ...{ wayMs: median(ways), backMs: median(backs) },
      };
    },
  };
}

function note(delays: number[], ms: number): void {
  if (delays.length < delaysKept) delays.push(ms);
}

function median(of: number[]): number {
  return of.length === 0 ? 0 : (of.sort((a, b) => a - b)[of.length >> 1] as number);
}

/** Returns the key of a task. */
export function taskOf({ job, ordinal }: { job: number; ordinal: number }): string {
  return `${job}.${ordinal}`;
}

function attemptOf({ job, ordinal, attempt }: { job: number; ordinal: number; attempt: number }): string {
  return `${job}.${ordinal}.${attempt}`;
}
