/** What a command may expect of a node, whichever way its process is started. */
import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { AgentOptions } from '../../source/node/agent.ts';
import { processStat } from '../../source/node/process-stat.ts';
import {
  agentOn as anyAgentOn,
  command,
  type FakeCoordinator,
  fakeCoordinator,
  give,
  outcomeOf,
  shell,
  until,
} from './fake-coordinator.ts';

/** True while a process is there and not dead. */
export function lives(pid: number): boolean {
  const stat = processStat(pid);
  return stat !== null && !'ZX'.includes(stat.state);
}

/** Waits until the processes of an agent are started by a shell that it keeps. */
async function warm(fake: FakeCoordinator): Promise<void> {
  for (;;) {
    const [attempt] = give(fake, command('sh', '-c', 'echo $PPID'));
    const outcome = await outcomeOf(fake, attempt);
    if (Number(fake.output(outcome, 1).toString()) !== process.pid) break;
  }
  fake.heard.length = 0;
}

/** Where a process is; null where that is not to be known. */
function directoryOf(pid: string): string | null {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return null;
  }
}

/** Reads a file once it holds a whole line. */
export function line(path: string): Promise<string> {
  return until(() => existsSync(path) && /^(.+)\n/.exec(readFileSync(path, 'utf8'))?.[1]);
}

export function commandSuite(how: string, options: Partial<AgentOptions>): void {
  async function agentOn(fake: FakeCoordinator, given: Partial<AgentOptions>) {
    const agent = await anyAgentOn(fake, given);
    if (options.shells !== false) await warm(fake);
    return agent;
  }
  const dir = mkdtempSync(join(tmpdir(), 'lbtop-test-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  /** Runs one command; returns how it ended and what it wrote. */
  async function run(...given: Parameters<typeof give> extends [unknown, ...infer Rest] ? Rest : never) {
    const fake = fakeCoordinator();
    await using _ = await agentOn(fake, options);
    const [attempt] = give(fake, ...given);
    const outcome = await outcomeOf(fake, attempt);
    return { ...outcome, stdout: fake.output(outcome, 1), stderr: fake.output(outcome, 2) };
  }

  describe(how, () => {
    test('arguments are literal', async () => {
      const argv = [
        '',
        ' ',
        '$(touch canary)',
        '`id`',
        '*',
        "it's",
        '"',
        '\\',
        'a\nb',
        '-e',
        ';',
        'é€😀',
        '$HOME',
        '~',
        '!x',
        '#',
      ];
      const { stdout, outcome } = await run(command('printf', '%s\\0', ...argv));
      expect(outcome).toBe('succeeded');
      expect(stdout.toString().split('\0').slice(0, -1)).toEqual(argv);
    });

    test('exit codes and signals are told apart', async () => {
      const fake = fakeCoordinator();
      await using _ = await agentOn(fake, { ...options, slots: 4 });
      const codes = [0, 1, 2, 126, 127, 128, 129, 137, 143, 255];
      const exits = codes.map((code) => give(fake, command('sh', '-c', `exit ${code}`))[0]);
      const signals = ['KILL', 'SEGV', 'TERM', 'HUP', 'USR1', 'ABRT'];
      const killed = signals.map((name) => give(fake, command('sh', '-c', `kill -${name} $$`))[0]);
      const ends = await Promise.all(exits.map((one) => outcomeOf(fake, one)));
      expect(ends.map(({ exitCode, signal, outcome }) => [exitCode, signal, outcome])).toEqual(
        codes.map((code) => [code, null, code === 0 ? 'succeeded' : 'failed']),
      );
      const dead = await Promise.all(killed.map((one) => outcomeOf(fake, one)));
      expect(dead.map(({ exitCode, signal, error }) => [exitCode, signal, error])).toEqual(
        signals.map((name) => [null, `SIG${name}`, `killed by SIG${name}`]),
      );
    });

    test('what says of a signal is not in stderr, and what a program says is', async () => {
      const fake = fakeCoordinator();
      await using _ = await agentOn(fake, { ...options, slots: 2 });
      const nested = 'sh -c \'kill -9 "$$"\'; exit $?';
      const table: [script: string, exitCode: number | null, signal: string | null, stderr: string][] = [
        ['printf abc >&2; kill -9 $$', null, 'SIGKILL', 'abc'],
        ['printf "Killed\\n" >&2; exit 137', 137, null, 'Killed\n'],
        ['printf "Killed\\n" >&2; kill -9 $$', null, 'SIGKILL', 'Killed\n'],
        [nested, 137, null, 'Killed\n'],
        ['kill -TERM $$', null, 'SIGTERM', ''],
        ['head -c 200000 /dev/zero >&2; kill -SEGV $$', null, 'SIGSEGV', '\0'.repeat(200_000)],
        ['printf a >&2; sleep 0.1; printf "b\\n" >&2; sleep 0.2; kill -9 $$', null, 'SIGKILL', 'ab\n'],
        ['printf a >&2; sleep 0.1; printf b >&2; exit 137', 137, null, 'ab'],
        ['sleep 0.1; printf e >&2; exec 2>&-; sleep 0.1; kill -9 $$', null, 'SIGKILL', 'e'],
      ];
      // More than once: a shell's first task is not run as its later ones are.
      const rows = [...table, ...table, ...table];
      const given = rows.map(([script]) => give(fake, command('sh', '-c', script))[0]);
      const ends = await Promise.all(given.map((one) => outcomeOf(fake, one)));
      const seen = ends.map((end) => [end.exitCode, end.signal, fake.output(end, 2).toString()]);
      expect(seen).toEqual(rows.map(([, ...expected]) => expected));
    });

    test('the environment holds what it should, and nothing of the agent', async () => {
      process.env.LBTOP_SECRET = 'canary';
      process.env.CANARY = 'canary';
      const { stdout, job } = await run(command('env'), { env: { MINE: 'a b\nc', LANG: 'C' }, items: 'lines' }, ['x']);
      // `env` got the item as its argument and ran nothing
      expect(stdout.toString()).toBe('');
      const full = await run(
        command('env', '-0'),
        { env: { MINE: 'a b\nc', LANG: 'C' }, span: { count: 5, first: 7, step: 2 } },
        [null],
      );
      const env = Object.fromEntries(
        full.stdout
          .toString()
          .split('\0')
          .slice(0, -1)
          .map((one) => one.split(/=(.*)/s, 2)),
      );
      expect(env).toMatchObject({
        MINE: 'a b\nc',
        LANG: 'C',
        PATH: process.env.PATH,
        LBTOP_JOB_ID: String(full.job),
        LBTOP_TASK_ID: `${full.job}.7`,
        LBTOP_TASK_INDEX: '7',
        LBTOP_ATTEMPT: '1',
        LBTOP_NODE: 'n1',
      });
      const allowed =
        /^(PATH|HOME|LANG|LC_.*|TZ|TMPDIR|USER|SHELL|MINE|LBTOP_(JOB_ID|TASK_ID|TASK_INDEX|ATTEMPT|NODE|ENTRY|AGENT))$/;
      expect(Object.keys(env).filter((name) => !allowed.test(name))).toEqual([]);
      expect(full.stdout.includes('canary')).toBe(false);
      expect(job).toBeLessThan(full.job);
    });

    test('items: the entry and the placeholders', async () => {
      const fake = fakeCoordinator();
      await using _ = await agentOn(fake, options);
      const given = give(
        fake,
        command('sh', '-c', 'echo "$LBTOP_ENTRY|$1|$2"', 'sh', '<{}>', '{#}'),
        { items: 'lines', span: { count: 2, first: 3, step: 4 } },
        ['a $(id) b', "c'd"],
      );
      await Promise.all(given.map((one) => outcomeOf(fake, one)));
      expect(given.map((one) => fake.output(one, 1).toString())).toEqual([
        'a $(id) b|<a $(id) b>|3\n',
        "c'd|<c'd>|7\n",
      ]);
    });

    test('--shell', async () => {
      const { stdout } = await run(shell('echo "one $0"; echo two | tr a-z A-Z; echo {}'), { items: 'lines' }, [
        "a  $(id) 'b",
      ]);
      expect(stdout.toString()).toBe("one /bin/sh\nTWO\na  $(id) 'b\n");
    });

    test('the working directory', async () => {
      const { stdout } = await run(command('pwd', '-P'), { cwd: dir });
      expect(stdout.toString()).toBe(`${dir}\n`);
      const missing = await run(command('pwd'), { cwd: join(dir, 'none') });
      expect(missing).toMatchObject({
        outcome: 'failed',
        started: false,
        exitCode: null,
        error: `no such directory: ${join(dir, 'none')}`,
      });
      writeFileSync(join(dir, 'file'), '');
      const file = await run(command('pwd'), { cwd: join(dir, 'file') });
      expect(file).toMatchObject({ outcome: 'failed', started: false, error: `not a directory: ${join(dir, 'file')}` });
    });

    test('a directory is of its task alone', async () => {
      const fake = fakeCoordinator();
      await using _ = await agentOn(fake, { ...options, slots: 1 });
      const gone = mkdtempSync(join(dir, 'it is '));
      const here = options.rules === undefined ? process.cwd() : '/'; // its work root
      const of = async (cwd: string | null, code: string) => {
        const [attempt] = give(fake, command('sh', '-c', 'pwd -P; exit $1', 'sh', code), {
          cwd,
        });
        const { exitCode, signal, ...end } = await outcomeOf(fake, attempt);
        return [fake.output(end, 1).toString(), exitCode, signal];
      };
      const seen = async (cwd: string | null) => {
        const [attempt] = give(fake, command('env'), { cwd });
        return fake
          .output(await outcomeOf(fake, attempt), 1)
          .toString()
          .match(/^(OLDPWD|PWD|lbtop_.*)=.*$/gm);
      };
      expect(await of(gone, '7')).toEqual([`${gone}\n`, 7, null]);
      expect(await of(null, '0')).toEqual([`${here}\n`, 0, null]);
      expect(await of(dir, '137')).toEqual([`${dir}\n`, 137, null]);
      const [killed] = give(fake, command('sh', '-c', 'printf x >&2; kill -9 $$'), { cwd: gone });
      const end = await outcomeOf(fake, killed);
      expect([end.exitCode, end.signal, fake.output(end, 2).toString()]).toEqual([null, 'SIGKILL', 'x']);
      expect([await seen(gone), await seen(null)]).toEqual([null, null]);
      // Nobody is in there any more.
      const inside = readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && directoryOf(pid)?.startsWith(gone));
      expect(inside).toEqual([]);
    });

    test('stdin', async () => {
      const stdin = randomBytes(300_000);
      const { stdout } = await run(command('cat'), { stdin });
      expect(stdout.equals(stdin)).toBe(true);
      const again = await run(command('cat', '/dev/stdin'), { stdin });
      expect(again.stdout.equals(stdin)).toBe(true);
      const none = await run(command('cat'));
      expect(none).toMatchObject({ outcome: 'succeeded', stdoutBytes: 0 });
      const unread = await run(command('true'), { stdin });
      expect(unread.outcome).toBe('succeeded');
    });

    test('programs that cannot be started', async () => {
      writeFileSync(join(dir, 'plain'), 'echo hi\n', { mode: 0o644 });
      writeFileSync(join(dir, 'bad'), '#!/no/such/interpreter\n');
      chmodSync(join(dir, 'bad'), 0o755);
      const fake = fakeCoordinator();
      await using _ = await agentOn(fake, { ...options, slots: 4 });
      const table: [string[], number | null, string][] = [
        [['no-such-program', 'x'], 127, 'no such program: no-such-program'],
        [['/no/such/program'], 127, 'no such program: /no/such/program'],
        [[join(dir, 'plain')], 126, `no permission to execute: ${join(dir, 'plain')}`],
        [[dir], 126, `no permission to execute: ${dir}`],
        [[join(dir, 'bad')], 127, `no such program: the interpreter of ${join(dir, 'bad')}`],
        [[''], null, 'a command, its environment and its directory cannot hold a NUL character, nor be empty'],
        [
          ['echo', 'a\0b'],
          null,
          'a command, its environment and its directory cannot hold a NUL character, nor be empty',
        ],
        [[], null, 'a command, its environment and its directory cannot hold a NUL character, nor be empty'],
        [
          ['echo', 'x'.repeat(500_000)],
          126,
          'argument list too long: arguments and environment exceed what this system takes',
        ],
      ];
      const given = table.map(([argv]) => give(fake, command(...argv))[0]);
      const ends = await Promise.all(given.map((one) => outcomeOf(fake, one)));
      expect(ends.map((one) => [one.outcome, one.exitCode, one.error, one.started])).toEqual(
        table.map(([, exitCode, error]) => ['failed', exitCode, error, false]),
      );
      const [after] = give(fake, command('echo', 'ok'));
      expect(await outcomeOf(fake, after)).toMatchObject({ outcome: 'succeeded' });
    });

    test('both streams are real pipes', async () => {
      const { stdout, stderr } = await run(
        command(
          'sh',
          '-c',
          'echo a > /dev/stdout; echo b > /dev/stderr; echo c >> /dev/fd/2; test -p /dev/stdout && echo pipe',
        ),
      );
      expect([stdout.toString(), stderr.toString()]).toEqual(['a\npipe\n', 'b\nc\n']);
    });

    test('output is byte-exact, whatever the size of its writes', async () => {
      const bytes = randomBytes(3_000_000);
      const small = Buffer.from([...randomBytes(3_000), 0, 10, 13, 0xff, 0xc3, 0x28]);
      writeFileSync(join(dir, 'bytes'), bytes);
      writeFileSync(join(dir, 'small'), small);
      const big = await run(command('sh', '-c', `cat ${join(dir, 'bytes')}; cat ${join(dir, 'bytes')} >&2`));
      expect(big.stdout.equals(bytes) && big.stderr.equals(bytes)).toBe(true);
      expect(big).toMatchObject({ stdoutBytes: bytes.length, stderrBytes: bytes.length });
      const single = await run(command('dd', `if=${join(dir, 'small')}`, 'bs=1', 'status=none'));
      expect(single.stdout.equals(small)).toBe(true);
    });

    test("$$ is its own, in a process group that is not the agent's", async () => {
      const { stdout } = await run(command('sh', '-c', 'echo $$; cat /proc/$$/stat'));
      const [pid, stat] = stdout.toString().split('\n') as [string, string];
      const own = processStat('self');
      expect(Number(pid)).toBe(Number(stat.split(' ')[0]));
      expect(Number(pid)).not.toBe(process.pid);
      expect(Number(stat.split(' ')[4])).not.toBe(own?.group);
    });

    test('a task that kills its group ends itself and nothing else', async () => {
      const fake = fakeCoordinator();
      await using _ = await agentOn(fake, options);
      const [first] = give(fake, command('sh', '-c', 'kill -9 0'));
      expect(await outcomeOf(fake, first)).toMatchObject({ outcome: 'failed', signal: 'SIGKILL', exitCode: null });
      const [second] = give(fake, command('sh', '-c', 'kill 0; sleep 5'));
      expect(await outcomeOf(fake, second)).toMatchObject({ outcome: 'failed', signal: 'SIGTERM', exitCode: null });
      const [third] = give(fake, command('echo', 'alive'));
      expect(await outcomeOf(fake, third)).toMatchObject({ outcome: 'succeeded' });
      expect(fake.output({ ...third } as never, 1).toString()).toBe('alive\n');
    });

    test('who holds the streams open after the end does not hold up the end, and is ended', async () => {
      const file = join(dir, 'holder');
      const began = performance.now();
      const { stdout, outcome } = await run(
        command('sh', '-c', `(echo $$ > /dev/null; exec sleep 60) & echo $! > ${file}; echo done`),
      );
      expect(stdout.toString()).toBe('done\n');
      expect(outcome).toBe('succeeded');
      expect(performance.now() - began).toBeLessThan(10_000);
      const pid = Number(await line(file));
      await until(() => !lives(pid));
    });

    test('time-out', async () => {
      const { outcome, error, signal, stdout, started } = await run(command('sh', '-c', 'echo begun; exec sleep 60'), {
        timeoutMs: 400,
      });
      expect({ outcome, error, signal, started }).toEqual({
        outcome: 'failed',
        error: 'timed out after 400ms',
        signal: 'SIGTERM',
        started: true,
      });
      expect(stdout.toString()).toBe('begun\n');
    });

    test('stop: gently, then hard, and the whole group', async () => {
      const fake = fakeCoordinator();
      await using _ = await agentOn(fake, { ...options, slots: 3 });
      const gentle = join(dir, 'gentle');
      const deaf = join(dir, 'deaf');
      const [one] = give(
        fake,
        command('sh', '-c', `trap "echo bye; exit 3" TERM; sleep 60 & echo $$ > ${gentle}; wait`),
      );
      const [two] = give(
        fake,
        command('sh', '-c', `trap "" TERM; (sleep 60; echo) & echo $! > ${deaf}; sleep 60; sleep 60; sleep 60`),
      );
      const [pid, child] = await Promise.all([line(gentle), line(deaf)]);
      const asked = performance.now();
      fake.say({ kind: 'stop', attempts: [one, two].flatMap((key) => key ?? []), why: 'cancelled by the test' });
      expect(await outcomeOf(fake, one)).toMatchObject({
        outcome: 'stopped',
        exitCode: 3,
        error: 'cancelled by the test',
        started: true,
      });
      expect(fake.output({ ...one } as never, 1).toString()).toBe('bye\n');
      expect(await outcomeOf(fake, two)).toMatchObject({ outcome: 'stopped', signal: 'SIGKILL' });
      expect(performance.now() - asked).toBeGreaterThan(280);
      await until(() => !lives(Number(pid)) && !lives(Number(child)));
      const [three] = give(fake, command('echo', 'next'));
      expect(await outcomeOf(fake, three)).toMatchObject({ outcome: 'succeeded' });
    });

    test('stop finds who left the group', async () => {
      const fake = fakeCoordinator();
      await using _ = await agentOn(fake, options);
      const file = join(dir, 'daemon');
      const [one] = give(
        fake,
        command('sh', '-c', `setsid sh -c 'sh -c "echo \\$\\$ > ${file}; exec sleep 60" &' >/dev/null 2>&1; sleep 60`),
      );
      const pid = Number(await line(file));
      const daemon = await until(() => (lives(pid) ? pid : null));
      fake.say({ kind: 'stop', attempts: one ? [one] : [], why: 'x' });
      await outcomeOf(fake, one);
      await until(() => !lives(daemon));
    });

    test('CPU time is counted', async () => {
      const { cpuMs, runMs } = await run(shell('i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done'));
      expect(cpuMs).toBeGreaterThan(30);
      expect(cpuMs).toBeLessThan(runMs + 100);
    });
  });
}
