/**
 * A coordinator that is killed (kill -9) again and again while nodes work. What counts is what the tasks themselves have
 * written: each appends a line to one ledger when it begins, and one when it ends.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResultRow, Status } from '../../source/model/report.ts';
import { startCluster, until } from '../helpers/lbtop.ts';
import { countedTooOften, judge, ledgerCommand, tally } from './ledger.ts';

export interface KillOptions {
  tasks: number;
  kills: number;
  nodes: number;
  slots: number;
  /** How long a task sleeps, in s. */
  taskSeconds: number;
}

export interface Killed {
  kills: number;
  /** At that many kills something ran. */
  whileRunning: number;
  tasks: number;
  /** Tasks without an end in the ledger, or that the coordinator does not call succeeded. */
  lost: number;
  /** Tasks that wrote two ends, or of which the coordinator has other results than they wrote; and what it counts too often. */
  counted: number;
  /** Tasks that began again although they had begun and not ended: running ones restarted. */
  restarted: number;
  /** Tasks that began again although they had ended. */
  runAgain: number;
  /** What is not as it should be, and the coordinator's own counts. */
  wrong: string[];
  seconds: number;
}

/** Kills and starts the coordinator, spread over the whole work; returns what the ledger says. */
export async function killAgainAndAgain(options: KillOptions): Promise<Killed> {
  const { tasks, kills, nodes, slots, taskSeconds } = options;
  const begunAt = performance.now();
  await using cluster = await startCluster([], undefined, { durable: true });
  for (let i = 0; i < nodes; i++) cluster.fleet.startNode(`node-${i}`, ['--slots', String(slots)]);
  await until(async () => (await cluster.json<unknown[]>(['nodes'])).length === nodes);
  const ledger = join(cluster.directory, 'ledger');
  writeFileSync(ledger, '');
  const { job } = await cluster.json<{ job: number }>([
    ...['submit', '--array', `0-${tasks - 1}`, '--', ...ledgerCommand(ledger, taskSeconds)],
  ]);
  using counts = tally(ledger);
  let whileRunning = 0;
  for (let kill = 0; kill < kills; kill++) {
    const ended = ((kill + Math.random()) * tasks) / (kills + 1);
    // A kill finds something that runs, unless nothing is left to run.
    await until(() => {
      const { begun, over } = counts.read();
      return over >= ended && (begun > over || over === tasks);
    });
    const { begun, over } = counts.read();
    if (begun > over) whileRunning += 1;
    await cluster.fleet.killCoordinator();
    // Long enough for tasks to end meanwhile, now and then.
    await sleep(Math.random() * 500 * taskSeconds);
    await cluster.fleet.restartCoordinator();
  }
  await cluster.lbtop(['wait', String(job)]);
  const status = await cluster.json<Status>(['status']);
  const rows = (await cluster.lbtop(['results', String(job)])).stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ResultRow);
  const { counted, wrong, ...judged } = judge(rows, readFileSync(ledger, 'utf8'), tasks);
  const { reexecuted, lateResults } = status;
  return {
    ...{ ...judged, tasks, kills, whileRunning, seconds: secondsSince(begunAt) },
    counted: counted + countedTooOften(status, tasks),
    wrong: [
      ...wrong,
      `${status.tasks.succeeded} succeeded, ${reexecuted} executed again, ${lateResults} late results, ${rows.length} rows`,
    ],
  };
}

function secondsSince(begunAt: number): number {
  return Math.round((performance.now() - begunAt) / 1_000);
}

/** Prints the counts of 200 kills during 10,000 tasks on four nodes. */
export async function showKills(): Promise<void> {
  const options = { tasks: 10_000, kills: 200, nodes: 4, slots: 8, taskSeconds: 0.2 };
  console.log(`${options.kills} kills of the coordinator during ${options.tasks} tasks on ${options.nodes} nodes`);
  const seen = await killAgainAndAgain(options);
  const { kills, whileRunning, lost, counted, restarted, runAgain, wrong, seconds } = seen;
  console.log(
    `${kills} kills in ${seconds} s, ${whileRunning} of them while tasks ran: ${lost} lost, ${counted} counted twice or wrongly, ` +
      `${restarted} running tasks restarted, ${runAgain} finished ones run again`,
  );
  if (lost + counted + restarted + runAgain === 0) return;
  process.exitCode = 1;
  for (const one of [...wrong.slice(0, 10), ...wrong.slice(10).slice(-1)]) console.log(`  ${one}`);
}
