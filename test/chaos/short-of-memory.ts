/**
 * Tasks take all the memory that there is: the system ends them and not their node, which says why, and goes on. The node
 * and its tasks are in a control group with little memory (version 1, as root): the machine itself lacks none.
 */
import { readFileSync } from 'node:fs';
import { connect } from '../../source/client/index.ts';
import type { ResultRow } from '../../source/model/report.ts';
import { startCluster, until } from '../helpers/lbtop.ts';
import { controlGroup, groupMissing } from './control-group.ts';

const limitBytes = 256 * 1024 * 1024;

/** Why memory cannot be made short here, or null. */
export const memoryGroupMissing = groupMissing('memory');

export interface ShortOfMemory {
  /** What the coordinator says of each task that took all. */
  ends: { state: string; error: string | null }[];
  /** Whether the same process of the node was there at the end, and ran another task. */
  nodeLived: boolean;
  /** What a task finds in its own oom_score_adj, and what its node has. */
  taskAdjustment: number;
  nodeAdjustment: number;
}

/** Runs so many tasks that take memory without end, one after the other. */
export async function shortOfMemory(tasks: number): Promise<ShortOfMemory> {
  await using cluster = await startCluster([], undefined, {});
  const group = controlGroup('memory');
  try {
    group.set('memory.limit_in_bytes', String(limitBytes));
    const agent = cluster.fleet.startNode('small', ['--slots', '1']);
    group.enter(agent.pid as number);
    const { host, port, secretFile } = cluster.fleet;
    await using lbtop = await connect({ connect: `${host}:${port}`, secretFile });
    await until(async () => (await lbtop.nodes()).some(({ health }) => health === 'up'));
    const run = async (command: string[]): Promise<ResultRow> => {
      const { job } = await lbtop.submit({ command });
      await lbtop.wait(job);
      for await (const row of lbtop.results(job)) return row;
      throw new Error('no result');
    };
    // The first moment of a process is without it.
    const adjustment = await run(['sh', '-c', 'sleep 0.3; cat /proc/self/oom_score_adj']);
    const ends: ShortOfMemory['ends'] = [];
    for (let one = 0; one < tasks; one++) {
      // It keeps all that it has read of a line, and there is no end of the line.
      const { state, error } = await run(['tail', '/dev/zero']);
      ends.push({ state, error });
    }
    const after = await run(['true']);
    return {
      ends,
      nodeLived: agent.exitCode === null && agent.signalCode === null && after.state === 'succeeded',
      taskAdjustment: Number(adjustment.stdout),
      nodeAdjustment: Number(readFileSync(`/proc/${agent.pid}/oom_score_adj`, 'utf8')),
    };
  } finally {
    await cluster.fleet.stop();
    await group.remove();
  }
}

/** How an end reads that the system made for want of memory. */
export const endedForMemory = 'killed by SIGKILL: the machine ran out of memory';

/** Prints what became of a hundred tasks. */
export async function showShortOfMemory(): Promise<void> {
  if (memoryGroupMissing !== null) return console.log(`not tried: ${memoryGroupMissing}`);
  const { ends, nodeLived, taskAdjustment, nodeAdjustment } = await shortOfMemory(100);
  const told = ends.filter(({ state, error }) => state === 'failed' && error === endedForMemory).length;
  console.log(
    `${ends.length} tasks that took all memory: ${told} failed for that reason; the node ${nodeLived ? 'went on' : 'DIED'} ` +
      `(oom_score_adj ${taskAdjustment} of a task, ${nodeAdjustment} of the node)`,
  );
  if (told < ends.length || !nodeLived) process.exitCode = 1;
}
