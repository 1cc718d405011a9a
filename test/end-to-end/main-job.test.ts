import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { NodeRow, ResultRow, Status } from '../../source/model/report.ts';
import { startCluster, until } from '../helpers/lbtop.ts';

/** Makes files of different sizes with contents that follow from their number. */
async function realFiles(directory: string, count: number): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  return Array.from({ length: count }, (_, i) => {
    const path = join(directory, `file ${i}.bin`);
    const block = createHash('sha512').update(String(i)).digest();
    writeFileSync(path, Buffer.concat(Array.from({ length: 1 + ((i * 7) % 400) }, () => block)));
    return path;
  });
}

test('a node is killed in the middle: every checksum is right and counted once; the recording agrees', async () => {
  await using cluster = await startCluster(['a', 'b', 'c'], (directory) => [
    '--cpu-limit',
    '100',
    '--record',
    join(directory, 'session.lbtrace'),
  ]);
  const files = await realFiles(join(cluster.directory, 'files'), 300);
  const list = join(cluster.directory, 'list');
  writeFileSync(list, `${files.join('\n')}\n`);
  const { job, tasks } = await cluster.json<{ job: number; tasks: number }>([
    'submit',
    '--each-line',
    list,
    '--',
    // Slow enough that the node that is killed has some under way.
    'sh',
    '-c',
    'sleep 0.05; exec sha256sum "$1"',
    'sh',
    '{}',
  ]);
  expect(tasks).toBe(300);
  await until(async () => {
    const row = (await cluster.json<NodeRow[]>(['nodes'])).find(({ name }) => name === 'b');
    return (row?.succeeded ?? 0) > 5 && (row?.running ?? 0) + (row?.assigned ?? 0) > 0;
  });
  cluster.fleet.killNode('b');
  const waited = await cluster.lbtop(['wait', String(job)]);
  expect(waited.code).toBe(0);

  const { stdout } = await cluster.lbtop(['results', String(job)]);
  const rows = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ResultRow);
  expect(rows.map(({ index }) => index)).toEqual(files.map((_, i) => i));
  rows.forEach(({ state, stdout }, i) => {
    const file = files[i] as string;
    expect(state).toBe('succeeded');
    expect(stdout).toBe(`${createHash('sha256').update(readFileSync(file)).digest('hex')}  ${file}\n`);
  });
  const status = await cluster.json<Status>(['status']);
  expect(status.tasks).toMatchObject({ queued: 0, running: 0, succeeded: 300, failed: 0, lost: 0 });

  const file = join(cluster.directory, 'session.lbtrace');
  await cluster.fleet.stop();
  const replayed = await cluster.lbtop(['--replay', file, '--json']);
  expect(replayed.stderr).toBe('');
  expect(replayed.code).toBe(0);
  expect((JSON.parse(replayed.stdout) as { tasks: unknown }).tasks).toEqual(status.tasks);
});

test('run passes both streams and the exit code through', async () => {
  await using cluster = await startCluster(['a']);
  const ran = await cluster.lbtop(['run', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
  expect(ran).toMatchObject({ code: 7, stdout: 'out\n', stderr: 'err\n' });
  const killed = await cluster.lbtop(['run', '--', 'sh', '-c', 'kill -9 $$']);
  expect(killed.code).toBe(128 + 9);
  const missing = await cluster.lbtop(['run', '--', 'no-such-program']);
  expect(missing.code).toBe(127);
  expect(missing.stderr).toContain('no-such-program');
  const several = await cluster.lbtop(['run', '--array', '1-3', '--', 'sh', '-c', 'echo {#}; test {#} != 2']);
  expect(several).toMatchObject({ code: 1, stdout: '1\n2\n3\n' });
});

test('pause, drain and resume, as an operator sees them', async () => {
  await using cluster = await startCluster(['a', 'b'], () => ['--cpu-limit', '100']);
  const node = async (name: string) =>
    (await cluster.json<NodeRow[]>(['nodes'])).find((row) => row.name === name) as NodeRow;
  await cluster.json(['pause', 'a', '--reason', 'kernel update']);
  expect(await node('a')).toMatchObject({ intent: 'paused', reason: 'kernel update', health: 'up' });
  const { job } = await cluster.json<{ job: number }>([
    'submit',
    '--array',
    '0-5',
    '--task',
    'sleep',
    '--input',
    '0.1',
  ]);
  expect((await cluster.lbtop(['wait', String(job)])).code).toBe(0);
  expect(await node('a')).toMatchObject({ succeeded: 0 });
  expect(await node('b')).toMatchObject({ succeeded: 6 });

  const long = await cluster.json<{ job: number }>(['submit', '--array', '0-1', '--task', 'sleep', '--input', '600']);
  await until(async () => (await node('b')).running === 2);
  await cluster.json(['drain', 'b']);
  expect(await node('b')).toMatchObject({ intent: 'draining', drained: false, running: 2 });
  await cluster.json(['drain', 'b', '--now']);
  await until(async () => (await node('b')).drained);
  await cluster.json(['resume', 'a']);
  await until(async () => (await node('a')).running === 2);
  const cancelled = await cluster.json<{ tasks: number }>(['cancel', String(long.job)]);
  expect(cancelled.tasks).toBe(2);
  expect((await cluster.lbtop(['wait', String(long.job)])).code).toBe(1);
  await until(async () => (await node('a')).running === 0);
});

test('what cannot be done is said in one line, with the right exit code, and the coordinator goes on', async () => {
  await using cluster = await startCluster(['a']);
  const cases: [args: string[], code: number, says: RegExp][] = [
    [['stauts'], 2, /status/],
    [['status', '--polcy', 'x'], 2, /--pol/],
    [['submit'], 2, /command/],
    [['submit', '--task', 'fold', '--input', '1'], 2, /noop/],
    [['submit', '--array', '5-1', '--', 'true'], 2, /array/],
    [['submit', '--each-line', 'not/there', '--', 'true'], 2, /not\/there/],
    [['wait', '99'], 2, /99/],
    [['drain', 'nobody'], 2, /nobody/],
    [['policy', 'best'], 2, /least-load/],
    [['status', '--connect', '127.0.0.1:1'], 3, /127\.0\.0\.1:1/],
    [['--replay', 'not-there.lbtrace'], 2, /not-there/],
    [['--replay', process.execPath], 2, /lbtrace|recording|trace/],
  ];
  for (const [args, code, says] of cases) {
    const ran = await cluster.lbtop(args);
    expect({ args, code: ran.code, lines: ran.stderr.trimEnd().split('\n').length }).toEqual({ args, code, lines: 1 });
    expect(ran.stderr).toMatch(says);
  }
  writeFileSync(join(cluster.directory, 'other'), `${Buffer.alloc(32, 7).toString('base64url')}\n`, { mode: 0o600 });
  const wrong = await cluster.lbtop(['status', '--secret-file', 'other']);
  expect(wrong.code).toBe(4);
  expect(wrong.stderr.trimEnd().split('\n')).toHaveLength(1);
  const { port } = cluster.fleet;
  const taken = await cluster.lbtop(['--coordinator', '--headless', '--data', 'none', '--port', String(port)]);
  expect(taken.code).toBe(2);
  expect(taken.stderr).toContain(String(port));
  expect((await cluster.lbtop(['status'])).code).toBe(0);
});
