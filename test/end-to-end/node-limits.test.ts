/** What a node does not do whatever it is told: the commands of docs/node-limits.md, as processes. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { TaskRow } from '../../source/model/report.ts';
import { type Cluster, startCluster, until } from '../helpers/lbtop.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/node-limits.md'), 'utf8');
const [, line = ''] = /^```sh\nlbtop (.*)\n```$/m.exec(page) ?? [];
const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster([]);
  cluster.start([...words, '--connect', `${cluster.fleet.host}:${cluster.fleet.port}`, '--slots', '2']);
  await until(async () => (await cluster.json<unknown[]>(['nodes'])).length === 1);
});
afterAll(() => cluster[Symbol.asyncDispose]());

test('what the node allows runs, where it allows it', async () => {
  expect(await cluster.lbtop(['run', '--cwd', '/tmp', '--', 'echo', 'frame', '7'])).toMatchObject({
    code: 0,
    stdout: 'frame 7\n',
  });
});

test.each<[string, string[], RegExp]>([
  [
    'another command',
    ['--cwd', '/tmp', '--', 'sh', '-c', 'echo no'],
    /does not run sh -c echo no: its --allow names true/,
  ],
  ['other arguments', ['--cwd', '/tmp', '--', 'echo', 'no'], /does not run echo no/],
  ['a shell', ['--cwd', '/tmp', '--shell', '--', 'echo frame 1'], /does not run \/bin\/sh/],
  ['another directory', ['--cwd', '/usr', '--', 'true'], /starts tasks only in \/tmp, which \/usr is not in/],
  ['a way out of it', ['--cwd', '/tmp/../usr', '--', 'true'], /starts tasks only in \/tmp/],
  ['what it loads', ['--cwd', '/tmp', '--env', 'LD_PRELOAD=x', '--', 'true'], /takes no variable LD_PRELOAD/],
])('%s: fails at once with the reason', async (_what, args, reason) => {
  const { code, stdout } = await cluster.lbtop(['run', ...args]);
  expect({ code, stdout }).toEqual({ code: 126, stdout: '' });
  const jobs = await cluster.json<{ job: number }[]>(['jobs']);
  const [task] = await cluster.json<TaskRow[]>(['tasks', String(jobs.at(-1)?.job)]);
  expect(task).toMatchObject({ state: 'failed', attempt: 1, error: expect.stringMatching(reason) });
});

test('tasks that it does not do leave it as it was, however many', async () => {
  const { code } = await cluster.lbtop(['run', '--cwd', '/tmp', '--array', '1-30', '--', 'false']);
  expect(code).toBe(1);
  expect(await cluster.json(['nodes'])).toMatchObject([{ health: 'up', intent: 'active' }]);
});

test.each([
  [['--run-as', 'no-such-account'], /^lbtop: no account no-such-account on this machine: check --run-as\n$/],
  [['--work-root', '/no/such'], /^lbtop: \/no\/such is not a directory: check --work-root\n$/],
])('%j: refused where the node starts', async (args, says) => {
  const { code, stderr } = await cluster.lbtop(['--node', ...args]);
  expect(code).toBe(2);
  expect(stderr).toMatch(says);
});

test.skipIf(process.getuid?.() !== 0)('root for another machine has to be said', async () => {
  // An address that nobody has (RFC 5737): it never connects.
  const { code, stderr } = await cluster.lbtop(['--node', '--connect', '192.0.2.1:7077']);
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr:
      'lbtop: tasks from 192.0.2.1 would run as root here: give them to an account with --run-as USER, or say --run-as root\n',
  });
});
