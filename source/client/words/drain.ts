/** `lbtop drain` */
import { setTimeout as sleep } from 'node:timers/promises';
import { LbtopError } from '../../model/errors.ts';
import type { LeavingNode, LeavingTask } from '../../model/report.ts';
import type { Call } from '../call.ts';
import type { Client } from '../client.ts';
import { counted, duration } from '../format.ts';
import { printJson, printLine } from '../io.ts';
import { nodesOf } from '../targets.ts';
import { tell } from './operate.ts';

const pollMs = 250;
/** Of each node: whoever wants all takes `--json`. */
const tasksShown = 10;

/** Empties nodes; with `--wait` returns when nothing runs there any more, with `--preview` only tells. */
export async function drain(call: Call): Promise<number> {
  const { flags, operands, io } = call;
  const chosen = nodesOf(operands, flags.all, 'drain');
  const client = await call.client();
  if (flags.preview) return preview(call, client, chosen);
  const { nodes } = await client.request('drain', {
    ...chosen,
    reason: flags.reason ?? '',
    now: flags.now === true,
    deadlineMs: flags.deadline ?? null,
  });
  if (!flags.wait) return tell(call, nodes, 'drains');
  if (!flags.json) for (const node of nodes) await printLine(io.stderr, `${node} drains`);
  await untilDrained(call, client, nodes);
  return tell(call, nodes, 'drained');
}

/** Somebody may resume a node meanwhile: then it will never be drained. */
async function untilDrained(call: Call, client: Client, names: readonly string[]): Promise<void> {
  const { io } = call;
  const waiting = new Set(names);
  let told = '';
  while (waiting.size > 0) {
    const rows = new Map((await client.request('nodes', {})).map((row) => [row.name, row]));
    let running = 0;
    for (const name of waiting) {
      const row = rows.get(name);
      if (row === undefined || row.drained || row.health === 'left' || row.health === 'lost') waiting.delete(name);
      else if (row.intent !== 'draining')
        throw new LbtopError('failed', `${name} is ${row.intent} again: somebody took the drain back`);
      else running += row.running + row.assigned;
    }
    const text = `waiting for ${counted(waiting.size, 'node')}: ${counted(running, 'task')} still there`;
    if (io.stderr.isTerminal && waiting.size > 0 && text !== told) await io.stderr.write(`\r${text}\x1b[K`);
    told = text;
    if (waiting.size > 0) await sleep(pollMs);
  }
  if (io.stderr.isTerminal) await io.stderr.write('\r\x1b[K');
}

async function preview(
  { flags, io }: Call,
  client: Client,
  chosen: { nodes: string[]; all: boolean },
): Promise<number> {
  const told = await client.request('drain-preview', chosen);
  if (flags.json) {
    await printJson(io.stdout, told);
    return 0;
  }
  for (const node of told.nodes) {
    await printLine(io.stdout, forecast(node, flags.now === true));
    for (const task of node.tasks.filter(({ running }) => running).slice(0, tasksShown))
      await printLine(io.stdout, `  ${leaving(task)}`);
    if (node.running > tasksShown) await printLine(io.stdout, `  … ${node.running - tasksShown} more`);
  }
  const { nodes, slots } = told.remaining;
  await printLine(io.stdout, `${counted(nodes, 'node')} with ${counted(slots, 'slot')} would remain`);
  const jobs = told.stuckJobs;
  if (jobs.length > 0)
    await printLine(
      io.stdout,
      `none of them has what ${jobs.length === 1 ? 'job' : 'jobs'} ${jobs.slice(0, tasksShown).join(', ')}${jobs.length > tasksShown ? ' …' : ''} ${jobs.length === 1 ? 'needs' : 'need'}: what waits of it would go on waiting`,
    );
  return 0;
}

function forecast({ node, running, assigned, stuck, leftMs }: LeavingNode, now: boolean): string {
  const left = leftMs === null ? 'for how long is not known' : `for about ${duration(leftMs)}`;
  const runs = now
    ? `${counted(running, 'running task')} would be stopped and queued again`
    : `${counted(running, 'running task')} would go on to the end${running > 0 ? `, ${left}` : ''}`;
  const nowhere = stuck > 0 ? `; ${stuck} of them could run nowhere else` : '';
  return `${node}: ${runs}; ${counted(assigned, 'task')} would return to the queue${nowhere}`;
}

function leaving({ task, ranMs, leftMs, stuck }: LeavingTask): string {
  const left = leftMs === null ? 'how long it takes is not known' : `about ${duration(leftMs)} left`;
  return `${task} runs since ${duration(ranMs)}, ${left}${stuck ? ', could run nowhere else' : ''}`;
}
