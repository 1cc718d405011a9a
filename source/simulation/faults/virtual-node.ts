/** The agent of a machine as the protocol describes it: what runs goes on without the coordinator, what ended is kept until it is settled. */
import type { Attempt, NodeInfo } from '../../model/node.ts';
import type { Random } from '../random.ts';
import { infoOf, simulatedNode } from '../simulated-node.ts';
import type { Order, Report, Side, VirtualConnection } from './virtual-connection.ts';
import { type Manner, virtualExecutor } from './virtual-executor.ts';
import type { VirtualTime } from './virtual-time.ts';

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
  manner: Manner;
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

/** Returns a machine that comes up within a second. */
export function virtualNode(options: NodeOptions): VirtualNode {
  const { name, time, random, slots } = options;
  const info: NodeInfo = { ...infoOf(simulatedNode(0, slots, 1), slots), memoryTotal: 8_000, ...options.given };
  const manner = { ...options.manner };
  const executor = virtualExecutor({
    ...options,
    manner,
    later,
    say,
    poisoned: () => crash(1_000 + random.unit() * 10_000),
  });
  let life = 0;
  let alive = true;
  let awakeAt = 0;
  let connection: VirtualConnection | null = null;
  let joined = false;
  let heardAt = 0;
  let triesMs = 250;
  let seen = 0;
  let joins = 0;

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
    const { running, waiting, ended } = executor.holding();
    const keys = ended.map(({ job, ordinal, attempt }) => ({ job, ordinal, attempt }));
    joins++;
    say({
      kind: 'join',
      name,
      incarnation: `${name}-${life}`,
      info,
      holding: { running, waiting, ended: keys },
      joins,
    });
    for (const outcome of ended) say({ kind: 'outcome', outcome });
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
        seen = order.number;
        return executor.assign(order);
      case 'recall':
        return executor.recall(order.attempt);
      case 'stop':
        return executor.stop(order.attempt);
      case 'settled':
        return executor.settle(order.attempt);
    }
  }

  function beat(): void {
    if (connection !== null && time.now - heardAt > silenceMs) {
      connection.close('node');
      lost();
    }
    const cpu = manner.lying ? random.unit() * 100 : Math.min(100, (100 * executor.usedCpus) / slots);
    say({
      kind: 'heartbeat',
      seen: manner.lying ? random.below(1_000) : seen,
      sample: {
        cpu,
        cpuOurs: cpu,
        memoryUsed: 0,
        memoryOurs: 0,
        load1: 0,
        running: executor.running,
        waiting: executor.waiting,
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
    executor.lose();
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
      Object.assign(manner, { slowness: 1, lying: false, toldTwice: 0 } satisfies Manner);
    },
  };
}
