/** `lbtop drain` */
import { setTimeout as sleep } from 'node:timers/promises';
import { LbtopError } from '../../model/errors.ts';
import type { NodeRow } from '../../model/report.ts';
import type { Call } from '../call.ts';
import type { Client } from '../client.ts';
import { quote, usage } from '../complaint.ts';
import { counted } from '../format.ts';
import { printJson, printLine } from '../io.ts';
import { nodesOf } from '../targets.ts';
import { tell } from './operate.ts';

const pollMs = 250;

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
  const rows = await client.request('nodes', {});
  const known = new Set(rows.map(({ name }) => name));
  const missing = chosen.nodes.find((name) => !known.has(name));
  if (missing !== undefined) throw usage(`no node ${quote(missing)}: lbtop nodes lists them`);
  const there = rows.filter(({ health }) => health === 'up' || health === 'suspect');
  const affected = there.filter(({ name }) => chosen.all || chosen.nodes.includes(name));
  const remaining = there.filter((row) => row.intent === 'active' && !affected.includes(row));
  const slots = remaining.reduce((sum, row) => sum + row.slots, 0);
  if (flags.json) {
    const nodes = affected.map(({ name, running, assigned }) => ({ name, running, assigned }));
    await printJson(io.stdout, { nodes, remaining: { nodes: remaining.length, slots } });
    return 0;
  }
  for (const row of affected) await printLine(io.stdout, forecast(row, flags.now === true));
  await printLine(io.stdout, `${counted(remaining.length, 'node')} with ${counted(slots, 'slot')} would remain`);
  return 0;
}

function forecast({ name, running, assigned }: NodeRow, now: boolean): string {
  const runs = now
    ? `${counted(running, 'running task')} would be stopped and queued again`
    : `${counted(running, 'running task')} would go on to the end`;
  return `${name}: ${runs}, ${counted(assigned, 'task')} would return to the queue`;
}
