/** W6: how long a list of tasks takes on machines of different speeds, in virtual time. */
import type { PolicyName } from '../../../source/model/job.ts';
import { firstComePull, makespans } from '../makespan.ts';
import { orders } from '../policies.ts';
import type { Row, Side } from './row.ts';

function side(name: string, ours: boolean, tuned: string, ratios: (orders: number) => readonly number[]): Side {
  return {
    ...{ name, ours, tuned, missing: () => null },
    async start() {
      return {
        async round(seconds) {
          const all = ratios(Math.max(10, Math.round(orders * Math.min(1, seconds))));
          const at = (share: number): number => all[Math.min(all.length - 1, Math.floor(share * all.length))] as number;
          return { median: at(0.5), p90: at(0.9), worst: at(1) };
        },
        async stop() {},
      };
    },
  };
}

const policy = (name: string, of: PolicyName, tuned: string): Side =>
  side(name, true, tuned, (orders) => makespans(of, orders));

export const w6: Row = {
  id: 'w6',
  title: 'Machines of different speeds',
  work: `200 tasks of 40 programs, heavy-tailed from 1 s to a minute, on machines of speeds 1, 1, ½ and ¼ with 2 slots each: the makespan over the lower bound, over ${orders} orders of the list, in virtual time with the coordinator's own scheduler. lbtop has seen the programs run in two orders before and learns their durations from that; queues whose workers take the next job when one is free (gearman, beanstalkd, BullMQ, graphile-worker, xargs, parallel) are given no estimates and have no use for any: they are all first come, first served.`,
  measures: [
    { name: 'median', unit: 'of the lower bound, median', better: 'less' },
    { name: 'p90', unit: 'of the lower bound, p90', better: 'less' },
    { name: 'worst', unit: 'of the lower bound, worst', better: 'less' },
  ],
  fresh: true,
  rounds: 1,
  sides: [
    policy(
      'lbtop, earliest-finish',
      'earliest-finish',
      '`--policy earliest-finish`, durations of the programs learned',
    ),
    policy('lbtop', 'least-load', 'as it comes (`least-load`), nothing estimated'),
    side('first come, by lot', false, 'which idle slot comes first is chance', (orders) =>
      firstComePull(orders, 'lot'),
    ),
    side('first come, fastest idle slot', false, 'of idle slots the fastest comes first', (orders) =>
      firstComePull(orders, 'fastest'),
    ),
  ],
  goals: [
    { text: 'under 1.10 in every order', side: 'lbtop, earliest-finish', measure: 'worst', most: 1.1 },
    { text: 'under 1.02 where the kinds are known', side: 'lbtop, earliest-finish', measure: 'median', most: 1.02 },
    { text: 'as it comes, under 1.10 in every order', side: 'lbtop', measure: 'worst', most: 1.1 },
  ],
  headlines: [
    ['lbtop, earliest-finish', 'worst'],
    ['lbtop', 'median'],
  ],
};
