/** `lbtop pause`, `lbtop resume`, `lbtop throttle`: what operators do to nodes and to the queue. */
import type { Call } from '../call.ts';
import { usage } from '../complaint.ts';
import { flagTable } from '../flags.ts';
import { printJson, printLine } from '../io.ts';
import { nodesOf } from '../targets.ts';

/** Places nothing new on nodes, or nowhere. */
export async function pause(call: Call): Promise<number> {
  if (call.flags.pauseQueue) return setQueue(call, true);
  const chosen = nodesOf(call.operands, call.flags.all, 'pause');
  const { nodes } = await (await call.client()).request('pause', { ...chosen, reason: call.flags.reason ?? '' });
  return tell(call, nodes, 'paused');
}

/** Uses nodes, or the queue, again. */
export async function resume(call: Call): Promise<number> {
  if (call.flags.pauseQueue) return setQueue(call, false);
  const chosen = nodesOf(call.operands, call.flags.all, 'resume');
  const { nodes } = await (await call.client()).request('resume', { ...chosen, reason: call.flags.reason ?? '' });
  return tell(call, nodes, 'resumed');
}

/** Sets the share of time that the tasks of nodes may run. */
export async function throttle(call: Call): Promise<number> {
  const given = call.operands.at(-1) as string;
  const { value } = flagTable.throttle;
  const share = value.read(given);
  if (share === undefined)
    throw usage(`throttle ends with a share of time, e.g. lbtop throttle desk-2 0.7: expected ${value.says}`);
  const chosen = nodesOf(call.operands.slice(0, -1), call.flags.all, 'throttle');
  const { nodes } = await (await call.client()).request('throttle', { ...chosen, share });
  return tell(call, nodes, `may run ${Math.round(share * 100)}% of the time`);
}

async function setQueue(call: Call, paused: boolean): Promise<number> {
  const { operands, flags, io } = call;
  if (operands.length > 0 || flags.all) throw usage('name nodes or give --queue, not both');
  await (await call.client()).request('pause-queue', { paused, reason: flags.reason ?? '' });
  if (flags.json) await printJson(io.stdout, { queuePaused: paused });
  else await printLine(io.stdout, paused ? 'queue paused: nothing new starts' : 'queue resumed');
  return 0;
}

/** Says which nodes it was done to. */
export async function tell({ flags, io }: Call, nodes: readonly string[], what: string): Promise<number> {
  if (flags.json) await printJson(io.stdout, { nodes });
  else for (const node of nodes) await printLine(io.stdout, `${node} ${what}`);
  return 0;
}
