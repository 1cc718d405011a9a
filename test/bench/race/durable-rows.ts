/** W5: the work of W1 and W3 with everything on disk before it is acknowledged, and what kill -9 loses. */
import { join } from 'node:path';
import { treeCpuMs } from './cpu.ts';
import { bursts, type Driver, oneByOne } from './driver.ts';
import { bullmqNeeds, burstMeasures, singleMeasures, usual } from './noop-rows.ts';
import { lacks } from './peers.ts';
import type { Entrant, Row, Side } from './row.ts';
import { type LbtopOptions, notBuilt, startLbtop, tuning } from './sides-lbtop.ts';
import { beanstalkd, bullmq, gearman, graphile, type Peer, type Recovery } from './sides-peers.ts';

export const durable: LbtopOptions = { ...usual, durable: true };
export const graphileNeeds = () => lacks(['postgres', 'initdb'], 'graphile-worker');
export const beanstalkdNeeds = () => lacks(['beanstalkd']);

/** Half of a round in bursts, half of it one at a time. */
function both(client: Driver, pids: () => readonly number[]) {
  const [many, one] = [bursts(client, pids), oneByOne(client, 1_000)];
  return async (seconds: number) => ({ ...(await many(seconds)), ...(await one(seconds / 2)) });
}

function ours(name: string, options: LbtopOptions, isOurs = true): Side {
  return {
    name,
    ours: isOurs,
    floor: !isOurs,
    tuned: tuning(options, '; tasks with an input of their own each, every row of result taken'),
    missing: notBuilt,
    async start(directory): Promise<Entrant> {
      const { client, coordinatorPid, pids, stop } = await startLbtop(directory, options);
      let coordinatorMicros = 0;
      const run = both(
        {
          ...client,
          async ask(line) {
            const before = treeCpuMs([coordinatorPid]);
            const answer = await client.ask(line);
            const [command, count = '1'] = line.split(' ');
            if (command === 'burst')
              coordinatorMicros = ((treeCpuMs([coordinatorPid]) - before) * 1_000) / Number(count);
            return answer;
          },
        },
        pids,
      );
      return {
        async round(seconds) {
          const figures = await run(seconds);
          await client.ask('purge');
          return { ...figures, coordinator: coordinatorMicros };
        },
        stop,
      };
    },
  };
}

function theirs(
  name: string,
  tuned: string,
  missing: () => string | null,
  start: (directory: string) => Promise<Peer>,
): Side {
  return {
    ...{ name, ours: false, tuned, missing },
    async start(directory) {
      const peer = await start(directory);
      return { round: both(peer.client, peer.pids), stop: peer.stop };
    },
  };
}

const inMemory = 'lbtop in memory';

export const w5: Row = {
  id: 'w5',
  title: 'The same with everything on disk before it is acknowledged',
  work: 'The bursts of W1, then one task at a time as in W3. The last side is lbtop without a journal: what the journal costs the coordinator.',
  measures: [
    ...burstMeasures,
    ...singleMeasures,
    { name: 'coordinator', unit: "µs of the coordinator's CPU a task in bursts", better: 'less' },
  ],
  sides: [
    ours('lbtop', durable),
    ours('lbtop, no TLS', { ...durable, tls: false }),
    theirs(
      'graphile-worker',
      'PostgreSQL with fsync, 512 MB of shared buffers, addJobs of 1,000, 2 worker processes with 24 jobs at once, a local queue of 500 and batched completion; one at a time: a third worker with its defaults, which notifies the client',
      graphileNeeds,
      (directory) => graphile(directory),
    ),
    theirs('beanstalkd', 'as in W1 with `-b -f0`: its log synced at every write', beanstalkdNeeds, (directory) =>
      beanstalkd({ directory }),
    ),
    theirs('BullMQ', 'as in W1 with `appendfsync always`', bullmqNeeds, (directory) => bullmq({ directory })),
    ours(inMemory, usual, false),
  ],
  goals: [
    { text: 'at least 1.5 times graphile-worker', side: 'lbtop', measure: 'rate', over: 'graphile-worker', least: 1.5 },
    { text: 'ahead of beanstalkd', side: 'lbtop', measure: 'rate', over: 'beanstalkd', least: 1 },
    { text: 'ahead of BullMQ', side: 'lbtop', measure: 'rate', over: 'BullMQ', least: 1 },
    {
      text: 'without the journal the coordinator takes at least three quarters of its CPU',
      ...{ side: 'lbtop', measure: 'coordinator', over: inMemory, least: 0.75 },
    },
  ],
  headlines: [
    ['lbtop', 'rate'],
    ['lbtop', 'p50'],
  ],
};

const acknowledged = 1_000;

/** A side that is asked to queue jobs and then killed. */
export function killedSide(
  name: string,
  ours: boolean,
  tuned: string,
  missing: () => string | null,
  start: (directory: string) => Promise<{ client: Driver; killed(): Promise<Recovery>; stop(): Promise<void> }>,
  count: (seconds: number) => number,
): Side {
  return {
    ...{ name, ours, tuned, missing },
    async start(directory) {
      let round = 0;
      return {
        async round(seconds) {
          const side = await start(join(directory, String(++round)));
          const jobs = count(seconds);
          try {
            await side.client.ask(`fill ${jobs}`);
            const { left, ms } = await side.killed();
            return { lost: jobs - left, recovery: ms / 1_000 };
          } finally {
            await side.stop();
          }
        },
        async stop() {},
      };
    },
  };
}

const thousand = () => acknowledged;
const noNodes = (options: LbtopOptions): LbtopOptions => ({ ...options, nodes: 0 });

export const w5Lost: Row = {
  id: 'w5-lost',
  title: 'Lost at kill -9',
  work: `${acknowledged} jobs are queued and acknowledged, the server is killed at once (kill -9) and started again; how many are gone.`,
  measures: [{ name: 'lost', unit: `of ${acknowledged} acknowledged jobs`, better: 'less' }],
  fresh: true,
  rounds: 1,
  sides: [
    killedSide(
      'lbtop',
      true,
      'as it comes',
      notBuilt,
      (directory) => startLbtop(directory, noNodes(durable)),
      thousand,
    ),
    killedSide('graphile-worker', false, 'as it comes', graphileNeeds, (directory) => graphile(directory, 0), thousand),
    killedSide('beanstalkd', false, 'as it comes', beanstalkdNeeds, () => beanstalkd({ workers: 0 }), thousand),
    killedSide(
      ...(['beanstalkd, -f0', false, 'its log synced at every write', beanstalkdNeeds] as const),
      (directory) => beanstalkd({ directory, workers: 0 }),
      thousand,
    ),
    killedSide(
      ...(['BullMQ', false, 'redis as it comes', bullmqNeeds] as const),
      (directory) => bullmq({ usual: directory, workers: 0 }),
      thousand,
    ),
    killedSide(
      ...(['BullMQ, appendfsync always', false, 'appends synced before each answer', bullmqNeeds] as const),
      (directory) => bullmq({ directory, workers: 0 }),
      thousand,
    ),
    killedSide(
      'gearman',
      false,
      'as it comes',
      () => lacks(['gearmand', 'cc']),
      () => gearman({ workers: 0 }),
      thousand,
    ),
  ],
  goals: [{ text: 'nothing lost by default', side: 'lbtop', measure: 'lost', most: 0 }],
  headlines: [['lbtop', 'lost']],
};
