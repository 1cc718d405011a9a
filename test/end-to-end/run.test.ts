/** `lbtop run` as a process: Ctrl-C, the environment of tasks, numbers through tasks. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JobRow } from '../../source/model/report.ts';
import { type Cluster, finished, startCluster, until } from '../helpers/lbtop.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster(['a']);
});
afterAll(() => cluster[Symbol.asyncDispose]());

test.each(['SIGINT', 'SIGTERM'] as const)('%s cancels the job, and that is the exit code', async (signal) => {
  const child = cluster.start(['run', '--', 'sh', '-c', 'echo began; exec sleep 600']);
  const began = new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
  const ran = finished(child);
  await began;
  child.kill(signal);
  const { code, stdout, stderr } = await ran;
  expect({ code, stdout }).toEqual({ code: signal === 'SIGINT' ? 130 : 143, stdout: 'began\n' });
  expect(stderr).toMatch(/^lbtop: cancelling job \d+ \(again: leave at once\)\n/);
  expect((await cluster.json<JobRow[]>(['jobs'])).at(-1)).toMatchObject({ state: 'cancelled' });
});

test('a second Ctrl-C leaves at once', async () => {
  const child = cluster.start(['run', '--', 'sh', '-c', 'trap "" TERM; echo began; while :; do sleep 0.02; done']);
  let said = '';
  child.stderr?.on('data', (text) => {
    said += text;
  });
  const began = new Promise<void>((resolve) => child.stdout?.once('data', () => resolve()));
  const ran = finished(child);
  await began;
  child.kill('SIGINT');
  await until(() => said.includes('again: leave at once'));
  child.kill('SIGINT');
  // As it leaves, Node hands signals back: then it ends by this one, which a shell tells as the same 130.
  const { code, signal } = await ran;
  expect([130, 'SIGINT']).toContain(code ?? signal);
  // It ends by force, and nobody waits for that here.
  const job = (await cluster.json<JobRow[]>(['jobs'])).at(-1)?.job;
  expect((await cluster.lbtop(['wait', String(job)])).code).toBe(1);
});

test('a number that a double does not hold comes through as text, one that it holds as it is', async () => {
  const big = await cluster.lbtop(['run', '--task', 'factorize', '--input', '"1000000016000000063"']);
  expect(big).toMatchObject({ code: 0, stdout: '[1000000007,1000000009]\n' });
  const vector = await cluster.lbtop(['run', '--task', 'increment', '--input', '[0.1,9007199254740990,-1e-300]']);
  expect(vector).toMatchObject({ code: 0, stdout: '[1.1,9007199254740991,1]\n' });
});
