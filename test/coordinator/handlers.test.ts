import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import type { NodeRow, ResultRow, TaskRow } from '../../source/model/report.ts';
import { startCluster, until } from '../helpers/lbtop.ts';

const handlers = resolve(import.meta.dirname, '../node/handlers/misbehaving.ts');

test('handlers through a whole fleet: named, placed, watched, cancelled, refused', async () => {
  await using cluster = await startCluster(['plain']);
  const refused = await cluster.lbtop(['submit', '--task', 'double', '--input', '1']);
  expect(refused).toMatchObject({ code: 2, stdout: '' });
  expect(refused.stderr).toBe('lbtop: unknown task "double": known are sleep, sum-up, factorize, increment, noop\n');
  const mistyped = await cluster.lbtop(['submit', '--task', 'factorise', '--input', '1']);
  expect(mistyped.stderr).toBe(
    'lbtop: unknown task "factorise": known are sleep, sum-up, factorize, increment, noop; did you mean factorize?\n',
  );

  cluster.fleet.startNode('able', ['--slots', '2', '--handlers', handlers]);
  await until(async () => (await cluster.json<NodeRow[]>(['nodes'])).length === 2);
  const unknown = await cluster.lbtop(['submit', '--task', 'duoble']);
  expect(unknown.stderr).toMatch(/known are .*double.*; did you mean double\?\n$/);

  const run = await cluster.lbtop(['run', '--array', '1-20', '--task', 'double']);
  expect(run.stdout.split('\n').filter(Boolean).map(Number)).toEqual(Array.from({ length: 20 }, (_, i) => 2 * (i + 1)));
  expect(run.code).toBe(0);
  const rows = await cluster.json<TaskRow[]>(['tasks', '1']);
  expect(new Set(rows.map(({ node }) => node))).toEqual(new Set(['able']));
  expect(rows.every(({ progress }) => progress === null)).toBe(true);

  await cluster.lbtop(['submit', '--task', 'steps', '--input', '4']);
  await until(async () => (await cluster.json<TaskRow[]>(['tasks', '2']))[0]?.progress === 1);
  expect((await cluster.json<TaskRow[]>(['tasks', '2']))[0]).toMatchObject({ state: 'running', note: 'step 4' });
  expect((await cluster.lbtop(['tasks', '2'])).stdout).toMatch(/running 100 %.*step 4/);
  expect((await cluster.lbtop(['cancel', '2'])).code).toBe(0);
  expect((await cluster.json<TaskRow[]>(['tasks', '2']))[0]).toMatchObject({ state: 'cancelled', progress: null });

  const failing = await cluster.lbtop(['run', '--task', 'throws']);
  expect(failing.code).toBe(1);
  expect(failing.stderr).toContain('Error: boom');
  expect(failing.stderr).toContain('lbtop: task 3.0 failed: throws: boom');
  expect(await cluster.lbtop(['run', '--task', 'talk'])).toMatchObject({ stdout: 'to stdout\nby console\n' });
  const [row] = (await cluster.lbtop(['results', '1'])).stdout.split('\n').map((line) => line && JSON.parse(line));
  expect(row as ResultRow).toMatchObject({ task: '1.1', result: 2, stdout: null });
});

test('an input that a built-in task cannot take is refused in one line', async () => {
  await using cluster = await startCluster([]);
  const wrong = async (...args: string[]) => {
    const { code, stdout, stderr } = await cluster.lbtop(['submit', '--task', ...args]);
    expect([code, stdout]).toEqual([2, '']);
    return stderr;
  };
  expect(await wrong('sleep', '--input', '"x"')).toBe(
    'lbtop: sleep: expected a number of seconds of at least 0, got "x"\n',
  );
  expect(await wrong('sleep')).toContain('got null');
  expect(await wrong('increment', '--input', '[1,"a"]')).toContain('expected an array of numbers');
  expect(await wrong('factorize', '--array', '1-3', '--input', '-4')).toContain('at least 1');
  expect((await cluster.lbtop(['submit', '--task', 'factorize', '--array', '1-3'])).code).toBe(0);
  expect((await cluster.lbtop(['submit', '--task', 'noop'])).code).toBe(0);
});
