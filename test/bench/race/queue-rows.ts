/** W4: a million queued tasks. W8: the server killed with them and started again. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { processMemory } from '../../../source/node/process-stat.ts';
import type { Driver } from './driver.ts';
import { beanstalkdNeeds, durable, graphileNeeds, killedSide } from './durable-rows.ts';
import { bullmqNeeds, usual } from './noop-rows.ts';
import type { Row, Side } from './row.ts';
import { notBuilt, startLbtop } from './sides-lbtop.ts';
import { beanstalkd, bullmq, graphile } from './sides-peers.ts';

const million = 1_000_000;
/** A short run queues less. */
const share = (of: number) => (seconds: number) => Math.round(of * Math.min(1, seconds));
/** Where a million takes longer than a comparison may. */
const fewer = 100_000;
const shownFewer = fewer.toLocaleString('en-US');

interface Filled {
  client: Driver;
  /** Whose memory holds the queue. */
  pid: number;
  stop(): Promise<void>;
}

function filled(
  name: string,
  ours: boolean,
  tuned: string,
  missing: () => string | null,
  start: (directory: string) => Promise<Filled>,
  { count = million, command = 'fill' } = {},
): Side {
  return {
    ...{ name, ours, tuned, missing },
    async start(directory) {
      mkdirSync(directory, { recursive: true });
      let round = 0;
      return {
        async round(seconds) {
          const side = await start(join(directory, String(++round)));
          const tasks = share(count)(seconds);
          const resident = () => processMemory(side.pid)?.residentBytes ?? Number.NaN;
          try {
            const before = resident();
            const { ms = Number.NaN } = await side.client.ask(`${command} ${tasks}`);
            return { rate: (tasks / ms) * 1_000, memory: (resident() - before) / tasks };
          } finally {
            await side.stop();
          }
        },
        async stop() {},
      };
    },
  };
}

async function oursOf(directory: string, options: typeof usual): Promise<Filled> {
  const { client, coordinatorPid, stop } = await startLbtop(directory, { ...options, nodes: 0 });
  return { client, pid: coordinatorPid, stop };
}

export const w4: Row = {
  id: 'w4',
  title: 'A million queued tasks',
  work: `How fast tasks are queued by a client's library and what the server's resident memory grows by for each, its garbage included; nobody takes them. Each has an input of its own (\`{"input":1000000,"path":"/data/in"}\`); an array is one submission of a million numbers.`,
  measures: [
    { name: 'rate', unit: 'tasks/s queued', better: 'more' },
    { name: 'memory', unit: 'bytes a queued task', better: 'less' },
  ],
  fresh: true,
  rounds: 2,
  sides: [
    filled('lbtop', true, 'TLS 1.3, in memory', notBuilt, (directory) => oursOf(directory, usual)),
    filled('lbtop, on disk', true, 'TLS 1.3, fsync before it is acknowledged', notBuilt, (directory) =>
      oursOf(directory, durable),
    ),
    filled('lbtop, array', true, 'TLS 1.3, in memory', notBuilt, (directory) => oursOf(directory, usual), {
      command: 'fill-array',
    }),
    filled('beanstalkd', false, 'in memory, 1,000 puts outstanding, one write a turn', beanstalkdNeeds, async () => {
      const { client, server, stop } = await beanstalkd({ workers: 0 });
      return { client, pid: server.pid, stop };
    }),
    filled(
      ...(['BullMQ', false, `redis in memory, addBulk of 1,000; ${shownFewer} jobs`, bullmqNeeds] as const),
      async () => {
        const { client, server, stop } = await bullmq({ workers: 0 });
        return { client, pid: server.pid, stop };
      },
      { count: fewer },
    ),
  ],
  goals: [
    { text: 'distinct tasks under 200 bytes', side: 'lbtop', measure: 'memory', most: 200 },
    { text: 'queued faster than beanstalkd', side: 'lbtop', measure: 'rate', over: 'beanstalkd', least: 1 },
    { text: 'an array under a byte a task', side: 'lbtop, array', measure: 'memory', most: 1 },
  ],
  headlines: [
    ['lbtop', 'rate'],
    ['lbtop', 'memory'],
    ['lbtop, array', 'memory'],
  ],
};

export const w8: Row = {
  id: 'w8',
  title: 'Recovery after kill -9 with a million tasks queued',
  work: `Each task with an input of its own as in W4, all acknowledged; kill -9 of the server; from the start of the next one to its first answer, which tells how many it has. Those that take long to fill have fewer, and are compared with lbtop that has as few.`,
  measures: [
    { name: 'recovery', unit: 's', better: 'less' },
    { name: 'lost', unit: 'acknowledged tasks', better: 'less' },
  ],
  fresh: true,
  rounds: 2,
  sides: [
    {
      ...killedSide(
        ...(['lbtop', true, 'as it comes; a million tasks', notBuilt] as const),
        (directory) => startLbtop(directory, { ...durable, nodes: 0 }),
        share(million),
      ),
      peers: ['beanstalkd'],
    },
    {
      ...killedSide(
        ...([`lbtop, ${shownFewer}`, true, `as it comes; ${shownFewer} tasks`, notBuilt] as const),
        (directory) => startLbtop(directory, { ...durable, nodes: 0 }),
        share(fewer),
      ),
      peers: ['graphile-worker', 'BullMQ'],
    },
    killedSide(
      ...([
        'beanstalkd',
        false,
        '`-b -f50`: its log synced every 50 ms, which a killed process does not miss; a million jobs',
        beanstalkdNeeds,
      ] as const),
      (directory) => beanstalkd({ directory, workers: 0, syncMs: 50 }),
      share(million),
    ),
    killedSide(
      ...(['graphile-worker', false, `PostgreSQL with fsync; ${shownFewer} jobs`, graphileNeeds] as const),
      (directory) => graphile(directory, 0),
      share(fewer),
    ),
    killedSide(
      ...(['BullMQ', false, `\`appendfsync always\`; ${shownFewer} jobs`, bullmqNeeds] as const),
      (directory) => bullmq({ directory, workers: 0 }),
      share(fewer),
    ),
  ],
  goals: [
    { text: 'under 2 s', side: 'lbtop', measure: 'recovery', most: 2 },
    { text: 'nothing lost', side: 'lbtop', measure: 'lost', most: 0 },
  ],
  headlines: [['lbtop', 'recovery']],
};
