/** A connection as TCP gives it: in order and whole until it breaks; then what is under way is lost, and either side may learn it late. */
import type { Holding } from '../../model/event.ts';
import type { Attempt, NodeInfo, Outcome, Sample } from '../../model/node.ts';
import type { Random } from '../random.ts';
import type { VirtualTime } from './virtual-time.ts';

/** What the coordinator says. */
export type Order =
  | { kind: 'assign'; attempt: Attempt; number: number; cpus: number; noRetry: boolean; runMs: number; poison: boolean }
  | { kind: 'recall' | 'stop' | 'settled'; attempt: Attempt }
  | { kind: 'joined' | 'beat' | 'refuse' };

/** What a node says. */
export type Report =
  | { kind: 'join'; name: string; incarnation: string; info: NodeInfo; holding: Holding; joins: number }
  | { kind: 'heartbeat'; seen: number; sample: Sample }
  | { kind: 'started' | 'returned'; attempt: Attempt }
  | { kind: 'outcome'; outcome: Outcome }
  | { kind: 'leave' };

export interface Side<In> {
  take(message: In): void;
  closed(): void;
}

export interface VirtualConnection {
  toNode(order: Order): void;
  toCoordinator(report: Report): void;
  /** Ends it; the other side learns it when that gets through. `network`: what is under way is lost. */
  close(by: 'node' | 'coordinator' | 'network'): void;
  /** Nothing gets through for so long: both ways, or one. */
  cut(way: 'both' | 'toNode' | 'toCoordinator', ms: number): void;
}

/** Connects two sides that are as far apart as `slowestMs` says. */
export function virtualConnection(
  time: VirtualTime,
  random: Random,
  slowestMs: number,
  node: Side<Order>,
  coordinator: Side<Report>,
): VirtualConnection {
  const open = { node: true, coordinator: true };
  let broken = false;
  const toNode = oneWay<Order>(time, random, slowestMs, () => open.node && !broken, node.take);
  const toCoordinator = oneWay<Report>(time, random, slowestMs, () => open.coordinator && !broken, coordinator.take);

  function tellEnd(side: 'node' | 'coordinator'): void {
    const way = side === 'node' ? toNode : toCoordinator;
    way.whenThrough(() => {
      if (!open[side]) return;
      open[side] = false;
      (side === 'node' ? node : coordinator).closed();
    });
  }

  return {
    toNode: (order) => open.coordinator && toNode.send(order),
    toCoordinator: (report) => open.node && toCoordinator.send(report),
    close(by) {
      // Who closes in order has its last words delivered first.
      if (by === 'network') broken = true;
      else open[by] = false;
      if (by !== 'node') tellEnd('node');
      if (by !== 'coordinator') tellEnd('coordinator');
    },
    cut(way, ms) {
      // One cut at a time: what waits for its end keeps its order.
      for (const one of [...(way === 'toCoordinator' ? [] : [toNode]), ...(way === 'toNode' ? [] : [toCoordinator])])
        if (time.now >= one.cutUntil) one.cutUntil = time.now + ms;
    },
  };
}

interface Way<M> {
  cutUntil: number;
  send(message: M): void;
  /** When something sent now would arrive. */
  whenThrough(deed: () => void): void;
}

function oneWay<M>(
  time: VirtualTime,
  random: Random,
  slowestMs: number,
  isOpen: () => boolean,
  take: (message: M) => void,
): Way<M> {
  let lastAt = 0;
  const way: Way<M> = {
    cutUntil: 0,
    send(message) {
      way.whenThrough(() => {
        if (isOpen()) take(message);
      });
    },
    whenThrough(deed) {
      const arrive = (): void => {
        if (time.now < way.cutUntil) time.after(way.cutUntil - time.now, arrive);
        else deed();
      };
      lastAt = Math.max(lastAt, time.now + random.unit() * slowestMs);
      time.after(lastAt - time.now, arrive);
    },
  };
  return way;
}
