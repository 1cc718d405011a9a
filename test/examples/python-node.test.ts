/** The node in Python, which speaks as the protocol's page says, at a real coordinator. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { NodeRow, ResultRow, TaskRow } from '../../source/model/report.ts';
import { type Cluster, startCluster, until } from '../helpers/lbtop.ts';

const script = resolve(import.meta.dirname, '../../examples/python-node/node.py');
/** A dozen programs one after the other, on a machine that may be busy. */
const timeout = 180_000;
/** It stands on Linux's /proc, and on the OpenSSL that a Python with `ssl` has. */
const able =
  process.platform === 'linux' &&
  spawnSync('python3', [
    '-c',
    'import ssl,sys,ctypes.util;sys.exit(sys.version_info<(3,9) or not ctypes.util.find_library("ssl"))',
  ]).status === 0;

interface PythonNode {
  child: ChildProcess;
  said(): string;
  [Symbol.asyncDispose](): Promise<void>;
}

function startPython({ fleet }: Cluster, name: string, slots = 2): PythonNode {
  const args = [script, '--connect', `${fleet.host}:${fleet.port}`, '--secret-file', fleet.secretFile];
  const child = spawn('python3', [...args, '--name', name, '--slots', String(slots)], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' },
  });
  const exited = once(child, 'exit');
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    said += text;
  });
  return {
    child,
    said: () => said,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

async function rowOf(cluster: Cluster, name: string): Promise<NodeRow | undefined> {
  return (await cluster.json<NodeRow[]>(['nodes'])).find((row) => row.name === name);
}

async function resultsOf(cluster: Cluster, job: number): Promise<ResultRow[]> {
  const { stdout } = await cluster.lbtop(['results', String(job)]);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as ResultRow);
}

test.skipIf(!able)(
  'takes part in jobs: output, codes, items, time limits, cancelling, goodbye',
  { timeout },
  async () => {
    await using cluster = await startCluster([]);
    await using python = startPython(cluster, 'python');
    await until(async () => (await rowOf(cluster, 'python'))?.cpu !== null && python.said().includes('joined'));
    const row = await rowOf(cluster, 'python');
    expect(row).toMatchObject({ health: 'up', slots: 2, labels: { runtime: 'python' } });
    expect(row?.memoryUsed).toBeGreaterThan(0);

    const both = await cluster.lbtop(['run', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    expect(both).toMatchObject({ code: 7, stdout: 'out\n', stderr: expect.stringContaining('err\n') });

    // More than the window of 1 MiB, so that `stored` has to be heard.
    const large = await cluster.lbtop(['run', '--', 'sh', '-c', 'yes 0123456789abcde | head -c 3000000']);
    expect(large.code).toBe(0);
    expect(large.stdout).toBe('0123456789abcde\n'.repeat(187_500));

    const lines = Array.from({ length: 100 }, (_, i) => `it's line ${i} é`);
    const many = await cluster.lbtop(
      [
        'submit',
        '--json',
        '--each-line',
        '-',
        '--env',
        'GIVEN=1',
        '--',
        'sh',
        '-c',
        'echo "$1/$2/$LBTOP_NODE/$GIVEN"',
        'sh',
        '{}',
        '{#}',
      ],
      `${lines.join('\n')}\n`,
    );
    const { job } = JSON.parse(many.stdout) as { job: number };
    expect((await cluster.lbtop(['wait', String(job)])).code).toBe(0);
    const rows = await resultsOf(cluster, job);
    expect(rows.map(({ stdout }) => stdout)).toEqual(lines.map((line, i) => `${line}/${i}/python/1\n`));
    expect(new Set(rows.map(({ attempt }) => attempt))).toEqual(new Set([1]));

    const missing = await cluster.lbtop(['run', '--', '/no/such/program']);
    expect(missing.code).toBe(127);
    const late = await cluster.json<{ job: number }>(['submit', '--timeout', '200ms', '--', 'sleep', '60']);
    expect((await cluster.lbtop(['wait', String(late.job)])).code).toBe(1);
    expect((await resultsOf(cluster, late.job))[0]).toMatchObject({ state: 'failed', error: 'timed out after 0.2 s' });

    const long = await cluster.json<{ job: number }>(['submit', '--array', '1-4', '--', 'sleep', '60']);
    await until(async () => (await rowOf(cluster, 'python'))?.running === 2);
    expect((await cluster.lbtop(['cancel', String(long.job)])).code).toBe(0);
    await until(async () => {
      const after = await rowOf(cluster, 'python');
      return after?.running === 0 && after.assigned === 0;
    });

    const exited = once(python.child, 'exit');
    python.child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
    await until(async () => [undefined, 'left'].includes((await rowOf(cluster, 'python'))?.health));
  },
);

test.skipIf(!able)(
  'goes on with its task while the coordinator starts again, and tells it then',
  { timeout },
  async () => {
    await using cluster = await startCluster([], undefined, { durable: true });
    await using python = startPython(cluster, 'python');
    await until(() => python.said().includes('joined'));
    const { job } = await cluster.json<{ job: number }>([
      'submit',
      '--',
      'sh',
      '-c',
      'echo before; sleep 3; echo after',
    ]);
    await until(async () => (await rowOf(cluster, 'python'))?.running === 1);
    await cluster.fleet.killCoordinator();
    await cluster.fleet.restartCoordinator();
    expect((await cluster.lbtop(['wait', String(job)])).code).toBe(0);
    expect((await resultsOf(cluster, job))[0]).toMatchObject({
      state: 'succeeded',
      stdout: 'before\nafter\n',
      attempt: 1,
    });
    const [task] = await cluster.json<TaskRow[]>(['tasks', String(job)]);
    expect(task).toMatchObject({ node: 'python', attempt: 1 });
  },
);

test.skipIf(!able)('with another secret it is not let in, and says so', { timeout }, async () => {
  await using cluster = await startCluster([]);
  const other = resolve(cluster.directory, 'other');
  spawnSync('sh', ['-c', 'umask 077; head -c 32 /dev/urandom | base64 | tr "+/" "-_" | tr -d "=" > "$0"', other]);
  await using python = startPython(
    { ...cluster, fleet: { ...cluster.fleet, secretFile: other } } as Cluster,
    'stranger',
  );
  await until(() => python.said().includes('another secret'));
  expect(await cluster.json<NodeRow[]>(['nodes'])).toEqual([]);
});
