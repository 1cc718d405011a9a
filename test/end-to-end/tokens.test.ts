/** `lbtop token` as its users have it: real processes, files, exit codes. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { NodeRow, TokenRow } from '../../source/model/report.ts';
import { cleanEnvironment } from '../../source/simulation/fleet.ts';
import { type Cluster, finished, program, startCluster, until } from '../helpers/lbtop.ts';

let cluster: Cluster;
const children: ChildProcess[] = [];
beforeEach(async () => {
  cluster = await startCluster([], undefined, { durable: true });
});
afterEach(async () => {
  for (const { pid } of children.splice(0)) if (pid !== undefined) killGroup(pid);
  await cluster[Symbol.asyncDispose]();
});

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

const at = () => ['--connect', `127.0.0.1:${cluster.fleet.port}`];

/** Puts a token into a file, as its user would. */
function keep(token: string, mode = 0o600): string {
  const file = join(cluster.directory, `token-${mode.toString(8)}`);
  writeFileSync(file, token);
  chmodSync(file, mode);
  return file;
}

test('the line for a new machine makes it a node; nobody can read the token there; revoked, it ends', async () => {
  const { code, stdout, stderr } = await cluster.lbtop([
    'token',
    'create',
    '--role',
    'node',
    '--name',
    'lab',
    '--ttl',
    '8h',
  ]);
  expect(code).toBe(0);
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  expect(stderr).toContain('lab holds until ');
  expect(stderr).toContain('others reach it when it runs with --host');
  const token = /lbtop\.node\.[0-9a-f]{10}\.[A-Za-z0-9_-]{43}/.exec(stdout)?.[0] as string;

  // A new machine: nothing is there but a shell and the program.
  const machine = join(cluster.directory, 'machine');
  const bin = join(machine, 'bin');
  mkdirSync(bin, { recursive: true });
  const [node, script] = program();
  writeFileSync(join(bin, 'lbtop'), `#!/bin/sh\nexec '${node}' '${script}' "$@"\n`, { mode: 0o755 });
  const env = { ...cleanEnvironment(machine), PATH: `${bin}:${process.env.PATH}`, LBTOP_NAME: 'lab-1' };
  const child = spawn('sh', ['-c', `umask 000; ${stdout}`], { env, detached: true, stdio: 'pipe' });
  children.push(child);
  const ended = finished(child);
  await until(async () => (await cluster.json<NodeRow[]>(['nodes'])).some(({ health }) => health === 'up'));
  expect(await cluster.json<TokenRow[]>(['token', 'list'])).toMatchObject([
    { role: 'node', name: 'lab', state: 'valid', connections: 1 },
  ]);
  const state = join(machine, 'state', 'lbtop');
  const [file = ''] = readdirSync(state).filter((name) => name.startsWith('token-'));
  expect(statSync(state).mode & 0o777).toBe(0o700);
  expect(statSync(join(state, file)).mode & 0o777).toBe(0o600);
  // The shell was told it, as a line; no process that it started was. Its own arguments are this test's doing.
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name) && Number(name) !== child.pid)) {
    let argv = '';
    try {
      argv = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    } catch {
      continue; // it has ended
    }
    expect(argv).not.toContain(token);
  }
  const ran = await cluster.lbtop(['run', '--', 'sh', '-c', 'env; cat /proc/self/environ | tr "\\0" "\\n"']);
  expect(ran.code).toBe(0);
  expect(ran.stdout).toContain('LBTOP_NODE=lab-1');
  expect(ran.stdout).not.toContain(token);
  expect(ran.stdout).not.toMatch(/SECRET|TOKEN|LBTOP_NAME/);

  expect(await cluster.lbtop(['token', 'revoke', 'lab'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^[0-9a-f]{10} revoked\n$/),
  });
  const end = await ended;
  expect(end.code).toBe(4);
  expect(end.stderr).toMatch(/^lbtop: .*the token lab was revoked: ask for a new one/);
});

test('a viewer with a token file reads, and is told what it may not, with the code of a refusal', async () => {
  const { stdout: token } = await cluster.lbtop(['token', 'create', '--role', 'viewer']);
  const file = keep(token);
  const as = (...args: string[]) => cluster.lbtop([...args, '--secret-file', file, ...at()]);
  expect((await as('status')).code).toBe(0);
  const paused = await as('pause', '--queue');
  expect(paused).toMatchObject({ code: 4, stdout: '' });
  expect(paused.stderr).toBe('lbtop: pause-queue needs the role operator, and this connection has the role viewer\n');
  const node = await cluster.lbtop(['--node', '--secret-file', file, ...at()]);
  expect(node).toMatchObject({ code: 4, stderr: expect.stringContaining("a viewer's, and a node needs one") });

  const loose = await cluster.lbtop(['status', '--secret-file', keep(token, 0o640), ...at()]);
  expect(loose).toMatchObject({ code: 2, stderr: expect.stringContaining('run chmod 600') });
  const [row] = await cluster.json<TokenRow[]>(['token', 'list']);
  await cluster.lbtop(['token', 'revoke', row?.id as string]);
  const gone = await as('status');
  expect(gone).toMatchObject({ code: 4, stderr: expect.stringContaining('was revoked: ask for a new one') });
});

test.each([
  [['token'], 'token needs more'],
  [['token', 'create'], 'what may it do?'],
  [['token', 'create', '--role', 'root'], 'expected'],
  [['token', 'create', '--role', 'viewer', '--name', 'a b'], 'expected letters'],
  [['token', 'revoke'], 'which?'],
  [['token', 'revoke', 'nobody'], 'there is no token nobody'],
  [['token', 'list', 'all'], 'too much after token list'],
  [['token', 'lend'], 'expected create, list, revoke, rotate'],
  [['token', 'list', '--role', 'node'], 'go with create'],
] as const)('%j is told what is wrong', async (args, message) => {
  const ran = await cluster.lbtop(args);
  expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining(message) });
  expect(ran.stderr.trimEnd()).not.toContain('\n');
});

test('a rotation: who has the new secret by its end goes on, with all its work; who has not is told', {
  timeout: 120_000,
}, async () => {
  const { directory, fleet } = cluster;
  const copyTo = (name: string) => {
    writeFileSync(join(directory, name), readFileSync(fleet.secretFile), { mode: 0o600 });
    return join(directory, name);
  };
  const [old, copied] = [copyTo('old'), copyTo('copied')];
  const asOld = () => cluster.lbtop(['status', '--secret-file', old, ...at()]);
  // One has the very file, one a copy that is replaced in time, one a copy that nobody thought of.
  const start = (name: string, file: string) =>
    cluster.start(['--node', '--name', name, '--label', `is=${name}`, '--slots', '2', '--secret-file', file, ...at()]);
  void finished(start('shared', fleet.secretFile));
  void finished(start('copied', copied));
  const stale = finished(start('stale', old));
  const rows = () => cluster.json<NodeRow[]>(['nodes']);
  await until(async () => (await rows()).filter(({ health }) => health === 'up').length === 3);
  const go = join(directory, 'go');
  const text = `until [ -e ${go} ]; do sleep 0.1; done; echo $LBTOP_NODE $LBTOP_ATTEMPT`;
  const runs = ['shared', 'copied'].map((name) =>
    finished(cluster.start(['run', '--on', `is=${name}`, '--shell', text])),
  );
  await until(async () => (await rows()).filter(({ running }) => running === 1).length === 2);

  const { until: end } = await cluster.json<{ until: number }>(['token', 'rotate', '--ttl', '15s']);
  copyTo('copied');
  expect(readFileSync(old, 'utf8')).not.toBe(readFileSync(fleet.secretFile, 'utf8'));
  expect((await asOld()).code).toBe(0);
  await until(() => Date.now() > end);
  expect(await asOld()).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('this secret was changed: copy the new one'),
  });
  expect(await stale).toMatchObject({ code: 4, stderr: expect.stringContaining('this secret was changed: copy the') });
  await until(async () => (await rows()).filter(({ health }) => health === 'up').length === 2);
  writeFileSync(go, '');
  const [first, second] = await Promise.all(runs);
  expect(first).toMatchObject({ code: 0, stdout: 'shared 1\n' });
  expect(second).toMatchObject({ code: 0, stdout: 'copied 1\n' });
  expect(await cluster.json(['status'])).toMatchObject({ reexecuted: 0, lateResults: 0 });
});
