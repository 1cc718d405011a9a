/** W2: processes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { processStat } from '../../../source/node/process-stat.ts';
import { bursts } from './driver.ts';
import { burstMeasures, peerSide, usual } from './noop-rows.ts';
import { lacks } from './peers.ts';
import type { Row, Side } from './row.ts';
import { type LbtopOptions, notBuilt, startLbtop, tuning } from './sides-lbtop.ts';
import { gearman } from './sides-peers.ts';

const atOnce = 8;

function ours(name: string, options: LbtopOptions): Side {
  return {
    name,
    ours: true,
    tuned: tuning(options, '; an array of the command `true`, no shell asked for; every task can be killed by itself'),
    missing: notBuilt,
    async start(directory) {
      const { client, pids, stop } = await startLbtop(directory, options);
      const run = bursts({ ask: (line) => client.ask(line.replace('burst', 'true')) }, pids, 500);
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

/** A tool of the shell: `line` starts `true` for each number on its input. */
function tool(name: string, line: string, tuned: string): Side {
  return {
    name,
    ours: false,
    tuned,
    missing: () => lacks([name]),
    async start() {
      const own = () => processStat('self')?.childrenMs ?? 0;
      let tasks = 200;
      return {
        async round(seconds) {
          const before = own();
          const from = performance.now();
          const [code] = await once(spawn('/bin/sh', ['-c', `seq ${tasks} | ${line}`], { stdio: 'ignore' }), 'exit');
          if (code !== 0) throw new Error(`${name} ended with code ${code}`);
          const ms = performance.now() - from;
          const figures = { rate: (tasks / ms) * 1_000, cpu: ((own() - before) * 1_000) / tasks };
          tasks = Math.max(100, Math.round(figures.rate * seconds));
          return figures;
        },
        async stop() {},
      };
    },
  };
}

export const w2: Row = {
  id: 'w2',
  title: 'Processes',
  work: `The program \`true\`, ${atOnce} at once, each its own process; from submission to the last exit known. On one machine lbtop is one node; the second side are four.`,
  measures: burstMeasures,
  sides: [
    ours('lbtop', { ...usual, nodes: 1, slots: atOnce }),
    ours('lbtop, 4 nodes', { ...usual, slots: atOnce / 4 }),
    tool('xargs', `xargs -P${atOnce} -n1 true`, `-P${atOnce} -n1: the floor without queue, network and results`),
    tool('parallel', `parallel -j${atOnce} true`, `-j${atOnce}`),
    peerSide(
      'gearman, worker in C',
      `as in W1 with ${atOnce} workers, which posix_spawn and wait; nobody can kill one job`,
      () => lacks(['gearmand', 'cc']),
      () => gearman({ workers: atOnce, job: 'true' }),
    ),
    peerSide(
      'gearman, its own worker',
      `${atOnce} times \`gearman -w -f true true\``,
      () => lacks(['gearmand', 'gearman', 'cc']),
      () => gearman({ workers: atOnce, job: 'true', own: true }),
    ),
  ],
  goals: [
    { text: 'at least 1.5 times xargs', side: 'lbtop', measure: 'rate', over: 'xargs', least: 1.5 },
    { text: 'ahead of the worker in C', side: 'lbtop', measure: 'rate', over: 'gearman, worker in C', least: 1 },
  ],
  headlines: [
    ['lbtop', 'rate'],
    ['lbtop', 'cpu'],
  ],
};
