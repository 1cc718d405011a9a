/**
 * A node may start no process any more: what it was given goes elsewhere, it is paused with the reason before it has had many,
 * and works again when it may and is told so. It is in a control group that counts processes (version 1, as root).
 */
import { connect, type Lbtop } from '../../source/client/index.ts';
import type { NodeRow } from '../../source/model/report.ts';
import { startCluster, until } from '../helpers/lbtop.ts';
import { controlGroup, groupMissing } from './control-group.ts';

/** Why processes cannot be made short here, or null. */
export const processGroupMissing = groupMissing('pids');

export interface ShortOfProcesses {
  tasks: number;
  succeeded: number;
  /** Starts that were tried at the node. */
  inVain: number;
  /** What the node is paused for. */
  intent: string;
  reason: string;
  /** Of ten tasks that it is given when it may start processes again. */
  after: number;
}

/** Runs so many tasks on two nodes, of which one may start none. */
export async function shortOfProcesses(tasks: number): Promise<ShortOfProcesses> {
  await using cluster = await startCluster([], undefined, {});
  const group = controlGroup('pids');
  try {
    const { host, port, secretFile } = cluster.fleet;
    await using lbtop = await connect({ connect: `${host}:${port}`, secretFile });
    const short = cluster.fleet.startNode('short', ['--slots', '2']);
    group.enter(short.pid as number);
    await until(async () => (await rowOf(lbtop, 'short'))?.health === 'up');
    // It has started processes, and has what it keeps for that.
    const { job: before } = await lbtop.submit({ command: ['true'], array: { first: 0, count: 20, step: 1 } });
    await lbtop.wait(before);
    cluster.fleet.startNode('well', ['--slots', '2']);
    await until(async () => (await rowOf(lbtop, 'well'))?.health === 'up');
    group.set('pids.max', '1'); // those that are there stay

    const { job } = await lbtop.submit({ command: ['true'], array: { first: 0, count: tasks, step: 1 } });
    const [row] = await lbtop.wait(job);
    let attempts = 0;
    for await (const { attempt } of lbtop.tasks(job)) attempts += attempt;
    const paused = await rowOf(lbtop, 'short');

    group.set('pids.max', 'max');
    await lbtop.pause('well');
    await lbtop.resume('short');
    const { job: later } = await lbtop.submit({ command: ['true'], array: { first: 0, count: 10, step: 1 } });
    const [after] = await lbtop.wait(later);
    const succeeded = row?.succeeded ?? 0;
    const { intent = '', reason = '' } = paused ?? {};
    return {
      tasks,
      succeeded,
      inVain: attempts - succeeded,
      intent,
      reason: reason ?? '',
      after: after?.succeeded ?? 0,
    };
  } finally {
    await cluster.fleet.stop();
    await group.remove();
  }
}

async function rowOf(lbtop: Lbtop, name: string): Promise<NodeRow | undefined> {
  return (await lbtop.nodes()).find((one) => one.name === name);
}

/** Prints what became of a thousand tasks, ten times. */
export async function showShortOfProcesses(): Promise<void> {
  if (processGroupMissing !== null) return console.log(`not tried: ${processGroupMissing}`);
  for (let round = 0; round < 10; round++) {
    const { tasks, succeeded, inVain, intent, reason, after } = await shortOfProcesses(1_000);
    console.log(
      `${tasks} tasks beside a node that can start none: ${succeeded} succeeded, ${inVain} starts were tried there in vain; ` +
        `it is ${intent}: ${reason}; later it did ${after} of 10`,
    );
    if (succeeded < tasks || intent !== 'paused' || after < 10) process.exitCode = 1;
  }
}
