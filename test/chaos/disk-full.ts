/** The disk of a coordinator's data gets full and free again while tasks run that write. Counted by the tasks' own ledger. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ResultRow } from '../../source/model/report.ts';
import { type Cluster, startCluster, until } from '../helpers/lbtop.ts';
import { smallDisk } from '../helpers/small-disk.ts';

export interface DiskFull {
  cycles: number;
  tasks: number;
  /** What a submission was answered while it was full: the exit code and the line. */
  refusals: { code: number | null; line: string }[];
  /** Tasks that ended while it was full; their results waited at the nodes. */
  endedMeanwhile: number;
  /** Tasks without an end, or without all that they wrote. */
  lost: number;
  /** Tasks that began more than once. */
  again: number;
}

const outputBytes = 40_000;
/** One that fits what the journal keeps back, and one that does not. */
const smallBytes = 256 * 1024;
const largeBytes = 1_000_000;
const script = `echo "b $1" >> "$2"; head -c ${outputBytes} /dev/zero | tr '\\0' x; sleep 0.4; echo "e $1" >> "$2"`;

/** Returns null where no small disk can be had. */
export async function fillAgainAndAgain(cycles: number, tasksEach: number): Promise<DiskFull | null> {
  using disk = smallDisk(128);
  if (disk === null) return null;
  await using cluster = await startCluster(['a', 'b'], undefined, { data: join(disk.directory, 'data') });
  const seen: DiskFull = { cycles, tasks: cycles * tasksEach, refusals: [], endedMeanwhile: 0, lost: 0, again: 0 };
  for (let cycle = 0; cycle < cycles; cycle++) {
    const ledger = join(cluster.directory, `ledger-${cycle}`);
    writeFileSync(ledger, '');
    const lines = (kind: string) =>
      readFileSync(ledger, 'utf8')
        .split('\n')
        .filter((line) => line.startsWith(kind));
    const { job } = await cluster.json<{ job: number }>([
      ...['submit', '--array', `0-${tasksEach - 1}`, '--', 'sh', '-c', script, 'sh', '{#}', ledger],
    ]);
    await until(() => lines('e').length > 0);
    disk.fill();
    const { taken, refusal } = await refused(cluster, cycle % 2 === 0 ? smallBytes : largeBytes);
    seen.refusals.push(refusal);
    const before = lines('e').length;
    // What nodes hold goes on: to the end, then there is nothing more.
    await until(async () => {
      const ends = lines('e').length;
      if (ends < lines('b').length) return false;
      await sleep(1_000);
      return lines('b').length === ends;
    });
    seen.endedMeanwhile += lines('e').length - before;
    disk.free();
    await until(async () => (await cluster.lbtop(['submit', '--', 'true'])).code === 0);
    await cluster.lbtop(['wait', String(job)]);
    const rows = (await cluster.lbtop(['results', String(job)])).stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ResultRow);
    const whole = rows.filter(({ state, stdout }) => state === 'succeeded' && stdout?.length === outputBytes);
    seen.lost += tasksEach - Math.min(whole.length, new Set(lines('e')).size);
    seen.again += lines('b').length - new Set(lines('b')).size;
    for (const one of [job, ...taken]) {
      await cluster.lbtop(['wait', String(one)]);
      await cluster.lbtop(['purge', String(one)]);
    }
  }
  return seen;
}

/**
 * Submits until that is refused. Small jobs use what is kept back, until that is said; a large one is refused at once, though
 * small ones would still be taken.
 */
async function refused(
  cluster: Cluster,
  stdinBytes: number,
): Promise<{ taken: number[]; refusal: { code: number | null; line: string } }> {
  const stdin = join(cluster.directory, 'stdin');
  writeFileSync(stdin, Buffer.alloc(stdinBytes, 'x'));
  for (const taken: number[] = []; ; ) {
    const { code, stdout, stderr } = await cluster.lbtop(['submit', '--stdin', stdin, '--', 'true']);
    if (code !== 0) return { taken, refusal: { code, line: stderr.trimEnd() } };
    taken.push(Number(stdout));
  }
}

/** Prints what came of 100 cycles. */
export async function showDiskFull(): Promise<void> {
  const seen = await fillAgainAndAgain(100, 24);
  if (seen === null) return;
  const { cycles, tasks, refusals, endedMeanwhile, lost, again } = seen;
  console.log(
    `${cycles} times full and free again, ${tasks} tasks: ${refusals.length} submissions refused, ` +
      `${endedMeanwhile} tasks ended while it was full, ${lost} lost, ${again} run again`,
  );
  for (const line of new Set(refusals.map(({ code, line }) => `exit code ${code}: ${line}`))) console.log(`  ${line}`);
  if (lost + again > 0 || endedMeanwhile === 0) process.exitCode = 1;
}
