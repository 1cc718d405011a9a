/** The agent of a machine as the protocol describes it: what runs goes on without the coordinator, what ended is kept until it is settled. */
import { type Attempt, attemptId, type NodeInfo, type Outcome } from '../../model/node.ts';
import type { Random } from '../random.ts';
import { infoOf, simulatedNode } from '../simulated-node.ts';
import { success } from '../synthetic.ts';
import type { Order, Report, Side, VirtualConnection } from './virtual-connection.ts';
import type { VirtualTime } from './virtual-time.ts';

type Assign = Extract<Order, { kind: 'assign' }>;

interface Running {
  readonly task: Assign;
  readonly startedAt: number;
}

export interface VirtualNode {
  readonly name: string;
  readonly info: NodeInfo;
  readonly connection: VirtualConnection | null;
  /** Goes away for so long, with everything that was not on its disk. */
  crash(awayMs: number): void;
  /** Stands still for so long; its tasks go on. */
  pause(ms: number): void;
  /** Says goodbye, and comes back as another process. */
  leave(awayMs: number): void;
  /** From now on it tells the truth, at full speed. */
  behave(): void;
}

export interface NodeOptions {
  name: string;
  time: VirtualTime;
  random: Random;
  slots: number;
  /** Labels and resources. */
  given: Partial<NodeInfo>;
  /** How much more than it can run at once it may be given. */
  aheadSlots: number;
  slowness: number;
  lying: boolean;
  toldTwice: number;
  count(what: 'told twice'): void;
  /** Asks for a connection; null where nobody listens. */
  connect(side: Side<Order>): VirtualConnection | null;
  /** An attempt began. */
  began(attempt: Attempt, noRetry: boolean, node: string): void;
  /** An attempt ended well. */
  succeeded(attempt: Attempt): void;
}

const heartbeatMs = 1_000;
const silenceMs = 15_000;
const spoolMs = 20;
const stopMs = 500;

export function virtualNode(options: NodeOptions): VirtualNode {
  const { name, time, random, slots } = options;
  const info: NodeInfo = { ...infoOf(simulatedNode(0, slots, 1), slots), memoryTotal: 8_000, ...options.given };
  let { slowness, lying, toldTwice } = options;
  let life = 0;
  let alive = true;
  let awakeAt = 0;
  let connection: VirtualConnection | null = null;
  let joined = false;
  let heardAt = 0;
  let triesMs = 250;
  let seen = 0;
  let waiting: Assign[] = [];
  const running = new Map<string, Running>();
  const ended = new Map<string, { outcome: Outcome; durable: boolean }>();

  /** Does something when it is neither dead nor standing still. What was asked for in an earlier life is not done. */
  function later(ms: number, deed: () => void): void {
    const asked = life;
    const attempt = (): void => {
      if (life !== asked || !alive) return;
      if (time.now < awakeAt) time.after(awakeAt - time.now, attempt);
      else deed();
    };
    time.after(ms, attempt);
  }

  function say(report: Report): void {
    if (connection !== null && joined) connection.toCoordinator(report);
  }

  function connect(): void {
    if (connection !== null) return;
    const mine: Side<Order> = {
      take: (order) => later(0, () => connection === made && take(order)),
      closed: () => later(0, () => connection === made && lost()),
    };
    const made = options.connect(mine);
    connection = made;
    if (made === null) return retry();
    heardAt = time.now;
    joined = true;
    seen = 0;
    const keys = (of: Iterable<{ attempt: Attempt }>) => [...of].map(({ attempt }) => attempt);
    const durable = [...ended.values()].filter((one) => one.durable).map(({ outcome }) => outcome);
    const holding = {
      running: [...keys([...running.values()].map(({ task }) => task)), ...unspooled()],
      waiting: keys(waiting),
      ended: durable.map(({ job, ordinal, attempt }) => ({ job, ordinal, attempt })),
    };
    say({ kind: 'join', name, incarnation: `${name}-${life}`, info, holding });
    for (const outcome of durable) say({ kind: 'outcome', outcome });
  }

  /** Ended, not yet on the disk: to the outside it still runs. */
  function unspooled(): Attempt[] {
    return [...ended.values()]
      .filter((one) => !one.durable)
      .map(({ outcome: { job, ordinal, attempt } }) => ({ job, ordinal, attempt }));
  }

  function lost(): void {
    connection = null;
    joined = false;
    retry();
  }

  function retry(): void {
    later(triesMs * (0.5 + random.unit()), connect);
    triesMs = Math.min(10_000, triesMs * 2);
  }

  function take(order: Order): void {
    heardAt = time.now;
    switch (order.kind) {
      case 'joined':
        triesMs = 250;
        return;
      case 'refuse':
        connection?.close('node');
        return lost();
      case 'beat':
        return;
      case 'assign':
        return assigned(order);
      case 'recall':
        return recalled(order.attempt);
      case 'stop':
        return stopped(order.attempt);
      case 'settled':
        ended.delete(idOf(order.attempt));
    }
  }

  function assigned(task: Assign): void {
    const id = idOf(task.attempt);
    if (running.has(id) || ended.has(id) || waiting.some((other) => idOf(other.attempt) === id))
      throw new Error(`I6: ${name} was given ${id} twice`);
    seen = task.number;
    waiting.push(task);
    const held = [...waiting, ...[...running.values()].map((one) => one.task)];
    const cpus = held.reduce((sum, one) => sum + one.cpus, 0);
    if (cpus > slots + options.aheadSlots + 1e-9)
      throw new Error(`I4: ${name} was given ${cpus} CPUs on ${slots} slots`);
    later(random.unit() * 20, begin);
  }

  function begin(): void {
    const used = [...running.values()].reduce((sum, { task }) => sum + task.cpus, 0);
    const [task] = waiting;
    if (task === undefined || used + task.cpus > slots + 1e-9) return;
    waiting.shift();
    if (random.chance(0.01)) end(task.attempt, { outcome: 'unfit', started: false, exitCode: null });
    else {
      options.began(task.attempt, task.noRetry, name);
      running.set(idOf(task.attempt), { task, startedAt: time.now });
      // A short task may be told with its end alone; one that takes its node down must have been told to be blamed.
      if (task.poison || random.chance(0.8)) say({ kind: 'started', attempt: task.attempt });
      later(task.runMs * slowness, () => finish(task));
    }
    begin();
  }

  function finish(task: Assign): void {
    if (!running.has(idOf(task.attempt))) return;
    if (task.poison) {
      crash(1_000 + random.unit() * 10_000);
      return;
    }
    const failed = random.chance(0.1);
    end(task.attempt, { outcome: failed ? 'failed' : 'succeeded', exitCode: failed ? 1 : 0 });
  }

  function end(attempt: Attempt, given: Partial<Outcome>): void {
    const id = idOf(attempt);
    const runMs = lying ? random.unit() * 1e7 : time.now - (running.get(id)?.startedAt ?? time.now);
    const kept = { outcome: { ...success(attempt, runMs), ...given }, durable: false };
    running.delete(id);
    ended.set(id, kept);
    if (kept.outcome.outcome === 'succeeded') options.succeeded(attempt);
    later(random.unit() * spoolMs, () => {
      kept.durable = true;
      tell(kept.outcome);
      if (random.chance(toldTwice)) {
        options.count('told twice');
        tell(kept.outcome);
      }
    });
    later(0, begin);
  }

  function tell(outcome: Outcome): void {
    say({ kind: 'outcome', outcome });
  }

  function recalled(attempt: Attempt): void {
    const id = idOf(attempt);
    // Also what it never had: it was asked back before it was sent.
    if (takeBack(attempt) || !(running.has(id) || ended.has(id))) say({ kind: 'returned', attempt });
  }

  function stopped(attempt: Attempt): void {
    const id = idOf(attempt);
    if (takeBack(attempt)) end(attempt, { outcome: 'stopped', started: false, exitCode: null });
    else if (running.has(id))
      later(random.unit() * stopMs, () => {
        if (running.has(id)) end(attempt, { outcome: 'stopped', exitCode: null });
      });
    else if (!ended.has(id)) say({ kind: 'returned', attempt });
  }

  function takeBack(attempt: Attempt): boolean {
    const before = waiting.length;
    waiting = waiting.filter((task) => idOf(task.attempt) !== idOf(attempt));
    return waiting.length < before;
  }

  function beat(): void {
    if (connection !== null && time.now - heardAt > silenceMs) {
      connection.close('node');
      lost();
    }
    const busy = (100 * [...running.values()].reduce((sum, { task }) => sum + task.cpus, 0)) / slots;
    const cpu = lying ? random.unit() * 100 : Math.min(100, busy);
    say({
      kind: 'heartbeat',
      seen: lying ? random.below(1_000) : seen,
      sample: {
        cpu,
        cpuOurs: cpu,
        memoryUsed: 0,
        memoryOurs: 0,
        load1: 0,
        running: running.size,
        waiting: waiting.length,
      },
    });
    later(heartbeatMs, beat);
  }

  function live(): void {
    alive = true;
    triesMs = 250;
    connect();
    later(random.unit() * heartbeatMs, beat);
  }

  function crash(awayMs: number): void {
    connection?.close('network');
    connection = null;
    joined = false;
    alive = false;
    life++;
    awakeAt = 0;
    running.clear();
    waiting = [];
    for (const [id, { durable }] of ended) if (!durable) ended.delete(id);
    const died = life;
    time.after(awayMs, () => {
      if (life === died) live();
    });
  }

  later(random.unit() * 1_000, live);
  return {
    name,
    info,
    get connection() {
      return connection;
    },
    crash,
    pause(ms) {
      // One pause at a time: what waits for its end keeps its order.
      if (time.now >= awakeAt) awakeAt = time.now + ms;
    },
    leave(awayMs) {
      if (connection === null) return;
      say({ kind: 'leave' });
      connection.close('node');
      connection = null;
      // Its tasks end with it.
      crash(awayMs);
    },
    behave() {
      slowness = 1;
      lying = false;
      toldTwice = 0;
    },
  };
}

function idOf({ job, ordinal, attempt }: Attempt): string {
  return attemptId(job, ordinal, attempt);
}
