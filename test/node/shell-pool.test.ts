import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { plainLine, plainLinesNeed, shellLine } from '../../source/node/runners/shell-line.ts';
import { line, lives } from './command-suite.ts';
import {
  agentOn,
  command,
  type FakeCoordinator,
  fakeCoordinator,
  give,
  outcomeOf,
  shell,
  until,
} from './fake-coordinator.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbtop-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs a command that says who started it. */
async function starter(fake: FakeCoordinator): Promise<number> {
  const [attempt] = give(fake, command('sh', '-c', 'echo $PPID'));
  const outcome = await outcomeOf(fake, attempt);
  expect(outcome.outcome).toBe('succeeded');
  return Number(fake.output(outcome, 1).toString());
}

test('one shell starts one task after the other, until one of them leaves something behind', async () => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { slots: 1 });
  let first = await starter(fake);
  while (first === process.pid) first = await starter(fake);
  expect(await starter(fake)).toBe(first);
  const [holder] = give(fake, shell('sleep 60 & echo done'));
  await outcomeOf(fake, holder);
  await until(() => !lives(first));
  const second = await starter(fake);
  expect([first, process.pid]).not.toContain(second);
});

test('who is left behind without holding a stream is ended soon after', async () => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { slots: 1 });
  while ((await starter(fake)) === process.pid);
  const file = join(dir, 'left');
  const [attempt] = give(fake, shell(`sleep 60 < /dev/null > /dev/null 2>&1 & echo $! > ${file}`));
  await outcomeOf(fake, attempt);
  const pid = Number(await line(file));
  await until(() => !lives(pid));
});

test('many short tasks with random output, some of it large: all bytes, each in its place', async () => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { slots: 4 });
  const items = Array.from({ length: 300 }, (_unused, i) =>
    randomBytes(i % 50 === 0 ? 9_000 : i % 40).toString('base64'),
  );
  const given = give(
    fake,
    command(
      'sh',
      '-c',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell's own
      'printf %s "$1" | base64 -d; printf %s "$1" >&2; [ ${#1} -lt 1000 ] || head -c 200000 /dev/zero; exit $2',
      'sh',
      '{}',
      '3',
    ),
    { items: 'lines' },
    items,
  );
  const ends = await Promise.all(given.map((one) => outcomeOf(fake, one, 60_000)));
  for (const [i, end] of ends.entries()) {
    const item = items[i] as string;
    const bytes = Buffer.from(item, 'base64');
    expect(end.exitCode).toBe(3);
    const stdout = fake.output(end, 1);
    expect(stdout.subarray(0, bytes.length).equals(bytes)).toBe(true);
    expect(stdout.length).toBe(bytes.length + (item.length < 1_000 ? 0 : 200_000));
    expect(fake.output(end, 2).toString()).toBe(item);
  }
});

test('a line that is longer than what a pipe holds is said in parts', async () => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { slots: 1 });
  while ((await starter(fake)) === process.pid);
  const kept = await starter(fake);
  const long = '€'.repeat(40_000); // 120,000 bytes: a pipe holds 64 KiB, an argument 128
  const [attempt] = give(fake, command('sh', '-c', 'echo $PPID; printf %s "$1"', 'sh', long));
  const outcome = await outcomeOf(fake, attempt);
  const [by, ...said] = fake.output(outcome, 1).toString().split('\n');
  expect([Number(by), said.join('\n') === long]).toEqual([kept, true]);
  expect(await starter(fake)).toBe(kept);
});

test.each([0, 0.02, 0.05, 0.2])('what a task writes after %s s is read while it runs', async (seconds) => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { slots: 1 });
  while ((await starter(fake)) === process.pid);
  const script = `sleep ${seconds}; printf a; printf b >&2; sleep 0.01; head -c 200000 /dev/zero; exec sleep 60`;
  const [attempt] = give(fake, shell(script));
  const key = attempt as NonNullable<typeof attempt>;
  await until(() => fake.output(key, 1).length === 200_001 && fake.output(key, 2).length === 1);
  expect(fake.output(key, 1).subarray(0, 2).toString('latin1')).toBe('a\0');
  fake.say({ kind: 'stop', attempts: [key], why: 'seen' });
  expect((await outcomeOf(fake, attempt)).outcome).toBe('stopped');
});

test('a shell that is killed while a task runs: that task fails, the next one does not', async () => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { slots: 1 });
  while ((await starter(fake)) === process.pid);
  const [attempt] = give(fake, shell('kill -9 $PPID; sleep 60'));
  expect(await outcomeOf(fake, attempt)).toMatchObject({ outcome: 'failed', signal: 'SIGKILL' });
  expect(await starter(fake)).not.toBe(process.pid);
});

test('the directory of its pipes is cleaned by somebody: tasks still run', async () => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { slots: 1, stateDir: dir, shells: false });
  await starter(fake);
  const [made] = readdirSync(join(dir, 'node-n1')).filter((name) => name.startsWith('lbtop-'));
  const pipes = join(dir, 'node-n1', made as string);
  for (const name of readdirSync(pipes)) unlinkSync(join(pipes, name));
  for (let i = 0; i < 20; i++) await starter(fake);
  rmSync(pipes, { recursive: true });
  for (let i = 0; i < 20; i++) await starter(fake);
});

test('what a shell cannot say is left to others', () => {
  const base = { PATH: '/bin' };
  const says = (argv: string[], env: Record<string, string> = {}, cwd: string | null = null) =>
    shellLine({ argv, env: { ...base, ...env }, cwd, stdin: null }, base, '/o', '/e');
  expect(says(['echo', "a'b", '$x'], { A: '1 2' })).toBe(
    `(export A='1 2';unset PWD OLDPWD;exec echo 'a'\\''b' '$x')</dev/null >/o 2>/e`,
  );
  expect(says([])).toBeNull();
  expect(says(['-x'])).toBeNull();
  expect(says(['echo', 'a\0'])).toBeNull();
  expect(says(['echo', 'x'.repeat(70_000)])).toBeNull();
  expect(says(['echo'], { 'a.b': '1' })).toBeNull();
  expect(says(['echo'], { IFS: ':' })).toBeNull();
  expect(shellLine({ argv: ['echo'], env: {}, cwd: null, stdin: null }, base, '/o', '/e')).toBeNull();
});

test('a plain line is what dash starts without a subshell', () => {
  const base = { PATH: '/bin' };
  const says = (argv: string[], env: Record<string, string> = {}, path = '/bin/found', cwd: string | null = null) =>
    plainLine({ argv, env: { ...base, ...env }, cwd, stdin: null }, base, path, '/o', '/e');
  expect(says(['cp', "a'b", '3'], { A: '1 2', B: '3' })).toBe(
    `hash -r;A='1 2' B=3 'cp' 'a'\\''b' 3 </dev/null >/o 2>/e`,
  );
  expect(says(['/usr/bin/env', 'A=1'])).toBe("'/usr/bin/env' A=1 </dev/null >/o 2>/e");
  expect(says(['echo', 'x'])).toBe("'/bin/found' x </dev/null >/o 2>/e");
  for (const name of ['', '-x', 'a\0']) expect([name, says([name])]).toEqual([name, null]);
  expect(says(['echo'], {}, 'echo')).toBeNull();
  expect(says(['cp'], { IFS: ':' })).toBeNull();
  expect(says(['cp'], {}, '/bin/cp', '/tmp/a b')).toBe(
    "if cd '/tmp/a b' 2>/dev/null;then unset PWD OLDPWD;hash -r;'cp' </dev/null >/o 2>/e;lbtop_s=$?;" +
      "else printf '%s\\n' 'lbtop: cannot enter the directory: /tmp/a b' </dev/null >/o 2>/e >&2;lbtop_s=126;fi;" +
      'cd "$lbtop_d" 2>/dev/null||cd /;unset PWD OLDPWD;lbtop_r $lbtop_s',
  );
  expect(says(['cp', 'x'.repeat(70_000)])).toBeNull();
});

test.runIf(realpathSync('/bin/sh').endsWith('/dash'))('what dash would do itself is named by its path', () => {
  const script =
    'for n in $(ls /bin /sbin /usr/bin /usr/sbin); do case $(command -v "$n") in "$n") echo "$n";; esac; done';
  const names = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
  expect(names).toContain('true');
  const says = (name: string) =>
    plainLine({ argv: [name], env: {}, cwd: null, stdin: null }, {}, `/bin/${name}`, '/o', '/e');
  for (const name of new Set(names)) expect([`'/bin/${name}' </dev/null >/o 2>/e`, null]).toContain(says(name));
});

test.runIf(realpathSync('/bin/sh').endsWith('/dash'))('a program may be called like any word of the language', () => {
  const names = [
    'if',
    'then',
    'done',
    'for',
    'case',
    '!',
    '{',
    '}',
    'A=1',
    'a b',
    '$x',
    '~',
    '*',
    '#',
    '%1',
    "it's",
    'lbtop_r',
  ];
  const bin = mkdtempSync(join(dir, 'bin-'));
  for (const name of names) writeFileSync(join(bin, name), '#!/bin/sh\nprintf %s "$0" "$@"\n', { mode: 0o755 });
  for (const name of names)
    for (const cwd of [null, bin]) {
      const out = join(dir, 'said');
      const launch = { argv: [name, '3'], env: { PATH: `${bin}:/bin` }, cwd, stdin: null };
      const said = plainLine(launch, launch.env, join(bin, name), out, out) as string;
      const status = spawnSync('/bin/sh', ['-c', `${plainLinesNeed}\n${said}\n`], { env: launch.env }).status;
      expect([name, status, readFileSync(out, 'utf8')]).toEqual([name, 0, `${join(bin, name)}3`]);
    }
});
