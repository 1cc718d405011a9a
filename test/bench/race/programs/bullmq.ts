/**
 * Client and worker of BullMQ, which is taken from where LBTOP_BENCH_MODULES says.
 *   bullmq.ts client PORT                commands on stdin: `burst COUNT`, `single COUNT`, `fill COUNT`
 *   bullmq.ts worker PORT CONCURRENCY
 */
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, each, timed } from './answer.ts';

const { Queue, QueueEvents, Worker } = createRequire(process.env.LBTOP_BENCH_MODULES ?? '')('bullmq');
const [mode = '', port = '', concurrency = '1'] = process.argv.slice(2);
const connection = { host: '127.0.0.1', port: Number(port), maxRetriesPerRequest: null };
const atOnce = 1_000;
const options = { removeOnComplete: true, removeOnFail: true };

if (mode === 'worker') {
  const worker = new Worker('tasks', async () => null, { connection, concurrency: Number(concurrency) });
  worker.on('error', () => process.exit(0)); // the server has ended
} else {
  const queue = new Queue('tasks', { connection });
  const kept = new Queue('kept', { connection });
  const events = new QueueEvents('tasks', { connection });
  for (const one of [queue, kept, events]) one.on('error', () => {});
  await events.waitUntilReady();

  const add = async (to: typeof queue, count: number, data: (i: number) => object): Promise<void> => {
    for (let sent = 0; sent < count; sent += atOnce)
      await to.addBulk(
        Array.from({ length: Math.min(atOnce, count - sent) }, (_, i) => ({
          name: 'noop',
          data: data(sent + i),
          opts: options,
        })),
      );
  };
  await answer({
    // What has been completed is removed: that nothing waits or is active is what can be known of it.
    burst: timed(async (count) => {
      await add(queue, count, (i) => ({ i }));
      for (;;) {
        const { waiting, active } = await queue.getJobCounts('waiting', 'active');
        if (waiting + active === 0) return;
        await sleep(5);
      }
    }),
    single: each(async () => {
      // Who asks for the end of a job that is removed gets an error.
      const job = await queue.add('noop', {}, { removeOnComplete: 100 });
      await job.waitUntilFinished(events);
    }),
    fill: timed((count) => add(kept, count, (i) => ({ input: 1_000_000 + i, path: '/data/in' }))),
    left: async () => ({ left: (await kept.getJobCounts('waiting')).waiting }),
    memory: async () => {
      const told: string = await (await queue.client).info('memory');
      return { bytes: Number(/used_memory:(\d+)/.exec(told)?.[1]) };
    },
  });
  process.exit(0);
}
