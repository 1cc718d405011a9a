/** How cost grows with the length of a job. (How it grows with the nodes is part of W7.) */
import { join } from 'node:path';
import { descendants } from '../../../source/node/process-stat.ts';
import { startFleet } from '../../../source/simulation/fleet.ts';
import { program } from '../../helpers/lbtop.ts';
import { treeCpuMs } from './cpu.ts';
import { startDriver } from './driver.ts';
import { programs } from './peers.ts';
import type { Row, Side } from './row.ts';
import { notBuilt } from './sides-lbtop.ts';

export const taskCounts = [10_000, 100_000, 1_000_000];

function ours(count: number): Side {
  return {
    name: `lbtop, ${count.toLocaleString('en-US')} tasks`,
    ours: true,
    tuned: 'TLS 1.3, state on disk, 4 nodes of 64 slots that answer at once, in one process',
    missing: notBuilt,
    async start(directory) {
      const before = new Set(descendants(process.pid));
      const fleet = await startFleet({
        ...{ program: program(), directory, data: join(directory, 'data'), arguments: ['--cpu-limit', '100'] },
      });
      const pid = descendants(process.pid).find((one) => !before.has(one)) as number;
      const node = process.execPath;
      const script = (name: string) => join(programs, name);
      const crowd = await startDriver([node, script('crowd.ts'), String(fleet.port), fleet.secretFile, '4', 'n', '64']);
      const client = await startDriver([node, script('lbtop.ts'), `${fleet.host}:${fleet.port}`, fleet.secretFile]);
      await client.ask('burst 20000'); // for the compiler
      await client.ask('purge');
      return {
        async round(seconds) {
          const tasks = Math.round(count * Math.min(1, seconds));
          const cpuMs = treeCpuMs([pid]);
          const { ms = Number.NaN } = await client.ask(`burst ${tasks}`);
          const micros = ((treeCpuMs([pid]) - cpuMs) * 1_000) / tasks;
          await client.ask('purge');
          return { task: micros, rate: (tasks / ms) * 1_000 };
        },
        async stop() {
          await client.stop();
          await crowd.stop();
          await fleet.stop();
        },
      };
    },
  };
}

export const growth: Row = {
  id: 'growth',
  title: 'From ten thousand to a million tasks',
  work: 'No-op tasks with an input of their own each, in one submission, every row of result taken.',
  measures: [
    { name: 'task', unit: "µs of the coordinator's CPU a task", better: 'less' },
    { name: 'rate', unit: 'tasks/s', better: 'more' },
  ],
  fresh: true,
  rounds: 1,
  sides: taskCounts.map(ours),
  goals: [],
  headlines: [],
};
