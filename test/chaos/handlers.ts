/** Handlers that go wrong in every way, beside handlers that do their work on the same node: how many of each end as they should. */
import { resolve } from 'node:path';
import { connect, type JobOptions, type Lbtop, type ResultRow } from '../../source/client/index.ts';
import type { Json } from '../../source/model/shape.ts';
import { startCluster, until } from '../helpers/lbtop.ts';

interface Way {
  what: string;
  handler: string;
  input?: Json;
  timeoutMs?: number;
  /** The error that it is to end with. */
  error: RegExp;
}

const memory = /^used more memory than a handler may here/;
export const ways: readonly Way[] = [
  { what: 'throws', handler: 'throws', error: /^throws: boom$/ },
  { what: 'throws when nobody can catch it', handler: 'throwsLater', error: /^throwsLater: later$/ },
  { what: 'leaves a rejection alone', handler: 'rejectsAside', error: /^rejectsAside: aside$/ },
  { what: 'never returns', handler: 'never', timeoutMs: 500, error: /^timed out after 500ms$/ },
  { what: 'blocks its process', handler: 'blocks', timeoutMs: 500, error: /^timed out after 500ms$/ },
  { what: 'exits', handler: 'exits', input: 0, error: /^ended its process: exit code 0$/ },
  { what: 'fills its heap', handler: 'fillsHeap', error: memory },
  { what: 'fills buffers', handler: 'fillsBuffers', error: memory },
  { what: 'returns too much', handler: 'givesMuch', error: /^givesMuch: the result is larger/ },
];

/** So many that each call may hold little memory: a share of the machine's. */
const slots = 64;
/** Those that go wrong, at once: together they take no more than a machine of any size has. */
const wrongAtOnce = 2;

export interface Trial {
  what: string;
  /** Tasks that went wrong and ended as they should, of how many. */
  ended: number;
  tasks: number;
  /** Tasks beside them that succeeded, of how many. */
  unharmed: number;
  beside: number;
}

async function rowsOf(lbtop: Lbtop, work: JobOptions & { task: string }, inputs: Json[]): Promise<ResultRow[]> {
  const rows: ResultRow[] = [];
  for await (const row of lbtop.map(work, inputs)) rows.push(row);
  return rows;
}

/** Runs every way, each in so many tasks, with as many beside them. */
export async function misbehave(tasks: number): Promise<Trial[]> {
  const file = resolve(import.meta.dirname, '../node/handlers/misbehaving.ts');
  await using cluster = await startCluster([]);
  cluster.fleet.startNode('able', ['--slots', String(slots), '--handlers', file]);
  const { host, port, secretFile } = cluster.fleet;
  await using lbtop = await connect({ connect: `${host}:${port}`, secretFile });
  await until(async () => (await lbtop.nodes()).length === 1);
  const trials: Trial[] = [];
  for (const { what, handler, input = null, timeoutMs = null, error } of ways) {
    const inputs = Array.from({ length: tasks }, (_, i) => i);
    const [wrong, right] = await Promise.all([
      rowsOf(
        lbtop,
        { task: handler, timeoutMs, limit: wrongAtOnce },
        inputs.map(() => input),
      ),
      rowsOf(lbtop, { task: 'double', limit: wrongAtOnce }, inputs),
    ]);
    trials.push({
      what,
      ended: wrong.filter((row) => row.state === 'failed' && error.test(row.error ?? '')).length,
      tasks: wrong.length,
      unharmed: right.filter(({ state, index, result }) => state === 'succeeded' && result === 2 * index).length,
      beside: right.length,
    });
  }
  const [node] = await lbtop.nodes();
  if (node?.health !== 'up') throw new Error(`the node is ${node?.health}`);
  return trials;
}

/** Prints a line a way to go wrong. */
export async function showHandlers(): Promise<void> {
  for (const { what, ended, tasks, unharmed, beside } of await misbehave(20))
    console.log(`${what}: ${ended} of ${tasks} ended as they should, ${unharmed} of ${beside} beside them unharmed`);
}
