/** An older copy of the data directory is put in the place of the newest. */
import { cpSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JobRow, NodeRow } from '../../source/model/report.ts';
import { type Cluster, finished, startCluster, until } from '../helpers/lbtop.ts';

const started = (log?: (line: string) => void) =>
  startCluster(['a'], undefined, { durable: true, ...(log === undefined ? {} : { log }) });

const receiptOf = (cluster: Cluster): string => {
  try {
    return readFileSync(join(cluster.directory, 'state', 'lbtop', 'node-a', 'receipt'), 'utf8');
  } catch {
    return '';
  }
};

/** Ends the coordinator, and puts `copy` where its data were; those are kept as `newest`. */
async function putBack(cluster: Cluster, copy: string): Promise<void> {
  await cluster.fleet.endCoordinator();
  renameSync(join(cluster.directory, 'data'), join(cluster.directory, 'newest'));
  cpSync(join(cluster.directory, copy), join(cluster.directory, 'data'), { recursive: true });
}

const coordinator = (cluster: Cluster, ...more: string[]) =>
  finished(
    cluster.start([
      ...['--coordinator', '--headless', '--port', String(cluster.fleet.port), '--cpu-limit', '100'],
      ...['--data', join(cluster.directory, 'data'), ...more],
    ]),
  );

const run = async (cluster: Cluster, ...command: string[]): Promise<void> =>
  void expect(await cluster.lbtop(['run', '--', ...command])).toMatchObject({ code: 0 });

const refusal =
  /^lbtop: node a \(127\.0\.0\.1:\d+\) shows that these data are an older copy: put the newest in their place, or start with --force-older-data\n$/;

test('a node that knows more shows it: the coordinator ends in one line, and goes on with the newest', async () => {
  await using cluster = await started();
  const ledger = join(cluster.directory, 'ledger');
  const gate = join(cluster.directory, 'gate');
  await run(cluster, 'sh', '-c', `echo first >> ${ledger}`);
  await cluster.fleet.endCoordinator();
  cpSync(join(cluster.directory, 'data'), join(cluster.directory, 'older'), { recursive: true });
  await cluster.fleet.restartCoordinator();
  await run(cluster, 'sh', '-c', `echo second >> ${ledger}`);
  const long = await cluster.json<{ job: number }>([
    ...['submit', '--', 'sh', '-c', `echo long >> ${ledger}; until test -e ${gate}; do sleep 0.1; done`],
  ]);
  await until(async () => (await cluster.json<JobRow[]>(['jobs'])).some((row) => row.running === 1));
  await putBack(cluster, 'older');

  // What the newest had: a task that runs on meanwhile.
  expect(await coordinator(cluster)).toMatchObject({ code: 4, stderr: expect.stringMatching(refusal) });
  rmSync(join(cluster.directory, 'data'), { recursive: true });
  renameSync(join(cluster.directory, 'newest'), join(cluster.directory, 'data'));
  await cluster.fleet.restartCoordinator();
  await until(async () => (await cluster.json<NodeRow[]>(['nodes'])).every(({ health }) => health === 'up'));
  writeFileSync(gate, '');
  expect((await cluster.lbtop(['wait', String(long.job)])).code).toBe(0);
  expect(readFileSync(ledger, 'utf8')).toBe('first\nsecond\nlong\n');
});

test('the node may be a new process; forced, the coordinator goes on with the copy, and is believed from then on', async () => {
  const lines: string[] = [];
  await using cluster = await started((line) => lines.push(line));
  await run(cluster, 'true');
  // As a backup does that takes a directory in use: the term is the same.
  cpSync(join(cluster.directory, 'data'), join(cluster.directory, 'older'), { recursive: true });
  const before = receiptOf(cluster);
  await run(cluster, 'true');
  cluster.fleet.killNode('a');
  cluster.fleet.startNode('a', ['--slots', '2']);
  await until(() => lines.filter((line) => line.includes('node a joined')).length === 2);
  await until(() => receiptOf(cluster) !== before && receiptOf(cluster) !== '');
  await putBack(cluster, 'older');
  expect(await coordinator(cluster)).toMatchObject({ code: 4, stderr: expect.stringMatching(refusal) });

  const forced = cluster.start([
    ...['--coordinator', '--headless', '--port', String(cluster.fleet.port), '--cpu-limit', '100'],
    ...['--data', join(cluster.directory, 'data'), '--force-older-data'],
  ]);
  const ended = finished(forced);
  let said = '';
  forced.stdout?.on('data', (text) => {
    said += text;
  });
  await until(() => said.includes('node a joined'));
  expect(said).toMatch(/even if they are an older copy/);
  forced.kill('SIGTERM');
  expect((await ended).code).toBe(0);
  // As ever: not forced any more.
  await cluster.fleet.restartCoordinator();
  await run(cluster, 'true');
  expect((await cluster.json<JobRow[]>(['jobs'])).length).toBe(2);
});

test('a journal that is older than what was noted beside it is refused before anybody comes', async () => {
  await using cluster = await startCluster([], undefined, { durable: true });
  const data = join(cluster.directory, 'data');
  await cluster.fleet.endCoordinator();
  cpSync(data, join(cluster.directory, 'older'), { recursive: true });
  await cluster.fleet.restartCoordinator();
  await putBack(cluster, 'older');
  cpSync(join(cluster.directory, 'newest', 'lineage'), join(data, 'lineage'));
  const refused = await coordinator(cluster);
  expect(refused).toMatchObject({ code: 4, stdout: '' });
  expect(refused.stderr).toMatch(/^lbtop: the journal in .* shows that these data are an older copy: .*\n$/);
});
