/**
 * Which node's queue to join, by how much there is to do: tasks that go to a node at once and wait there, in virtual time.
 * The same code gives the same figures on every machine.
 */
import type { PolicyName } from '../../source/model/job.ts';
import { summarise } from '../../source/simulation/statistics.ts';
import { runSynthetic } from '../../source/simulation/synthetic.ts';

const nodes = 10;
const tasks = 20_000;
/** The queues fill up first. */
const warmup = 4_000;

export const loads: readonly number[] = [0.5, 0.7, 0.8, 0.9, 0.95];
export const joining: readonly PolicyName[] = ['random', 'round-robin', 'power-of-two', 'fewest-running'];

/** Returns the mean time from arrival to end, in mean run times. */
export function meanResponse(policy: PolicyName, load: number): number {
  const plan = { policy, queue: 'fifo', slots: 1, seed: 1 } as const;
  const times = runSynthetic({
    ...plan,
    nodes,
    arrivals: { kind: 'poisson', perSecond: load * nodes },
    service: { kind: 'exp', meanMs: 1_000 },
    tasks,
    reportAgeMs: 0,
    speeds: [1],
    queueing: 'node',
    failuresPerSecond: 0,
  });
  return summarise(times, { ...plan, slots: nodes, warmup, dropped: 0 }).meanResponse;
}

/** The table of docs/scheduling.md. */
export function loadTable(): string {
  const rows = joining.map((policy) => [
    `\`${policy}\``,
    ...loads.map((load) => meanResponse(policy, load).toFixed(2)),
  ]);
  return [
    ['policy', ...loads.map((load) => `${Math.round(load * 100)} % busy`)],
    ['---', ...loads.map(() => '---:')],
    ...rows,
  ]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}
