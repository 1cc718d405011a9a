/**
 * A client of lbtop through its library. Arguments: HOST:PORT, file of the secret or `-` for none.
 * Commands on stdin: `burst COUNT` (a task with an input of its own each, every result row taken), `array COUNT` (one record,
 * waited for), `single COUNT`, `true COUNT` (processes), `fill COUNT` and `fill-array COUNT` (queued, not waited for).
 */
import { connectClient } from '../../../../source/client/client.ts';
import { connect, faceOf, type Lbtop } from '../../../../source/client/index.ts';
import { answer, each, timed } from './answer.ts';

const [address = '', secretFile = ''] = process.argv.slice(2);

async function dial(): Promise<Lbtop> {
  if (secretFile !== '-') return connect({ connect: address, secretFile });
  const [host = '', port = ''] = address.split(':');
  return faceOf(
    await connectClient({ host, port: Number(port), secret: null, role: 'operator', who: 'bench', timeoutMs: 60_000 }),
  );
}

const lbtop = await dial();

function* numbers(count: number): Generator<number> {
  for (let i = 0; i < count; i++) yield i;
}

function* inputs(count: number): Generator<{ input: number; path: string }> {
  for (let i = 0; i < count; i++) yield { input: 1_000_000 + i, path: '/data/in' };
}

async function waitFor(job: number, count: number): Promise<void> {
  const [row] = await lbtop.wait(job);
  if (row?.succeeded !== count) throw new Error(`${row?.succeeded} of ${count} tasks succeeded`);
}

const jobs: number[] = [];

/** What the bursts before left is forgotten, as the others forget it. */
async function purge(): Promise<void> {
  for (const job of jobs.splice(0)) await lbtop.purge(job);
}

await answer({
  burst: timed(async (count) => {
    let rows = 0;
    const { job } = await lbtop.submit({ task: 'noop', inputs: numbers(count) });
    for await (const { state } of lbtop.follow(job, 'end')) if (state === 'succeeded') rows += 1;
    if (rows !== count) throw new Error(`${rows} of ${count} tasks succeeded`);
    jobs.push(job);
  }),
  array: timed(async (count) => {
    const { job } = await lbtop.submit({ task: 'noop', array: { count, first: 0, step: 1 } });
    await waitFor(job, count);
    jobs.push(job);
  }),
  single: each(async () => {
    const { job, succeeded } = await lbtop.run({ task: 'noop' });
    if (succeeded !== 1) throw new Error(`job ${job} did not succeed`);
  }),
  true: timed(async (count) => {
    const { job } = await lbtop.submit({ command: ['true'], array: { count, first: 0, step: 1 } });
    await waitFor(job, count);
    jobs.push(job);
  }),
  fill: timed(async (count) => void (await lbtop.submit({ task: 'noop', inputs: inputs(count) }))),
  'fill-array': timed(
    async (count) => void (await lbtop.submit({ task: 'noop', array: { count, first: 0, step: 1 } })),
  ),
  purge: async () => {
    await purge();
    return {};
  },
  nodes: async () => ({ nodes: (await lbtop.nodes()).length }),
  status: async () => {
    const { tasks, rssBytes, journalBytes } = await lbtop.status();
    return { queued: tasks.queued ?? 0, rssBytes, journalBytes };
  },
});
lbtop.close();
