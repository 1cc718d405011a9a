/**
 * Client and worker of graphile-worker, which is taken from where LBTOP_BENCH_MODULES says.
 *   graphile.ts client URL             commands on stdin: `burst COUNT`, `single COUNT`, `fill COUNT`
 *   graphile.ts worker URL tuned|plain
 * A tuned worker takes 500 jobs by one statement and completes many by one; a plain one, with the defaults, serves the jobs
 * that come one at a time and wait for an answer, which batches would delay.
 */
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { answer, each, timed } from './answer.ts';

const load = createRequire(process.env.LBTOP_BENCH_MODULES ?? '');
const { run, makeWorkerUtils, Logger } = load('graphile-worker');
const { Client } = load('pg');
const [mode = '', url = '', kind = ''] = process.argv.slice(2);
const logger = new Logger(() => () => {});
const atOnce = 1_000;

if (mode === 'worker') {
  const tuned = { concurrentJobs: 24, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 };
  const worker = { connectionString: url, maxPoolSize: 10, pollInterval: 1_000, ...(kind === 'tuned' ? tuned : {}) };
  const answering = async (_: unknown, helpers: { query(text: string): Promise<unknown> }): Promise<void> => {
    await helpers.query('notify answers');
  };
  const runner = await run({
    preset: { worker },
    logger,
    noHandleSignals: true,
    taskList: kind === 'tuned' ? { noop: async () => {} } : { answer: answering },
  });
  process.on('SIGTERM', () => process.exit(0));
  await runner.promise.catch(() => {});
  process.exit(0);
} else {
  const utils = await makeWorkerUtils({ connectionString: url, logger });
  await utils.migrate();
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  await client.query('listen answers');
  let heard = (): void => {};
  client.on('notification', () => heard());
  const add = async (task: string, count: number): Promise<void> => {
    for (let sent = 0; sent < count; sent += atOnce)
      await utils.addJobs(
        Array.from({ length: Math.min(atOnce, count - sent) }, (_, i) => ({
          identifier: task,
          payload: { input: 1_000_000 + sent + i, path: '/data/in' },
        })),
      );
  };
  await answer({
    // Jobs that are done are removed: that there is none is what can be known of them.
    burst: timed(async (count) => {
      await add('noop', count);
      for (;;) {
        const { rows } = await client.query(
          "select 1 from graphile_worker.jobs where task_identifier = 'noop' limit 1",
        );
        if (rows.length === 0) return;
        await sleep(5);
      }
    }),
    single: each(async () => {
      const answered = new Promise<void>((resolve) => {
        heard = resolve;
      });
      await utils.addJob('answer', {});
      await answered;
    }),
    fill: timed((count) => add('kept', count)),
    left: async () => {
      const { rows } = await client.query("select count(*) from graphile_worker.jobs where task_identifier = 'kept'");
      return { left: Number(rows[0].count) };
    },
  });
  process.exit(0);
}
