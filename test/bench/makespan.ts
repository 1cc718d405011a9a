/**
 * How long a list of tasks takes on machines of different speeds, over the lower bound, for each policy and many orders of
 * the list. `node test/bench/makespan.ts [ORDERS]` prints a table. Virtual time: what it shows are decisions, not overhead.
 */
import { type PolicyName, policyNames } from '../../source/model/job.ts';
import { policyNamed } from '../../source/scheduler/policies/policies.ts';
import { heavyTail, lowerBoundMs, type Machine, type Program, shop, shuffled } from '../scheduler/shop.ts';

/** Two fast machines, one of half and one of a quarter of their speed. */
export const machines: readonly Machine[] = [1, 1, 1 / 2, 1 / 4].map((speed) => ({ speed, slots: 2 }));
/** Programs of 1 s to a minute, heavy-tailed. */
export const programs: readonly Program[] = heavyTail(40, 5, 1_000, 1.1, 60_000);

/**
 * Returns the makespans of so many orders over the lower bound, ascending. The programs have run in two orders before, by
 * `least-load`: what a policy learns, it has learned.
 */
export function makespans(policy: PolicyName, orders: number, given: { noise?: number } = {}): number[] {
  const { follow, run } = shop(machines, 'least-load', given);
  for (let order = 1; order <= 2; order++) run(shuffled(programs, 1_000_000 + order));
  follow(policy);
  const ratios: number[] = [];
  for (let order = 1; order <= orders; order++) {
    const list = shuffled(programs, order);
    ratios.push(run(list) / lowerBoundMs(machines, list));
  }
  return ratios.sort((a, b) => a - b);
}

function at(sorted: readonly number[], quantile: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))] as number).toFixed(3);
}

/** Prints a line for each policy. */
export function benchMakespan(orders: number): void {
  console.log(
    `makespan over the lower bound, ${orders} orders of ${programs.length * 5} tasks, speeds 1 1 1/2 1/4, 2 slots each`,
  );
  console.log('policy                          p10    median       p90       max');
  for (const policy of policyNames) {
    if (policyNamed(policy) === undefined) continue;
    const variants = policy === 'earliest-finish' ? [0, 0.3] : [0];
    for (const noise of variants) {
      const ratios = makespans(policy, orders, { noise });
      const what = `${policy}${noise === 0 ? '' : `, runs ± ${noise * 100} %`}`;
      const figures = [0.1, 0.5, 0.9, 1].map((quantile) => at(ratios, quantile).padStart(9)).join(' ');
      console.log(`${what.padEnd(28)} ${figures}`);
    }
  }
}

if (import.meta.main) benchMakespan(Number(process.argv[2] ?? 200));
