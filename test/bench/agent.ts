/**
 * What the agent of a node costs: its own CPU time (without its tasks) and memory, idle and then under load, each so many
 * minutes. LBTOP_BENCH_MINUTES: how many (default 10).
 */
import { connect, type Lbtop } from '../../source/client/index.ts';
import { startCluster, until } from '../helpers/lbtop.ts';
import { mebibytes, memory, ownMs, pause } from './processes.ts';

const linesPerPhase = 10;
const tasksPerJob = 5_000;

/** Prints how it was in each tenth of both times. */
export async function benchAgent(minutes = Number(process.env.LBTOP_BENCH_MINUTES ?? 10)): Promise<void> {
  await using cluster = await startCluster([]);
  const agent = cluster.fleet.startNode('agent', ['--slots', '2']);
  const { host, port, secretFile } = cluster.fleet;
  await using lbtop = await connect({ connect: `${host}:${port}`, secretFile });
  await until(async () => (await lbtop.nodes()).length === 1);
  await pause(5_000); // started up
  for (const phase of ['idle', 'under load'] as const) {
    const over = new AbortController();
    const work = phase === 'idle' ? Promise.resolve(0) : keepBusy(lbtop, over.signal);
    const [startMs, startedAt] = [ownMs(agent), performance.now()];
    let [mostBytes, mostOwnBytes] = [0, 0];
    for (let line = 1; line <= linesPerPhase; line++) {
      const [beforeMs, before] = [ownMs(agent), performance.now()];
      await pause((minutes * 60_000) / linesPerPhase);
      const { residentBytes, ownBytes } = memory(agent);
      mostBytes = Math.max(mostBytes, residentBytes);
      mostOwnBytes = Math.max(mostOwnBytes, ownBytes);
      const share = (ownMs(agent) - beforeMs) / (performance.now() - before);
      console.log(
        `${phase}, ${((line * minutes) / linesPerPhase).toFixed(1)} min: ${percent(share)} of a core, ${mebibytes(residentBytes)} MiB, ${mebibytes(ownBytes)} its own`,
      );
    }
    const tookMs = ownMs(agent) - startMs;
    const share = tookMs / (performance.now() - startedAt);
    over.abort();
    const tasks = await work;
    const each = tasks === 0 ? '' : `, ${tasks} tasks, ${((1_000 * tookMs) / tasks).toFixed(0)} us each`;
    console.log(
      `${phase} in all: ${percent(share)} of a core, at most ${mebibytes(mostBytes)} MiB, ${mebibytes(mostOwnBytes)} its own${each}`,
    );
  }
}

/** Runs `true` without a pause; returns how often. */
async function keepBusy(lbtop: Lbtop, signal: AbortSignal): Promise<number> {
  let tasks = 0;
  while (!signal.aborted) {
    const { job } = await lbtop.submit({ command: ['true'], array: { count: tasksPerJob, first: 0, step: 1 } });
    await lbtop.wait(job);
    await lbtop.purge(job);
    tasks += tasksPerJob;
  }
  return tasks;
}

const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;
