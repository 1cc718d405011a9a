/**
 * What each policy and discipline gains, in virtual time with the coordinator's own scheduler. `npm run bench -- policies`
 * prints the tables, `npm run figures` writes them into the pages. The same code gives the same figures on every machine.
 */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type DisciplineName, disciplineNames, type PolicyName, policyNames } from '../../source/model/job.ts';
import { summarise } from '../../source/simulation/statistics.ts';
import { readWorkload } from '../../source/simulation/workload-log.ts';
import { runWorkload } from '../../source/simulation/workload-run.ts';
import { dice } from '../scheduler/dice.ts';
import { type Machine, type Program, shop } from '../scheduler/shop.ts';
import { azureHour, haveRecordings, nasa, planetLabDay } from '../simulation/recordings.ts';
import { type Foreign, firstComePull, machines, makespans, programs, runOrders } from './makespan.ts';

export const orders = 200;
/** Groups of machines of PlanetLab; each lives through so many of the orders. */
const groups = 8;

type Columns = readonly [name: string, ...cells: string[]];

function markdown(head: Columns, rows: readonly Columns[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}

function ascending(values: Iterable<number>): number[] {
  return [...values].sort((a, b) => a - b);
}

function ratioCells(ratios: readonly number[]): string[] {
  return [0.1, 0.5, 0.9, 1].map((share) => quantile(ratios, share).toFixed(3));
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1);

/** Returns a row: the makespan over the bound of all orders, where nobody else uses the machines. */
export function aloneRow(policy: PolicyName): Columns {
  const runs = runOrders(policy, orders);
  const waits = ascending(runs.flatMap(({ waitsMs }) => waitsMs));
  const ratios = ascending(runs.map(({ makespanMs, boundMs }) => makespanMs / boundMs));
  return [`\`${policy}\``, ...ratioCells(ratios), seconds(quantile(waits, 0.99))];
}

function alone(): string {
  return markdown(
    ['policy', 'p10', 'median', 'p90', 'worst', 'p99 wait, s'],
    [
      ['first come, first served: ties by lot', ...ratioCells(firstComePull(orders, 'lot')), ''],
      ['first come, first served: the fastest idle slot', ...ratioCells(firstComePull(orders, 'fastest')), ''],
      ...policyNames.map(aloneRow),
      ['`earliest-finish`, runs ± 30 %', ...ratioCells(makespans('earliest-finish', orders, { noise: 0.3 })), ''],
    ],
  );
}

/** Machines of PlanetLab, drawn by lot, in the places of ours. */
function othersOf(day: Foreign, group: number): Foreign {
  const { pick } = dice(group);
  return machines.map(() => pick(day));
}

function shared(): string {
  const day = planetLabDay();
  return markdown(
    ['policy', 'p10', 'median', 'p90', 'worst', 'p99 wait, s'],
    policyNames.map((policy): Columns => {
      const runs = Array.from({ length: groups }, (_, group) => {
        const each = orders / groups;
        return runOrders(policy, each, { foreign: othersOf(day, group + 1), from: 1 + group * each });
      }).flat();
      const ratios = ascending(runs.map(({ makespanMs, boundMs }) => makespanMs / boundMs));
      const waits = ascending(runs.flatMap(({ waitsMs }) => waitsMs));
      return [`\`${policy}\``, ...ratioCells(ratios), seconds(quantile(waits, 0.99))];
    }),
  );
}

/** What a request takes at speed 1 for each token: seven tenths of what the machines can do. */
const msAToken = 2.9;

function arrivals(): string {
  const day = planetLabDay();
  const requests = azureHour();
  const list: Program[] = requests.map(({ tokens }) => ({
    name: 'chat',
    ms: msAToken * Math.max(1, tokens),
    count: 1,
  }));
  const comes = requests.map(({ at }) => at);
  return markdown(
    ['policy', 'mean wait, s', 'p99 wait, s', 'mean response, s', 'p99 response, s'],
    policyNames.map((policy): Columns => {
      const foreign = othersOf(day, 1);
      const on = machines.map((machine, number) => ({ ...machine, foreign: foreign[number] })) as Machine[];
      const { run } = shop(on, policy);
      const { waitsMs, responsesMs } = run(list, comes);
      const [waits, responses] = [ascending(waitsMs), ascending(responsesMs)];
      const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
      const cells = [mean(waits), quantile(waits, 0.99), mean(responses), quantile(responses, 0.99)];
      return [`\`${policy}\``, ...cells.map((ms) => (ms / 1_000).toFixed(2))];
    }),
  );
}

function log(): string {
  const slots = 128;
  const { jobs, dropped } = readWorkload(gunzipSync(readFileSync(nasa)).toString('latin1'), slots);
  const row = (queue: DisciplineName): Columns => {
    const times = runWorkload({ jobs, slots, policy: 'least-load', queue, estimates: 'actual', seed: 1 });
    const run = { policy: 'least-load', queue, slots, seed: 1, warmup: 0, dropped };
    const { meanWait, p99Wait, maxWait, meanBoundedSlowdown, utilization } = summarise(times, run);
    const share = `${(100 * utilization).toFixed(1)} %`;
    return [
      `\`${queue}\``,
      ...[meanWait, p99Wait, maxWait].map((s) => s.toFixed(0)),
      meanBoundedSlowdown.toFixed(2),
      share,
    ];
  };
  return markdown(
    ['discipline', 'mean wait, s', 'p99 wait, s', 'longest wait, s', 'mean bounded slowdown', 'used'],
    disciplineNames.map(row),
  );
}

/** The tables by the name of their place in a page; `null` where the recordings are not at hand. */
export function policyTables(): Readonly<Record<string, () => string>> | null {
  return haveRecordings() ? { alone, shared, arrivals, log } : null;
}

/** Prints the tables. */
export function benchPolicies(): void {
  const what: Readonly<Record<string, string>> = {
    alone: `Makespan over the lower bound: ${orders} orders of ${programs.length * 5} tasks, speeds 1 1 1/2 1/4, 2 slots each`,
    shared: 'The same, while others use the machines as a day of PlanetLab has it',
    arrivals: 'An hour of requests to a service of Azure on these machines, shared so',
    log: 'The log of the NASA iPSC, 128 processors',
  };
  for (const [name, table] of Object.entries(policyTables() ?? { alone })) console.log(`${what[name]}\n\n${table()}\n`);
}
