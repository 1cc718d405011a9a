/** Everything that a real session writes, shows and hands on, searched for what must stay secret. */
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { NodeRow } from '../../source/model/report.ts';
import { finished, startCluster, until } from '../helpers/lbtop.ts';

/** 32 bytes as they are, and as people and programs write them. */
function formsOf(key: Buffer): Buffer[] {
  const hex = key.toString('hex');
  const base64 = key.toString('base64').replace(/=+$/, '');
  return [key, ...[hex, hex.toUpperCase(), base64, key.toString('base64url')].map((text) => Buffer.from(text))];
}

function filesBelow(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries.filter((one) => one.isFile()).map((one) => join(one.parentPath, one.name));
}

/** Local addresses, as /proc has them, on which somebody listens on this port. */
function listeningAddresses(port: number): string[] {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = ['tcp', 'tcp6'].flatMap((file) => readFileSync(`/proc/net/${file}`, 'utf8').split('\n').slice(1));
  return rows
    .map((row) => row.trim().split(/ +/))
    .filter(([, local = '', , state]) => state === '0A' && local.endsWith(ending))
    .map(([, local = '']) => local.slice(0, -ending.length));
}

/** Arguments of every process, and what runs for this session in its environment. */
function shownByProcesses(directory: string): { what: string; bytes: Buffer }[] {
  const shown: { what: string; bytes: Buffer }[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      shown.push({ what: `arguments of ${pid}`, bytes: readFileSync(`/proc/${pid}/cmdline`) });
      const environment = readFileSync(`/proc/${pid}/environ`);
      if (environment.includes(directory) || readlinkSync(`/proc/${pid}/cwd`).startsWith(directory))
        shown.push({ what: `environment of ${pid}`, bytes: environment });
    } catch {
      // It has ended, or is not ours to look into.
    }
  }
  return shown;
}

test('the secret, the one before it and all tokens are in their own files and nowhere else', {
  timeout: 120_000,
}, async () => {
  const logged: string[] = [];
  const umask = process.umask(0);
  using _ = { [Symbol.dispose]: () => void process.umask(umask) };
  await using cluster = await startCluster(
    ['plain'],
    (directory) => ['--cpu-limit', '100', '--metrics', '127.0.0.1:0', '--record', join(directory, 'session.lbtrace')],
    { durable: true, log: (line) => logged.push(line) },
  );
  const { directory, fleet } = cluster;
  const said: string[] = [];
  const lbtop = async (args: readonly string[], env: Record<string, string> = {}) => {
    const ran = await cluster.lbtop(args, '', env);
    // What `token create` prints is for its user's eyes.
    if (args[0] !== 'token' || args[1] !== 'create') said.push(ran.stdout, ran.stderr);
    return ran;
  };

  const keys = new Map<string, Buffer>();
  const own = new Set([fleet.secretFile, `${fleet.secretFile}.former`]);
  const secretOf = () => Buffer.from(readFileSync(fleet.secretFile, 'utf8').trim(), 'base64url');
  keys.set('first secret', secretOf());
  const files: Record<string, string> = {};
  for (const role of ['node', 'submitter', 'operator', 'viewer']) {
    const { stdout } = await lbtop(['token', 'create', '--role', role, '--name', `the-${role}`]);
    const [token = '', key = ''] = /lbtop\.[a-z]+\.[0-9a-f]{10}\.([A-Za-z0-9_-]{43})/.exec(stdout) ?? [];
    keys.set(`${role} token`, Buffer.from(key, 'base64url'));
    const file = join(directory, `${role}.token`);
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    files[role] = file;
    own.add(file);
  }
  expect([...keys.values()].map((key) => key.length)).toEqual([32, 32, 32, 32, 32]);

  // A whole life: nodes by secret and by token, tasks that tell all they know, refusals, a rotation, a revocation.
  const place = ['--connect', `${fleet.host}:${fleet.port}`, '--listen', '127.0.0.1:0', '--metrics', '127.0.0.1:0'];
  const node = finished(
    cluster.start(['--node', '--name', 'token', '--slots', '2', ...place, '--secret-file', files.node as string]),
  );
  await until(
    async () => (await cluster.json<NodeRow[]>(['nodes'])).filter(({ health }) => health === 'up').length === 2,
  );
  const tell = [
    'sh',
    '-c',
    'env; tr "\\0" "\\n" < /proc/$PPID/environ; tr "\\0" " " < /proc/$PPID/cmdline; ls -l /proc/self/fd /proc/$PPID/fd',
  ];
  const asSubmitter = { LBTOP_SECRET_FILE: files.submitter as string };
  expect((await lbtop(['run', '--array', '1-6', '--', ...tell], asSubmitter)).code).toBe(0);
  expect((await lbtop(['run', '--direct', '--', 'env'], asSubmitter)).code).toBe(0);
  expect((await lbtop(['run', '--task', 'factorize', '--input', '360'])).code).toBe(0);
  expect((await lbtop(['pause', '--all'], { LBTOP_SECRET_FILE: files.viewer as string })).code).toBe(4);
  expect((await lbtop(['pause', '--queue'], { LBTOP_SECRET_FILE: files.operator as string })).code).toBe(0);
  expect((await lbtop(['resume', '--queue'])).code).toBe(0);
  expect((await lbtop(['token', 'list'])).code).toBe(0);
  expect((await lbtop(['token', 'rotate', '--ttl', '1h'])).code).toBe(0);
  keys.set('second secret', secretOf());
  expect((await lbtop(['token', 'revoke', 'the-viewer'])).code).toBe(0);
  expect((await lbtop(['status'], { LBTOP_SECRET_FILE: files.viewer as string })).code).toBe(4);
  const sleeping = cluster.start(['run', '--', 'sleep', '600']);
  await until(async () => (await cluster.json<{ running: number }[]>(['jobs'])).some(({ running }) => running === 1));
  const processes = shownByProcesses(directory);
  expect(listeningAddresses(fleet.port)).toEqual(['0100007F']); // 127.0.0.1, and nothing else
  sleeping.kill('SIGKILL');
  for (const word of ['events', 'jobs', 'nodes', 'status', 'config']) await lbtop([word]);
  for (const words of [
    ['events'],
    ['jobs'],
    ['nodes'],
    ['status'],
    ['tasks', '1'],
    ['explain', '1.1'],
    ['token', 'list'],
  ])
    await lbtop([...words, '--json']);
  for (const word of ['logs', 'results']) await lbtop([word, '1']);
  // What an error quotes of a file that is not what it should be.
  const half = readFileSync(fleet.secretFile, 'utf8').slice(0, 30);
  writeFileSync(join(directory, 'half'), half, { mode: 0o600 });
  expect(await lbtop(['status', '--secret-file', join(directory, 'half')])).toMatchObject({ code: 2 });
  expect(said.join('\n')).not.toContain(half.slice(0, 10));
  const [, metrics = ''] = /metrics at (http\S+)/.exec(logged.join('\n')) ?? [];
  said.push(await (await fetch(metrics)).text());
  // One dies with what it keeps for its successor, the other goes when its token is revoked.
  fleet.killNode('plain');
  expect((await lbtop(['token', 'revoke', 'the-node'])).code).toBe(0);
  const { code, stdout, stderr } = await node;
  expect(code).toBe(4);
  said.push(stdout, stderr);
  await fleet.endCoordinator(); // journal, snapshot and recording are whole
  for (const how of [['info'], ['export', '--format', 'jsonl'], ['export', '--format', 'perfetto']]) {
    const [what = '', ...more] = how;
    expect((await lbtop(['trace', what, join(directory, 'session.lbtrace'), ...more])).code).toBe(0);
  }

  const places = [
    ...filesBelow(directory).map((file) => ({ what: file, bytes: readFileSync(file) })),
    ...processes,
    { what: 'the log of the coordinator', bytes: Buffer.from(logged.join('\n')) },
    { what: 'what words said', bytes: Buffer.from(said.join('\n')) },
  ];
  expect(places.length).toBeGreaterThan(20);
  expect(places.some(({ what }) => what.startsWith('environment of'))).toBe(true);
  expect(logged.join('\n')).toContain('audit: the-operator (operator, token ');
  // The search itself finds what is there to be found.
  const found = places.filter(({ bytes }) =>
    [...keys.values()].some((key) => formsOf(key).some((form) => bytes.includes(form))),
  );
  expect(found.map(({ what }) => what).sort()).toEqual([...own].sort());
  // Whatever the umask is, what was written is its owner's.
  const loose = filesBelow(directory).filter((file) => (statSync(file).mode & 0o077) !== 0);
  expect(loose).toEqual([]);
  // Nor does a task see a variable of the node's own.
  expect(said.join('\n')).toContain('LBTOP_TASK_ID=');
  expect(said.join('\n')).not.toMatch(/LBTOP_(SECRET_FILE|CONNECT|TOKEN)=/);
});
