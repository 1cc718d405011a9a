/** W1: no-op tasks end to end. W3: one at a time. Their sides are the same. */
import { bursts, oneByOne } from './driver.ts';
import { lacks } from './peers.ts';
import type { Entrant, Row, Side } from './row.ts';
import { type LbtopOptions, notBuilt, startLbtop, tuning } from './sides-lbtop.ts';
import { beanstalkd, bullmq, gearman, hops, type Peer } from './sides-peers.ts';

export const usual: LbtopOptions = { tls: true, durable: false, nodes: 4, slots: 8 };

/** A side of ours whose rounds are bursts of the client's command, or one at a time. */
export function ourSide(name: string, options: LbtopOptions, command: 'burst' | 'array' | 'single', how = ''): Side {
  return {
    name,
    ours: true,
    tuned: tuning(options, how),
    missing: notBuilt,
    async start(directory) {
      const { client, pids, stop } = await startLbtop(directory, options);
      const ask = (line: string) => client.ask(line.replace('burst', command));
      const run = command === 'single' ? oneByOne(client) : bursts({ ask }, pids);
      return {
        async round(seconds) {
          const figures = await run(seconds);
          await client.ask('purge');
          return figures;
        },
        stop,
      };
    },
  };
}

/** A side of others. */
export function peerSide(
  name: string,
  tuned: string,
  missing: () => string | null,
  start: (directory: string) => Promise<Peer>,
  how: 'bursts' | 'single' = 'bursts',
): Side {
  return {
    name,
    ours: false,
    tuned,
    missing,
    async start(directory): Promise<Entrant> {
      const peer = await start(directory);
      const run = how === 'single' ? oneByOne(peer.client) : bursts(peer.client, peer.pids);
      return { round: run, stop: peer.stop };
    },
  };
}

const gearmanNeeds = () => lacks(['gearmand', 'cc']);
const beanstalkdNeeds = () => lacks(['beanstalkd']);
export const bullmqNeeds = () => lacks(['redis-server'], 'bullmq');
const rate = { name: 'rate', unit: 'tasks/s', better: 'more' } as const;
const cpu = { name: 'cpu', unit: 'µs of CPU a task', better: 'less' } as const;
export const burstMeasures = [rate, cpu] as const;
export const singleMeasures = [
  { name: 'p50', unit: 'ms, p50', better: 'less' },
  { name: 'p99', unit: 'ms, p99', better: 'less' },
] as const;

export const w1: Row = {
  id: 'w1',
  title: 'No-op tasks, end to end',
  work: 'From submission to the last result known; 4 nodes (worker processes) of 8 slots, all processes on this machine. CPU is that of all processes of a side, clients included. Ours returns a row of result for each task; gearman tells its client that each is done; beanstalkd and BullMQ keep nothing of what is done: their clients see the queue empty.',
  measures: burstMeasures,
  sides: [
    ourSide('lbtop', usual, 'burst', '; tasks with an input of their own each, by the library, every row taken'),
    ourSide('lbtop, no TLS', { ...usual, tls: false }, 'burst', '; the same'),
    ourSide('lbtop, array', usual, 'array', '; one submission of so many tasks, waited for; no rows taken'),
    peerSide(
      'gearman',
      'gearmand with one thread (`-t 0`: with 4 it costs more), client and 4 workers in C speaking its protocol with one write a turn, 300 jobs outstanding, a worker asks for a job when it has done the one before, as libgearman does',
      gearmanNeeds,
      () => gearman({}),
    ),
    peerSide(
      'gearman, 8 jobs asked ahead',
      'the same, each worker asks for 8 jobs at once, which libgearman cannot',
      gearmanNeeds,
      () => gearman({ ahead: 8 }),
    ),
    peerSide(
      'beanstalkd',
      'in memory, client and 4 workers in Node speaking its protocol with one write a turn, 1,000 puts outstanding, a worker reserves 8 ahead',
      beanstalkdNeeds,
      () => beanstalkd(),
    ),
    peerSide(
      'BullMQ',
      'redis in memory, no append-only file, addBulk of 1,000, 4 worker processes with concurrency 50, completed jobs removed',
      bullmqNeeds,
      () => bullmq(),
    ),
  ],
  goals: [
    { text: 'ahead of gearman', side: 'lbtop', measure: 'rate', over: 'gearman', least: 1 },
    { text: 'less CPU a task than gearman', side: 'lbtop', measure: 'cpu', over: 'gearman', least: 1 },
    { text: 'ahead of beanstalkd', side: 'lbtop', measure: 'rate', over: 'beanstalkd', least: 1 },
    { text: 'ahead of BullMQ', side: 'lbtop', measure: 'rate', over: 'BullMQ', least: 1 },
  ],
  headlines: [
    ['lbtop', 'rate'],
    ['lbtop', 'cpu'],
  ],
};

export const w3: Row = {
  id: 'w3',
  title: 'One task at a time',
  work: 'From submission to its result in the client, then the next; after a warm-up of 5,000 tasks for every side. The bare hops carry one byte from client to relay to worker and back over TCP between Node processes: what the way alone takes.',
  measures: singleMeasures,
  sides: [
    ourSide('lbtop', usual, 'single', '; `run` of the library'),
    ourSide('lbtop, no TLS', { ...usual, tls: false }, 'single', '; the same'),
    {
      name: 'four bare hops',
      ours: false,
      floor: true,
      tuned: 'three Node processes, TCP without delay',
      missing: () => null,
      async start() {
        const { client, stop } = await hops();
        return { round: oneByOne(client, 20_000), stop };
      },
    },
    peerSide('gearman', 'as in W1', gearmanNeeds, () => gearman({}), 'single'),
    peerSide(
      'beanstalkd',
      'as in W1; the worker puts an answer into a tube that the client reserves from',
      beanstalkdNeeds,
      () => beanstalkd({ ahead: 1 }),
      'single',
    ),
    peerSide('BullMQ', 'as in W1; waitUntilFinished', bullmqNeeds, () => bullmq(), 'single'),
  ],
  goals: [
    {
      text: 'p50 without TLS ahead of beanstalkd',
      side: 'lbtop, no TLS',
      measure: 'p50',
      over: 'beanstalkd',
      least: 1,
    },
    { text: 'p50 with TLS under 0.1 ms', side: 'lbtop', measure: 'p50', most: 0.1 },
    {
      text: 'p99 without TLS within 2 times the bare hops',
      side: 'lbtop, no TLS',
      measure: 'p99',
      over: 'four bare hops',
      least: 0.5,
    },
  ],
  headlines: [
    ['lbtop', 'p50'],
    ['lbtop', 'p99'],
    ['lbtop, no TLS', 'p50'],
  ],
};
