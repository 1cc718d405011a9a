/**
 * Lists of tasks on machines of different speeds in virtual time, for each policy and many orders of the list: what a policy
 * decides, without the overhead of deciding.
 */
import type { PolicyName } from '../../source/model/job.ts';
import { dice } from '../scheduler/dice.ts';
import {
  heavyTail,
  type ListRun,
  lowerBoundMs,
  type Machine,
  type Program,
  shop,
  shuffled,
} from '../scheduler/shop.ts';

/** Two fast machines, one of half and one of a quarter of their speed. */
export const machines: readonly Machine[] = [1, 1, 1 / 2, 1 / 4].map((speed) => ({ speed, slots: 2 }));
/** Programs of 1 s to a minute, heavy-tailed. */
export const programs: readonly Program[] = heavyTail(40, 5, 1_000, 1.1, 60_000);

/** How much others use of each machine at a time: a share of its CPUs (0–1) by the time in ms. */
export type Foreign = readonly ((at: number) => number)[];

/**
 * Returns what became of so many orders of the list, beginning with that one. The programs have run in two orders before,
 * by `least-load`: what a policy learns, it has learned.
 */
export function runOrders(
  policy: PolicyName,
  orders: number,
  { noise = 0, foreign = null as Foreign | null, from = 1 } = {},
): ListRun[] {
  const shared = machines.map((machine, number) =>
    foreign === null ? machine : { ...machine, foreign: foreign[number] },
  );
  const { follow, run } = shop(shared as readonly Machine[], 'least-load', { noise });
  for (let order = 1; order <= 2; order++) run(shuffled(programs, 1_000_000 + order));
  follow(policy);
  return Array.from({ length: orders }, (_, order) => run(shuffled(programs, from + order)));
}

/** Returns the makespans of so many orders over the lower bound, ascending. */
export function makespans(policy: PolicyName, orders: number, given: { noise?: number } = {}): number[] {
  return runOrders(policy, orders, given)
    .map(({ makespanMs, boundMs }) => makespanMs / boundMs)
    .sort((a, b) => a - b);
}

/**
 * Plain first-come pull, as queues and `xargs -P` do it: whichever slot is idle takes the next task. Returns the makespans
 * over the lower bound, ascending; at equal times the slots come by lot, or the fastest first.
 */
export function firstComePull(orders: number, ties: 'lot' | 'fastest'): number[] {
  const ratios: number[] = [];
  for (let order = 1; order <= orders; order++) {
    const list = shuffled(programs, order);
    const { below } = dice(order);
    const slots = machines.flatMap(({ speed, slots }) => Array.from({ length: slots }, () => ({ speed, freeAt: 0 })));
    for (const { ms } of list) {
      const freeAt = Math.min(...slots.map((slot) => slot.freeAt));
      const free = slots.filter((slot) => slot.freeAt === freeAt);
      const slot = free[ties === 'lot' ? below(free.length) : 0] as (typeof slots)[number];
      slot.freeAt += ms / slot.speed;
    }
    ratios.push(Math.max(...slots.map(({ freeAt }) => freeAt)) / lowerBoundMs(machines, list));
  }
  return ratios.sort((a, b) => a - b);
}
