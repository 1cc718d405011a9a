import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { JobRow, NodeRow, ResultRow, Status } from '../../source/model/report.ts';
import { type Cluster, finished, startCluster, until } from '../helpers/lbtop.ts';

const durable = (nodes: readonly string[]) => startCluster(nodes, undefined, { durable: true });

const resultsOf = async (cluster: Cluster, job: number) =>
  (await cluster.lbtop(['results', String(job)])).stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ResultRow);

const rowOf = async (cluster: Cluster, job: number) =>
  (await cluster.json<JobRow[]>(['jobs'])).find((row) => row.job === job) as JobRow;

/** Writes its line into the ledger and says something, waits as long as it is told, says something again. */
const script = 'echo "$1 $LBTOP_ATTEMPT $$" >> "$2"; echo "begin $1"; sleep "$3"; echo "end $1"; echo "to $1" >&2';

test('a coordinator killed in the middle of work goes on: nothing is lost, nothing runs twice', async () => {
  await using cluster = await durable(['a', 'b']);
  const ledger = join(cluster.directory, 'ledger');
  writeFileSync(ledger, '');
  const list = join(cluster.directory, 'list');
  const names = Array.from({ length: 60 }, (_, i) => `item-${i}`);
  writeFileSync(list, `${names.join('\n')}\n`);
  const first = await cluster.json<{ job: number }>([
    ...['submit', '--array', '0-3', '--', 'sh', '-c', script, 'sh', 'first-{#}', ledger, '0'],
  ]);
  expect((await cluster.lbtop(['wait', String(first.job)])).code).toBe(0);
  const noted = await cluster.json<{ job: number }>(['submit', '--array', '0-1', '--task', 'noop', '--input', '7']);
  expect((await cluster.lbtop(['wait', String(noted.job)])).code).toBe(0);
  const before = [await resultsOf(cluster, first.job), await resultsOf(cluster, noted.job)];

  const { job } = await cluster.json<{ job: number }>([
    ...['submit', '--each-line', list, '--', 'sh', '-c', script, 'sh', '{}', ledger, '0.3'],
  ]);
  for (let kill = 0; kill < 3; kill++) {
    const ended = kill * 12 + 6;
    await until(async () => {
      const { succeeded, running } = await rowOf(cluster, job);
      return succeeded >= ended && running > 0;
    });
    await cluster.fleet.killCoordinator();
    await cluster.fleet.restartCoordinator();
    await until(async () => (await cluster.json<NodeRow[]>(['nodes'])).every(({ health }) => health === 'up'));
  }
  expect((await cluster.lbtop(['wait', String(job)])).code).toBe(0);

  const lines = readFileSync(ledger, 'utf8').trimEnd().split('\n');
  const ran = lines.map((line) => line.split(' ')).filter(([name]) => name?.startsWith('item-'));
  expect(ran.map(([name]) => name).sort()).toEqual([...names].sort());
  // What was placed and had not left yet when the coordinator was killed is placed again, with another number.
  const attempts = new Map(ran.map(([name, attempt]) => [name, Number(attempt)]));
  const rows = await resultsOf(cluster, job);
  expect(rows.map(({ state, stdout, stderr, attempt }) => ({ state, stdout, stderr, attempt }))).toEqual(
    names.map((name) => ({
      state: 'succeeded',
      stdout: `begin ${name}\nend ${name}\n`,
      stderr: `to ${name}\n`,
      attempt: attempts.get(name),
    })),
  );
  const logs = await cluster.lbtop(['logs', String(job)]);
  expect(logs.stdout).toBe(names.map((name) => `begin ${name}\nend ${name}\n`).join(''));

  expect([await resultsOf(cluster, first.job), await resultsOf(cluster, noted.job)]).toEqual(before);
  const next = await cluster.json<{ job: number }>(['submit', '--', 'true']);
  expect(next.job).toBe(job + 1);
  expect((await cluster.lbtop(['wait', String(next.job)])).code).toBe(0);
  const status = await cluster.json<Status>(['status']);
  expect(status.tasks).toMatchObject({ queued: 0, running: 0, succeeded: 67, failed: 0, lost: 0 });
});

test('what an operator said stands, failed tasks can be run again with their items, what is purged stays away', async () => {
  await using cluster = await durable(['a', 'b']);
  const list = join(cluster.directory, 'list');
  const flag = join(cluster.directory, 'flag');
  writeFileSync(list, 'one\ntwo\n');
  const { job } = await cluster.json<{ job: number }>([
    ...['submit', '--each-line', list, '--retries', '0', '--', 'sh', '-c', `echo "$1"; test -e ${flag}`, 'sh', '{}'],
  ]);
  expect((await cluster.lbtop(['wait', String(job)])).code).toBe(1);
  const gone = await cluster.json<{ job: number }>(['submit', '--', 'echo', 'gone']);
  expect((await cluster.lbtop(['wait', String(gone.job)])).code).toBe(0);
  expect((await cluster.lbtop(['purge', String(gone.job)])).code).toBe(0);
  await cluster.json(['pause', 'a', '--reason', 'kernel update']);
  // Once from the facts, once from the snapshot of a clean end.
  await cluster.fleet.killCoordinator();
  await cluster.fleet.restartCoordinator();
  await cluster.fleet.endCoordinator();
  await cluster.fleet.restartCoordinator();
  const node = async (name: string) => (await cluster.json<NodeRow[]>(['nodes'])).find((row) => row.name === name);
  await until(async () => (await node('a'))?.health === 'up' && (await node('b'))?.health === 'up');
  expect(await node('a')).toMatchObject({ intent: 'paused', reason: 'kernel update' });
  expect((await cluster.lbtop(['results', String(gone.job)])).code).toBe(2);
  writeFileSync(flag, '');
  expect((await cluster.lbtop(['retry', String(job)])).code).toBe(0);
  expect((await cluster.lbtop(['wait', String(job)])).code).toBe(0);
  expect(await resultsOf(cluster, job)).toMatchObject([
    { stdout: 'one\n', node: 'b', attempt: 2 },
    { stdout: 'two\n', node: 'b', attempt: 2 },
  ]);
});

test('a second coordinator on the same data refuses in one line', async () => {
  await using cluster = await durable([]);
  const data = join(cluster.directory, 'data');
  const second = await finished(cluster.start(['--coordinator', '--headless', '--port', '0', '--data', data]));
  expect(second).toMatchObject({ code: 2, stdout: '' });
  expect(second.stderr).toMatch(/^lbtop: .*in use by .*--data\n$/);
  expect((await cluster.lbtop(['status'])).code).toBe(0);
});
