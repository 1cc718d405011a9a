/**
 * The coordinator's shell in virtual time: the real scheduler, a journal that can lose its end, sessions, and words that
 * leave when they are noted, written or durable, as coordinator/loop.ts and coordinator/effects.ts have it.
 */

import { type Departures, departures } from '../../coordinator/departures.ts';
import { joinOrder } from '../../coordinator/join-order.ts';
import { letOut } from '../../coordinator/let-out.ts';
import type { Intent } from '../../journal/intent-log.ts';
import type { Event } from '../../model/event.ts';
import { type Fact, type FactOf, isLasting } from '../../model/fact.ts';
import { liveness } from '../../model/limits.ts';
import { type Attempt, attemptId, type Outcome } from '../../model/node.ts';
import { apply } from '../../scheduler/apply.ts';
import { joinObjection } from '../../scheduler/join.ts';
import { createScheduler, type Scheduler } from '../../scheduler/scheduler.ts';
import type { State } from '../../scheduler/state.ts';
import type { Plant } from './planted.ts';
import type { Order, Report, Side, VirtualConnection } from './virtual-connection.ts';
import type { VirtualJournal } from './virtual-journal.ts';
import type { VirtualTime } from './virtual-time.ts';

type Untimed<E> = E extends unknown ? Omit<E, 'at'> : never;
export type UntimedEvent = Untimed<Event>;

export interface VirtualCoordinator {
  readonly state: State;
  readonly up: boolean;
  /** Handles an event; `durable` is called when what follows is. Nothing happens while it is down. */
  tell(event: UntimedEvent, durable?: (facts: readonly Fact[]) => void): void;
  /** Takes a connection; null where it is down. */
  accept(connect: (side: Side<Report>) => VirtualConnection): VirtualConnection | null;
  /** The process ends, or its machine, which takes the memory along that outlives the process. */
  crash(of: 'process' | 'machine'): void;
  /** Goes on from what the journal still has, `jumpMs` later by the machine's clock. */
  restart(jumpMs: number): void;
  pause(ms: number): void;
  /** Its time now. */
  readonly now: number;
}

export interface CoordinatorOptions {
  time: VirtualTime;
  journal: VirtualJournal;
  first: Extract<UntimedEvent, { kind: 'session' }>;
  /** How long a task runs at full speed, and whether it takes its node down. */
  workOf(attempt: Attempt): { runMs: number; poison: boolean };
  /** Told every event with what followed, after it was applied. */
  check(event: Event, facts: readonly Fact[], state: State): void;
  /** What the journal has led to a state, then what had left before it was written did. */
  recovered(state: State, ahead: readonly Fact[]): void;
  /** An end became durable: whoever watches sees it. */
  told(fact: FactOf<'ended'>): void;
  plant: Plant | null;
}

interface Session {
  readonly name: string;
  readonly connection: VirtualConnection;
  /** When the scheduler was last told that it lives. */
  heardAt: number;
}

/** A node that sends much is heard with its heartbeat; only between them it is worth an event of its own. */
const heardEveryMs = 500;

export function virtualCoordinator(options: CoordinatorOptions): VirtualCoordinator {
  const { time, journal, plant } = options;
  let scheduler: Scheduler = createScheduler(undefined, { remember: 0 });
  let up = true;
  let life = 0;
  let awakeAt = 0;
  let offsetMs = 1_000_000_000;
  let tickedAt = 0;
  let dispatching = false;
  const sessions = new Map<string, Session>();
  const connections = new Set<VirtualConnection>();
  /** Jobs whose submission is not durable, and assignments that wait until they are. */
  const fresh = new Set<number>();
  const late = new Set<Fact>();
  /** What left before it was written. */
  let order = joinOrder();
  let intents: Intent[] = [];
  let departing = fromNow();

  const now = () => time.now + offsetMs;

  function fromNow(): Departures {
    return departures({
      note(attempts) {
        intents.push(...attempts);
        return true;
      },
      clear: () => {
        intents = [];
      },
    });
  }

  /** Not while it stands still, and not by the one who died meanwhile. */
  function later(ms: number, deed: () => void): void {
    const asked = life;
    const attempt = (): void => {
      if (life !== asked || !up) return;
      if (time.now < awakeAt) time.after(awakeAt - time.now, attempt);
      else deed();
    };
    time.after(ms, attempt);
  }

  function tell(event: UntimedEvent, durable?: (facts: readonly Fact[]) => void): void {
    if (!up) return;
    const stamped = { ...event, at: now() } as Event;
    const facts = scheduler.handle(stamped);
    options.check(stamped, facts, scheduler.state);
    const kept = facts.filter((fact) => isLasting(fact) && (plant !== 'unwritten facts' || fact.kind !== 'requeued'));
    if (plant === 'applied twice') for (const fact of facts) if (fact.kind === 'ended') apply(scheduler.state, fact);
    if (kept.length > 0 || durable !== undefined) {
      const asked = life;
      const then = (deed: () => void) => () => {
        if (life === asked) later(0, deed);
      };
      const leave = (): void => {
        for (const fact of kept) act(fact);
      };
      const departure = departing.begin(kept, leave);
      journal.append(
        kept,
        then(departure.written),
        then(() => {
          for (const fact of kept) actLate(fact);
          durable?.(kept);
        }),
      );
      journal.offer(scheduler.state);
      if (departure.atOnce) leave();
    }
    if (event.kind !== 'dispatch' && !dispatching) {
      dispatching = true;
      later(1, () => {
        dispatching = false;
        tell({ kind: 'dispatch' });
      });
    }
  }

  /** What a durable fact makes it say. */
  function actLate(fact: Fact): void {
    if (fact.kind === 'ended') options.told(fact);
    if (fact.kind === 'job-submitted') fresh.delete(fact.job);
    if (fact.kind === 'assigned' && late.delete(fact)) assign(fact);
  }

  /** By the state of now: what was taken back meanwhile is not sent. */
  function assign(fact: FactOf<'assigned'>): void {
    const held = scheduler.state.nodes.get(fact.node)?.held.get(attemptId(fact.job, fact.ordinal, fact.attempt));
    const job = scheduler.state.jobs.get(fact.job);
    if (job === undefined || held?.number === 0 || held?.recalled === true || (held?.stopping ?? null) !== null) return;
    if (held === undefined && plant !== 'sent after all') return;
    const { cpus, noRetry } = job.spec;
    const attempt = keyOf(fact);
    const order = { kind: 'assign', attempt, number: held?.number ?? 0, cpus, noRetry } as const;
    for (let times = plant === 'assigned twice' ? 2 : 1; times > 0; times--)
      sessions.get(fact.node)?.connection.toNode({ ...order, ...options.workOf(attempt) });
  }

  /** What a written fact makes it say. */
  function act(fact: Fact): void {
    if (fact.kind === 'job-submitted') fresh.add(fact.job);
    if (!('node' in fact) || fact.node === null) return;
    const session = sessions.get(fact.node);
    if (session === undefined) return;
    const say = (order: Order) => session.connection.toNode(order);
    switch (fact.kind) {
      case 'assigned':
        if (fresh.has(fact.job) || scheduler.state.jobs.get(fact.job)?.spec.noRetry) late.add(fact);
        else assign(fact);
        return;
      case 'recalled':
        return say({ kind: 'recall', attempt: keyOf(fact) });
      case 'stop-asked':
        return say({ kind: 'stop', attempt: keyOf(fact) });
      case 'node-joined':
        return say({ kind: 'joined' });
      case 'node-health':
        if (fact.health === 'lost' || fact.health === 'left') {
          sessions.delete(fact.node);
          session.connection.close('coordinator');
        }
    }
  }

  function take(report: Report, connection: VirtualConnection): void {
    if (report.kind === 'join') return join(report, connection);
    const session = sessionOf(connection);
    if (session === undefined) return;
    const node = session.name;
    if (report.kind === 'heartbeat') {
      session.heardAt = time.now;
      connection.toNode({ kind: 'beat' });
      return tell({ ...report, node });
    }
    if (time.now - session.heardAt >= heardEveryMs) {
      session.heardAt = time.now;
      tell({ kind: 'heard', node });
    }
    switch (report.kind) {
      case 'started':
      case 'returned':
        if (plant === 'dropped returns' && report.kind === 'returned') return;
        return tell({ kind: report.kind, node, attempt: report.attempt });
      case 'outcome':
        return ended(report.outcome, session);
      case 'leave':
        return tell({ kind: 'leave', node });
    }
  }

  function sessionOf(connection: VirtualConnection): Session | undefined {
    for (const session of sessions.values()) if (session.connection === connection) return session;
    return undefined;
  }

  function ended(told: Outcome, session: Session): void {
    const settle = () => {
      if (sessions.get(session.name) === session) session.connection.toNode({ kind: 'settled', attempt: keyOf(told) });
    };
    if (plant === 'dropped ends') return settle();
    const attempt = plant === 'stale attempts' ? currentAttempt(scheduler.state, told) : told.attempt;
    tell({ kind: 'outcome', node: session.name, outcome: { ...told, attempt } }, settle);
  }

  function join(
    { name, incarnation, info, holding, joins }: Extract<Report, { kind: 'join' }>,
    connection: VirtualConnection,
  ) {
    if (joinObjection(scheduler.state, name, incarnation) !== null) {
      connection.toNode({ kind: 'refuse' });
      return;
    }
    if (order.isStale(name, incarnation, joins)) return connection.close('coordinator');
    const before = sessions.get(name);
    sessions.set(name, { name, connection, heardAt: time.now });
    before?.connection.close('coordinator');
    const slots = plant === 'a slot too many' ? info.slots + 1 : info.slots;
    tell({ kind: 'join', node: name, incarnation, info: { ...info, slots }, address: 'virtual', holding });
  }

  function closed(connection: VirtualConnection): void {
    connections.delete(connection);
    const session = sessionOf(connection);
    if (session === undefined) return;
    sessions.delete(session.name);
    tell({ kind: 'dropped', node: session.name, reason: 'reset' });
  }

  function tick(): void {
    if (plant === 'no ticks') return;
    tell({ kind: 'tick', stalled: time.now - tickedAt > liveness.stallMs });
    tickedAt = time.now;
    later(liveness.tickMs, tick);
  }

  function begin(event: Extract<UntimedEvent, { kind: 'session' }>): void {
    up = true;
    awakeAt = 0;
    dispatching = false;
    tickedAt = time.now;
    tell(event);
    tick();
  }

  begin(options.first);
  return {
    get state() {
      return scheduler.state;
    },
    get up() {
      return up;
    },
    get now() {
      return now();
    },
    tell,
    accept(connect) {
      if (!up) return null;
      const connection: VirtualConnection = connect({
        take: (report) => later(0, () => connections.has(connection) && take(report, connection)),
        closed: () => later(0, () => closed(connection)),
      });
      connections.add(connection);
      return connection;
    },
    crash(of) {
      up = false;
      life++;
      if (of === 'machine') intents = [];
      departing = fromNow();
      sessions.clear();
      order = joinOrder();
      fresh.clear();
      late.clear();
      for (const connection of connections) connection.close('network');
      connections.clear();
    },
    restart(jumpMs) {
      const state = journal.recover();
      if (plant === 'no-retry forgotten')
        for (const job of state.jobs.values()) Object.assign(job, { spec: { ...job.spec, noRetry: false } });
      const ahead = letOut(state, plant === 'intents forgotten' ? [] : intents);
      for (const fact of ahead) apply(state, fact);
      const asked = life;
      const known = intents.length;
      const written = (): void => {
        if (life === asked) intents = intents.slice(known);
      };
      journal.append(ahead, written, () => {});
      options.recovered(state, ahead);
      scheduler = createScheduler(state, { remember: 0 });
      // Whatever the machine's clock says now: time does not run backwards.
      offsetMs = Math.max(offsetMs + jumpMs, state.at - time.now);
      begin({ ...options.first, policy: null, discipline: null, cpuLimit: null });
    },
    pause(ms) {
      // One pause at a time: what waits for its end keeps its order.
      if (time.now >= awakeAt) awakeAt = time.now + ms;
    },
  };
}

function currentAttempt(state: State, { job, ordinal, attempt }: Attempt): number {
  return state.jobs.get(job)?.tasks.get(ordinal, 'attempt') ?? attempt;
}

function keyOf({ job, ordinal, attempt }: Attempt): Attempt {
  return { job, ordinal, attempt };
}
