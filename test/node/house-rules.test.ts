import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { LbtopError } from '../../source/model/errors.ts';
import { commandPatterns } from '../../source/node/command-patterns.ts';
import { houseRules, judgeBy, NotAllowed, noRules } from '../../source/node/house-rules.ts';
import { becomingLine, shellLine } from '../../source/node/runners/shell-line.ts';
import type { Launch } from '../../source/node/runners/starter.ts';
import { lives } from './command-suite.ts';
import { agentOn, command, fakeCoordinator, give, outcomeOf, shell } from './fake-coordinator.ts';

const dir = mkdtempSync(join(tmpdir(), 'lbtop-test-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Runs a command on a node with these rules; returns how it ended and what it wrote. */
async function run(
  rules: Parameters<typeof houseRules>[0],
  ...given: Parameters<typeof give> extends [unknown, ...infer Rest] ? Rest : never
) {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { rules: houseRules(rules) });
  const [attempt] = give(fake, ...given);
  const outcome = await outcomeOf(fake, attempt);
  return { ...outcome, stdout: fake.output(outcome, 1).toString(), stderr: fake.output(outcome, 2).toString() };
}

describe('--allow', () => {
  const path = '/usr/bin:/bin';
  test.each<[pattern: string, argv: string[], allowed: boolean]>([
    ['true', ['true'], true],
    ['true', ['true', 'any', 'argument'], true],
    ['true', ['false'], false],
    ['true', ['/usr/bin/true'], true], // the same program by its path
    ['true', ['/tmp/true'], false],
    ['true', ['./true'], false],
    ['true', ['/usr/bin/../bin/true'], true],
    ['true', ['/usr/bin/../../tmp/true'], false],
    ['tru*', ['true'], true],
    ['tr.e', ['true'], false],
    ['/usr/bin/*', ['true'], true],
    ['/usr/bin/*', ['/usr/bin/true'], true],
    ['/usr/bin/*', ['/usr/bin/sub/true'], false],
    ['/usr/*', ['/usr/bin/true'], false],
    ['/usr/bin/*', ['/usr/bin/../../tmp/true'], false],
    ['true pull', ['true', 'pull'], true],
    ['true pull', ['true'], false],
    ['true pull', ['true', 'pull', '--exec=x'], false],
    ['true pull *', ['true', 'pull', '--exec=x'], true],
    ['true pull *', ['true', 'pull'], true],
    ['true pull *', ['true', 'push'], false],
    ['true --in=*.png out', ['true', '--in=a b.png', 'out'], true],
    ['true --in=*.png out', ['true', '--in=a.png', 'out', 'more'], false],
    ['true x', ['true', 'x\ny'], false],
    ['true x*', ['true', 'x\ny'], true],
    ['no-such-program-at-all', ['no-such-program-at-all'], false],
    ['', ['true'], false],
    ['true', [''], false],
  ])('%j and %j: %s', (pattern, argv, allowed) => {
    expect(commandPatterns([pattern], path)(argv, '/') !== null).toBe(allowed);
  });

  test('what is not named fails with the reason, and is not tried again', async () => {
    const outcome = await run({ allow: ['true', 'ls *'] }, command('sh', '-c', 'echo no'), { retries: 0 });
    expect(outcome).toMatchObject({
      outcome: 'failed',
      started: false,
      exitCode: 126,
      error: 'this node does not run sh -c echo no: its --allow names true, ls *',
      stdout: '',
    });
  });

  test('what is named runs, also as an item, a shell only where it is named itself', async () => {
    expect(await run({ allow: ['echo'] }, command('echo', 'yes'))).toMatchObject({ stdout: 'yes\n', exitCode: 0 });
    expect(await run({ allow: ['echo a *'] }, command('echo'), {}, ['a'])).toMatchObject({ stdout: 'a\n' });
    expect(await run({ allow: ['echo b *'] }, command('echo'), {}, ['a'])).toMatchObject({
      outcome: 'failed',
      stdout: '',
    });
    expect(await run({ allow: ['echo'] }, shell('echo yes'))).toMatchObject({ outcome: 'failed', stdout: '' });
    expect(await run({ allow: ['/bin/sh -c *'] }, shell('echo yes'))).toMatchObject({ stdout: 'yes\n' });
  });

  test('the job cannot choose what a named program is, or what it loads', async () => {
    const evil = join(dir, 'evil');
    mkdirSync(evil);
    writeFileSync(join(evil, 'true'), '#!/bin/sh\necho evil\n');
    chmodSync(join(evil, 'true'), 0o755);
    for (const [name, value] of Object.entries({
      PATH: evil,
      LD_PRELOAD: '/x.so',
      LD_LIBRARY_PATH: evil,
      BASH_ENV: '/x',
      NODE_OPTIONS: '-r /x',
      PYTHONPATH: evil,
      PERL5OPT: '-Mx',
      GIT_SSH_COMMAND: 'x',
      'BASH_FUNC_ls%%': '() { echo evil; }',
      ANY: '() { echo evil; }',
      // What a program reads of these is BASH_ENV, and LD_PRELOAD.
      'BASH_ENV=/x': '',
      'LD_PRELOAD=/x.so:': '',
      HOME: evil,
      XDG_CONFIG_HOME: evil,
      OPENSSL_CONF: '/x',
      _JAVA_OPTIONS: '-agentpath:/x.so',
      TAR_OPTIONS: '--to-command=x',
      SSH_ASKPASS: '/x',
      MANPAGER: 'x',
    })) {
      const outcome = await run({ allow: ['true'] }, command('true'), { env: { [name]: value } });
      expect(outcome).toMatchObject({ outcome: 'failed', started: false, stdout: '' });
      expect(outcome.error).toContain(name);
    }
    expect(await run({ allow: ['true'] }, command('true'), { cwd: evil })).toMatchObject({ stdout: '', exitCode: 0 });
    expect(await run({ allow: ['true'] }, command('./true'), { cwd: evil })).toMatchObject({ outcome: 'failed' });
    expect(
      await run({ allow: ['env'] }, command('env'), { env: { PATHS: '1', LIGHT: '2', HOMER: '3' } }),
    ).toMatchObject({
      stdout: expect.stringContaining('LIGHT=2'),
    });
  });
});

describe('--work-root', () => {
  const root = join(dir, 'root');
  mkdirSync(join(root, 'in', 'deep'), { recursive: true });
  mkdirSync(join(dir, 'rooted'));
  symlinkSync(dir, join(root, 'out'));
  symlinkSync(join(root, 'in'), join(dir, 'back'));
  symlinkSync('in', join(root, 'link'));
  const judge = judgeBy({ ...noRules, workRoot: root }, '');
  const placed = (cwd: string | null) => judge({ argv: ['x'], env: {}, cwd, stdin: null }, {}).cwd;

  test.each<[string | null, string]>([
    [null, '.'],
    ['.', '.'],
    ['in', 'in'],
    ['in/../in/deep', 'in/deep'],
    ['link/deep', 'in/deep'],
    [join(dir, 'back', 'deep'), 'in/deep'], // a link from outside into it
    [root, '.'],
    [`${root}/in/`, 'in'],
  ])('%s is within', (cwd, place) => {
    expect(placed(cwd)).toBe(join(root, place));
  });

  test.each([
    '..',
    '../rooted',
    'in/../..',
    'out',
    'out/root/../rooted',
    '/',
    dir,
    join(dir, 'rooted'),
    `${root}ed`,
    'link/../../rooted',
    '/no/such/place',
    'a\0b',
  ])('%j is outside', (cwd) => {
    expect(() => placed(cwd)).toThrow(NotAllowed);
  });

  test('a task starts there, or fails with the reason', async () => {
    expect(await run({ workRoot: root }, command('pwd', '-P'))).toMatchObject({ stdout: `${root}\n` });
    expect(await run({ workRoot: root }, command('pwd', '-P'), { cwd: 'link' })).toMatchObject({
      stdout: `${root}/in\n`,
    });
    expect(await run({ workRoot: root }, command('touch', 'x'), { cwd: `${root}/out` })).toMatchObject({
      outcome: 'failed',
      started: false,
      exitCode: 126,
      error: `this node starts tasks only in ${root}, which ${root}/out is not in`,
    });
    expect(await run({ workRoot: root }, command('pwd'), { cwd: 'nothing' })).toMatchObject({
      error: `no such directory: ${root}/nothing`,
    });
  });

  test.each([
    ['a kept one', (launch: Launch) => shellLine(launch, {}, join(dir, 'o'), join(dir, 'e'))],
    ['one that becomes the program', (launch: Launch) => becomingLine(launch, null)],
  ])('a link that takes the place of the directory meanwhile leads nowhere: %s', (_how, lineFor) => {
    const place = join(root, `swapped-${_how}`);
    mkdirSync(place);
    const { cwd, unlinked } = judge({ argv: ['x'], env: {}, cwd: place, stdin: null }, {});
    const there = join(dir, `there-${_how}`);
    const line = lineFor({ argv: ['/usr/bin/touch', there], env: {}, cwd, unlinked, stdin: null }) as string;
    const carryOut = () => spawnSync('/bin/sh', ['-s'], { input: `${line}\n`, env: {} }).status;
    expect(carryOut()).toBe(0);
    expect(existsSync(there)).toBe(true);
    rmSync(there);
    rmSync(place, { recursive: true });
    symlinkSync(dir, place);
    expect(carryOut()).toBe(126);
    expect(existsSync(there)).toBe(false);
  });

  test('a directory that has just gone is not replaced by another', async () => {
    const fake = fakeCoordinator();
    await using _ = await agentOn(fake, { rules: houseRules({ workRoot: root }) });
    const place = join(root, 'short-lived');
    mkdirSync(place);
    const at = async () => {
      const [attempt] = give(fake, command('pwd', '-P'), { cwd: place });
      const outcome = await outcomeOf(fake, attempt);
      return { ...outcome, stdout: fake.output(outcome, 1).toString() };
    };
    for (let i = 0; i < 5; i++) expect(await at()).toMatchObject({ exitCode: 0, stdout: `${place}\n` });
    rmSync(place, { recursive: true });
    expect(await at()).toMatchObject({ outcome: 'failed', stdout: '' });
  });

  test('that is no directory is refused where the node starts', () => {
    expect(() => houseRules({ workRoot: join(dir, 'missing') })).toThrow(LbtopError);
  });
});

describe('--run-as', () => {
  const isRoot = process.getuid?.() === 0;
  if (!isRoot) console.log('not root: tasks of another account are not tested');

  test('an account that is not there, or not ours to be, is refused where the node starts', () => {
    expect(() => houseRules({ runAs: 'no-such-account' })).toThrow(/no account no-such-account.*--run-as/);
    expect(() => houseRules({ runAs: '-u' })).toThrow(/no account/);
    if (!isRoot) expect(() => houseRules({ runAs: 'root' })).toThrow(/only root/);
  });

  const identity =
    'echo $(id -u) $(id -g) $(id -G); echo out > /dev/stdout; echo err > /dev/stderr; echo $HOME $USER; exec 9>&1; sleep 0.2';

  test.runIf(isRoot).each([true, false])(
    'tasks are its processes, in no other group (control groups: %s)',
    async (controlGroups) => {
      const fake = fakeCoordinator();
      await using _ = await agentOn(fake, { rules: houseRules({ runAs: 'nobody' }), controlGroups });
      const [attempt] = give(fake, command('sh', '-c', identity));
      const outcome = await outcomeOf(fake, attempt);
      const [uid, gid, home] = ['-u', '-g']
        .map((flag) => execFileSync('id', [flag, 'nobody']).toString().trim())
        .concat(execFileSync('getent', ['passwd', 'nobody']).toString().split(':')[5] as string);
      expect(outcome).toMatchObject({ outcome: 'succeeded', exitCode: 0 });
      expect(fake.output(outcome, 1).toString()).toBe(`${uid} ${gid} ${gid}\nout\n${home} nobody\n`);
      expect(fake.output(outcome, 2).toString()).toBe('err\n');
    },
  );

  test.runIf(isRoot).each([true, false])(
    'and what it hides is ended with it (control groups: %s)',
    async (controlGroups) => {
      const fake = fakeCoordinator();
      await using _ = await agentOn(fake, { rules: houseRules({ runAs: 'nobody' }), controlGroups });
      const [attempt] = give(fake, command('sh', '-c', 'setsid sleep 1000 & echo $!; wait'));
      await vi.waitFor(() => expect(fake.output(attempt as never, 1).toString()).toMatch(/^\d+\n$/), {
        timeout: 10_000,
      });
      const hidden = Number(fake.output(attempt as never, 1).toString());
      fake.say({ kind: 'stop', attempts: [attempt as never], why: 'cancelled' });
      expect(await outcomeOf(fake, attempt)).toMatchObject({ outcome: 'stopped' });
      await vi.waitFor(() => expect(lives(hidden)).toBe(false), { timeout: 10_000 });
    },
  );

  test.runIf(isRoot).each([true, false])(
    'a task begins where its account may go, and nowhere else (control groups: %s)',
    async (controlGroups) => {
      const kept = mkdtempSync(join(dir, 'kept-')); // 0700: what is below is not for others, whatever its own mode
      const place = join(kept, 'below');
      mkdirSync(place, { mode: 0o755 });
      writeFileSync(join(place, 'file'), 'not for others', { mode: 0o644 });
      chmodSync(place, 0o755);
      chmodSync(dir, 0o755);
      const fake = fakeCoordinator();
      await using _ = await agentOn(fake, { rules: houseRules({ runAs: 'nobody' }), controlGroups });
      const [inside, open] = [place, dir].map((cwd) => give(fake, command('sh', '-c', 'cat file; pwd'), { cwd })[0]);
      const outcome = await outcomeOf(fake, inside);
      expect(outcome).toMatchObject({ outcome: 'failed', exitCode: 126 });
      expect(fake.output(outcome, 1).toString()).toBe('');
      expect(fake.output(outcome, 2).toString()).toBe(`lbtop: cannot enter the directory: ${place}\n`);
      expect(fake.output(await outcomeOf(fake, open), 1).toString()).toBe(`${dir}\n`);
    },
  );

  test.runIf(isRoot).each([
    [['no-such-program'], 'no such program: no-such-program'],
    [['-c', 'x'], 'no such program: -c'],
    [['/no/such/program'], 'no such program: /no/such/program'],
    [[tmpdir()], `no permission to execute: ${tmpdir()}`],
    [['echo', 'a\0b'], expect.stringContaining('NUL')],
    [['echo', 'x'.repeat(500_000)], expect.stringContaining('argument list too long')],
  ])('%j cannot be started, and the error says why', async (argv, error) => {
    expect(await run({ runAs: 'nobody' }, command(...argv))).toMatchObject({
      outcome: 'failed',
      started: false,
      error,
    });
  });

  test.runIf(isRoot)("it can neither read what is only root's nor become root", async () => {
    const mine = join(dir, 'mine');
    writeFileSync(mine, 'secret', { mode: 0o600 });
    const denied = await run(
      { runAs: 'nobody' },
      command('sh', '-c', `cat ${mine}; kill -0 ${process.pid}; echo done`),
    );
    expect(denied).toMatchObject({ stdout: 'done\n' });
    expect(denied.stderr).toMatch(/Permission denied[\s\S]*not permitted/);
  });
});
