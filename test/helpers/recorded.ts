/** A session of a real fleet, recorded: work that succeeds and fails, an operator, a node killed, the coordinator too. */
import { join } from 'node:path';
import type { JobRow, NodeRow } from '../../source/model/report.ts';
import { type Cluster, startCluster, until } from './lbtop.ts';

/** Secrets of that session, each of which a redacted export is to be without. */
export const secrets = ['payroll', 'hunter2', 'quarter-end', 'kernel-update'];

export interface RecordedFleet extends AsyncDisposable {
  readonly cluster: Cluster;
  readonly file: string;
}

/** Starts two nodes and a coordinator that records, and has them work. It goes on recording. */
export async function recordedFleet(): Promise<RecordedFleet> {
  const cluster = await startCluster(
    ['a', 'b'],
    (directory) => ['--cpu-limit', '100', '--record', join(directory, 'session.lbtrace')],
    { durable: true },
  );
  const { lbtop, json } = cluster;
  await lbtop([
    'submit',
    '--name',
    'payroll',
    '--array',
    '1-12',
    '--env',
    'TOKEN=hunter2',
    '--',
    'sh',
    '-c',
    'sleep 0.2',
  ]);
  await lbtop(['pause', 'b', '--reason', 'kernel-update']);
  await lbtop(['submit', '--name', 'quarter-end', '--array', '0-2', '--', 'sh', '-c', 'exit {#}']);
  await lbtop(['wait', '1', '2']);
  await lbtop(['resume', 'b']);
  const { job } = await json<{ job: number }>(['submit', '--array', '0-3', '--task', 'sleep', '--input', '3']);
  await until(async () => (await json<JobRow[]>(['jobs'])).find((row) => row.job === job)?.running === 4);
  cluster.fleet.killNode('b');
  await until(async () => (await json<NodeRow[]>(['nodes'])).find(({ name }) => name === 'b')?.health === 'lost');
  await lbtop(['wait', String(job)]);
  return {
    cluster,
    file: join(cluster.directory, 'session.lbtrace'),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}
