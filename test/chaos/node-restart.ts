/**
 * A node that is killed (kill -9) while its coordinator is away too: what had ended is not lost, and does not run again;
 * what ran has ended with the node, and does. Counted by the tasks' own ledger.
 */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeRow, ResultRow } from '../../source/model/report.ts';
import { processStat } from '../../source/node/process-stat.ts';
import { parseRecordLine } from '../../source/node/record-file.ts';
import { startCluster, until } from '../helpers/lbtop.ts';

export interface Restarted {
  rounds: number;
  tasks: number;
  /** Ended, and not told to anybody, when the node was killed. */
  untold: number;
  /** Of those: run again, or without what they wrote. */
  untoldWrong: number;
  /** Ran when it was killed; of those, how many were never run again to their end. */
  cut: number;
  cutLost: number;
  /** Processes of theirs that were there when the node had started again. */
  left: number;
  /** Tasks with more than one end in the ledger. */
  twice: number;
}

const script = 'echo "b $1 $$" >> "$2"; echo "does $1"; sleep "$3"; echo "e $1 $$" >> "$2"; echo "did $1"';
const shortTasks = 2;
const longTasks = 2;

/** Kills coordinator and node, starts both again, so often. */
export async function restartNode(rounds: number): Promise<Restarted> {
  await using cluster = await startCluster([], undefined, { durable: true });
  const slots = ['--slots', String(shortTasks + longTasks)];
  const seen = { rounds, tasks: 0, untold: 0, untoldWrong: 0, cut: 0, cutLost: 0, left: 0, twice: 0 };
  for (let round = 0; round < rounds; round++) {
    const child = cluster.fleet.startNode('one', slots);
    await until(async () => (await cluster.json<NodeRow[]>(['nodes'])).some(({ health }) => health === 'up'));
    const ledger = join(cluster.directory, `ledger-${round}`);
    writeFileSync(ledger, '');
    const lines = (kind: string) =>
      readFileSync(ledger, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith(kind));
    const submit = async (name: string, tasks: number, seconds: number) => {
      const argv = ['sh', '-c', script, 'sh', `${name}-{#}`, ledger, String(seconds)];
      return (await cluster.json<{ job: number }>(['submit', '--array', `1-${tasks}`, '--', ...argv])).job;
    };
    const [short, long] = [await submit('short', shortTasks, 1.5), await submit('long', longTasks, 6)];
    await until(() => lines('b').length === shortTasks + longTasks);
    await cluster.fleet.killCoordinator();
    // The node has seen their ends as well: what it had not is run again.
    await until(() => unsettled(join(cluster.directory, 'state', 'lbtop', 'node-one', 'spool')) === shortTasks);
    const pids = lines('b').map((line) => Number(line.split(' ')[2]));
    const gone = once(child, 'exit');
    cluster.fleet.killNode('one');
    await gone;
    const again = cluster.fleet.startNode('one', slots);
    await cluster.fleet.restartCoordinator();
    await cluster.lbtop(['wait', String(short), String(long)]);
    seen.left += pids.filter((pid) => !['Z', undefined].includes(processStat(pid)?.state)).length;
    seen.tasks += shortTasks + longTasks;
    seen.untold += shortTasks;
    seen.cut += longTasks;
    for (const [job, name, key] of [
      [short, 'short', 'untoldWrong'],
      [long, 'long', 'cutLost'],
    ] as const)
      for (const line of (await cluster.lbtop(['results', String(job)])).stdout.trimEnd().split('\n')) {
        const { index, state, attempt, stdout } = JSON.parse(line) as ResultRow;
        const whole = state === 'succeeded' && stdout === `does ${name}-${index}\ndid ${name}-${index}\n`;
        if (!whole || (name === 'short' && attempt !== 1)) seen[key] += 1;
      }
    const ends = lines('e').map((line) => line.split(' ')[1]);
    seen.twice += ends.length - new Set(ends).size;
    const over = once(again, 'exit');
    again.kill('SIGTERM');
    await over;
  }
  return seen;
}

/** Counts the ends that a node keeps for its coordinator. */
function unsettled(spool: string): number {
  const ends = new Set<string>();
  for (const line of readFileSync(spool, 'utf8').split('\n')) {
    const record = parseRecordLine(line) as { kind: string; outcome: number[]; id: string } | undefined;
    if (record?.kind === 'ended') ends.add(`${record.outcome[0]}.${record.outcome[1]}#${record.outcome[2]}`);
    if (record?.kind === 'settled') ends.delete(record.id);
  }
  return ends.size;
}

/** Prints what came of 10 rounds. */
export async function showNodeRestarts(): Promise<void> {
  const { rounds, untold, untoldWrong, cut, cutLost, left, twice } = await restartNode(10);
  console.log(
    `node and coordinator killed ${rounds} times: of ${untold} results that nobody had been told ${untoldWrong} lost or run again; ` +
      `of ${cut} tasks that ran ${cutLost} lost, ${left} processes left of them, ${twice} ended twice`,
  );
  if (untoldWrong + cutLost + left + twice > 0) process.exitCode = 1;
}
