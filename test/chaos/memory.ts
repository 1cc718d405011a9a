/** What a coordinator's memory and disk do while jobs come and go: a million tasks as one job, and many jobs that are forgotten. */
import { type Client, connectClient } from '../../source/client/client.ts';
import { jobSpec } from '../../source/model/job.ts';
import type { Status } from '../../source/model/report.ts';
import { loadSecret } from '../../source/wire/secret.ts';
import { loopbackNode } from '../bench/loopback-node.ts';
import { startCluster, until } from '../helpers/lbtop.ts';

export interface Size {
  residentBytes: number;
  journalBytes: number;
}

const nodes = 4;
const slots = 64;

/** Starts a coordinator that forgets jobs so long after their end, with nodes that answer at once. */
async function startWith(purgeAfter: string) {
  const cluster = await startCluster([], () => ['--cpu-limit', '100', '--purge-after', purgeAfter], { durable: true });
  const { host, port, secretFile } = cluster.fleet;
  const secret = await loadSecret(secretFile);
  const fleet = await Promise.all(Array.from({ length: nodes }, (_, i) => loopbackNode(port, `n${i}`, slots, secret)));
  const client = await connectClient({ host, port, secret, role: 'operator', who: 'trial', timeoutMs: 60_000 });
  return {
    client,
    async [Symbol.asyncDispose]() {
      client.close();
      for (const { connection } of fleet) connection.destroy('done');
      await cluster[Symbol.asyncDispose]();
    },
  };
}

async function sizeOf(client: Client): Promise<Size> {
  const { rssBytes, journalBytes }: Status = await client.request('status', {});
  return { residentBytes: rssBytes, journalBytes };
}

async function submit(client: Client, tasks: number): Promise<number> {
  const spec = jobSpec({
    work: { kind: 'task', argv: [], shell: false, task: 'noop', input: null },
    span: { count: tasks, first: 0, step: 1 },
  });
  return (await client.request('submit', { spec, upload: null })).job;
}

/** Returns the sizes after each round: a job is submitted, ends, and is forgotten within a second. */
export async function comeAndGo(rounds: number, tasksEach: number): Promise<Size[]> {
  await using started = await startWith('500ms');
  const { client } = started;
  const sizes: Size[] = [];
  for (let round = 0; round < rounds; round++) {
    const job = await submit(client, tasksEach);
    await client.stream('wait', { jobs: [job] }, () => {});
    await until(async () => (await client.request('jobs', { from: 1, count: 10 })).length === 0);
    sizes.push(await sizeOf(client));
  }
  return sizes;
}

/** Returns the sizes without a job, with a job of so many queued tasks, and when they have ended. */
export async function oneJob(tasks: number): Promise<{ idle: Size; queued: Size; ended: Size }> {
  await using started = await startWith('1h');
  const { client } = started;
  await client.stream('wait', { jobs: [await submit(client, 50_000)] }, () => {}); // warm
  const idle = await sizeOf(client);
  await client.request('pause-queue', { paused: true, reason: 'trial' });
  const job = await submit(client, tasks);
  const queued = await sizeOf(client);
  await client.request('pause-queue', { paused: false, reason: '' });
  await client.stream('wait', { jobs: [job] }, () => {});
  return { idle, queued, ended: await sizeOf(client) };
}

/** Prints both. */
export async function showMemory(): Promise<void> {
  const tasks = 1_000_000;
  const { idle, queued, ended } = await oneJob(tasks);
  const grown = (one: Size) => (one.residentBytes - idle.residentBytes) / tasks;
  console.log(
    `a job of ${tasks} tasks: ${grown(queued).toFixed(1)} bytes of memory a task while queued, ${grown(ended).toFixed(0)} when ended; ` +
      `${((ended.journalBytes - idle.journalBytes) / tasks).toFixed(0)} bytes of disk a task`,
  );
  const sizes = await comeAndGo(40, 50_000);
  const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);
  for (const [round, { residentBytes, journalBytes }] of sizes.entries())
    if (round % 5 === 4)
      console.log(
        `after ${(round + 1) * 50_000} tasks in ${round + 1} jobs that were forgotten: ` +
          `${mebibytes(residentBytes)} MiB of memory, ${mebibytes(journalBytes)} MiB of disk`,
      );
  // The disk goes up and down: facts stay until a snapshot stands for them, which is made after a million of them.
  for (const key of ['residentBytes', 'journalBytes'] as const) {
    const most = (some: readonly Size[]) => Math.max(...some.map((size) => size[key]));
    if (most(sizes.slice(20)) > 1.25 * most(sizes.slice(0, 20))) process.exitCode = 1;
  }
}
