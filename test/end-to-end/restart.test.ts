/** Those that wait for a coordinator while it is killed and started again. */
import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connect, type EventLine, type JobRow, type NodeRow } from '../../source/client/index.ts';
import { type Cluster, finished, program, type Ran, startCluster, until } from '../helpers/lbtop.ts';
import { noTerminal, openTerminal, type TestTerminal } from '../helpers/terminal.ts';

const durable = () => startCluster(['a', 'b'], undefined, { durable: true });

const without = noTerminal();

interface Listened {
  child: ChildProcess;
  ran: Promise<Ran>;
  out(): string;
  err(): string;
}

function listen(child: ChildProcess): Listened {
  let out = '';
  let err = '';
  child.stdout?.on('data', (data) => {
    out += data;
  });
  child.stderr?.on('data', (data) => {
    err += data;
  });
  return { child, ran: finished(child), out: () => out, err: () => err };
}

/** `lbtop wait` says nothing before the end but on a terminal: there its progress shows that it waits. */
async function waitingIn(cluster: Cluster, ...args: string[]): Promise<TestTerminal> {
  const [node, script] = program();
  const terminal = openTerminal(node, [script, 'wait', ...args], {
    env: cluster.fleet.environment as Record<string, string>,
    columns: 160,
  });
  await terminal.waitFor(/\d\/\d/);
  return terminal;
}

const linesOf = (text: string): string[] => text.split('\n').filter((line) => line !== '');

/** Says a line before and one after its gate is open. */
const gated = 'echo "begin $1"; until test -e "$0-$1"; do sleep 0.02; done; echo "end $1"';

const jobOf = async (cluster: Cluster, job: number) =>
  (await cluster.json<JobRow[]>(['jobs'])).find((row) => row.job === job);

test.skipIf(without !== null)(
  'what waits goes on after kill -9: nothing is missing, nothing comes twice, and stderr tells of it',
  async () => {
    await using cluster = await durable();
    const gate = join(cluster.directory, 'gate');
    const open = (...indices: number[]) => {
      for (const index of indices) writeFileSync(`${gate}-${index}`, '');
    };
    const command = ['--', 'sh', '-c', gated, gate, '{#}'];
    const run = listen(cluster.start(['run', '--array', '0-5', ...command]));
    await until(async () => (await jobOf(cluster, 1))?.running === 4);
    const words = {
      run,
      logs: listen(cluster.start(['logs', '1', '-f'])),
      oneLog: listen(cluster.start(['logs', '1.1', '-f'])),
      events: listen(cluster.start(['events', '-f', '--json', '--last', '1000'])),
      watch: listen(cluster.start(['nodes', '--watch=100ms', '--json'])),
    };
    const all = Object.values(words);
    const wait = await waitingIn(cluster, '1');
    open(0);
    await until(
      () =>
        [run, words.logs].every(({ out }) => out() === 'begin 0\nend 0\nbegin 1\n') &&
        words.oneLog.out() === 'begin 1\n' &&
        words.events.out() !== '' &&
        words.watch.out() !== '',
    );

    await cluster.fleet.killCoordinator();
    await until(() => all.every(({ err }) => err().includes('trying to reach it again for 2m00s\n')));
    open(1, 2); // they end while nobody is there to be told
    await cluster.fleet.restartCoordinator();
    await until(() => all.every(({ err }) => err().includes('is there again')));
    await until(async () => (await jobOf(cluster, 1))?.succeeded === 3);
    await cluster.fleet.killCoordinator();
    await cluster.fleet.restartCoordinator();
    open(3, 4, 5);

    const text = [0, 1, 2, 3, 4, 5].map((index) => `begin ${index}\nend ${index}\n`).join('');
    expect(await run.ran).toMatchObject({ code: 0, stdout: text });
    expect(await words.logs.ran).toMatchObject({ code: 0, stdout: text });
    expect(await words.oneLog.ran).toMatchObject({ code: 0, stdout: 'begin 1\nend 1\n' });
    expect((await wait.exited).exitCode).toBe(0);
    expect(wait.text()).toMatch(/trying to reach it again for 2m00s[ \n]+lbtop: the coordinator is there again/);
    for (const { err } of [words.run, words.logs])
      expect(linesOf(err()).slice(0, 2)).toEqual([
        expect.stringMatching(/^lbtop: .*127\.0\.0\.1:\d+.*; trying to reach it again for 2m00s$/),
        expect.stringMatching(/^lbtop: the coordinator is there again after \S+$/),
      ]);

    // Each end of this job's life once: the events of all three coordinators, in order.
    const told = () => linesOf(words.events.out()).map((line) => JSON.parse(line) as EventLine);
    await until(() => told().some(({ subject, text }) => subject === 'job 1' && text.includes('succeeded')));
    const texts = told().map((event) => JSON.stringify(event));
    expect(new Set(texts).size).toBe(texts.length);
    expect(told().map(({ at }) => at)).toEqual(
      told()
        .map(({ at }) => at)
        .toSorted((a, b) => a - b),
    );
    const frames = words.watch.out().length;
    await until(() => words.watch.out().length > frames);
    for (const line of linesOf(words.watch.out()).slice(0, -1))
      expect((JSON.parse(line) as NodeRow[]).map(({ name }) => name).toSorted()).toEqual(['a', 'b']);
  },
);

test('the library: map and wait go on, in both orders, each result once', async () => {
  await using cluster = await durable();
  const { host, port, secretFile } = cluster.fleet;
  const lost: string[] = [];
  await using lbtop = await connect({ connect: `${host}:${port}`, secretFile, onLost: (why) => lost.push(why) });
  const values = Array.from({ length: 60 }, (_, index) => String(index));
  const work = { command: ['sh', '-c', 'sleep 0.05; echo "$0"', '{}'] };
  const seen: Record<'index' | 'end', string[]> = { index: [], end: [] };
  const map = async (order: 'index' | 'end'): Promise<void> => {
    for await (const { state, stdout } of lbtop.map(work, values, { order })) {
      expect(state).toBe('succeeded');
      seen[order].push(stdout ?? '');
    }
  };
  const both = Promise.all([map('index'), map('end')]);
  const kills = (async () => {
    for (const count of [5, 40]) {
      await until(() => seen.index.length + seen.end.length >= count);
      await cluster.fleet.killCoordinator();
      await until(() => lost.length > 0);
      await cluster.fleet.restartCoordinator();
    }
  })();
  await Promise.all([both, kills]);
  const whole = values.map((value) => `${value}\n`);
  expect(seen.index).toEqual(whole);
  expect(seen.end.toSorted((a, b) => Number(a) - Number(b))).toEqual(whole);
  expect((await lbtop.wait([1, 2])).map(({ succeeded }) => succeeded)).toEqual([60, 60]);
  expect(await cluster.json<JobRow[]>(['jobs'])).toHaveLength(2); // nothing was submitted again
});

test.skipIf(without !== null)(
  'a coordinator that does not come back: exit code 3 after its time, and what becomes of the job',
  async () => {
    await using cluster = await durable();
    const run = listen(cluster.start(['run', '--reconnect', '500ms', '--', 'sleep', '1000']));
    await until(async () => (await jobOf(cluster, 1))?.running === 1);
    const wait = await waitingIn(cluster, '1', '--reconnect', '500ms');
    const others = [
      listen(cluster.start(['nodes', '--watch=100ms', '--reconnect', '500ms'])),
      listen(cluster.start(['events', '-f', '--reconnect', '0'])),
    ];
    await until(() => others.every(({ out }) => out() !== ''));
    await cluster.fleet.killCoordinator();
    const ended = await Promise.all([run, ...others].map(({ ran }) => ran));
    expect(ended.map(({ code }) => code)).toEqual([3, 3, 3]);
    expect((await wait.exited).exitCode).toBe(3);
    expect(linesOf(ended[0]?.stderr ?? '').at(-1) ?? '').toMatch(
      /^lbtop: no coordinator at .*\(it went away, and was tried for 500ms\); job 1 goes on, and lbtop wait 1 waits for it$/,
    );
    expect(linesOf(ended[2]?.stderr ?? '')).toHaveLength(1);
  },
);

test.skipIf(without !== null)(
  'a coordinator that kept its jobs in memory comes back without them: said, and no other job is taken for them',
  async () => {
    await using cluster = await startCluster(['a']);
    await cluster.lbtop(['submit', '--', 'sh', '-c', 'echo here; sleep 1000']);
    const wait = await waitingIn(cluster, '1');
    const logs = listen(cluster.start(['logs', '1', '-f']));
    const table = listen(cluster.start(['status', '--watch=100ms', '--json']));
    await until(() => table.out() !== '' && logs.out() !== '');
    await cluster.fleet.killCoordinator();
    await until(() => logs.err().includes('trying to reach it again'));
    await wait.waitFor('trying to reach it again');
    await cluster.fleet.restartCoordinator();
    const gone = /is there again without the jobs that it had: it kept them in memory\s*$/;
    const { code, stderr } = await logs.ran;
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(gone) });
    expect((await wait.exited).exitCode).toBe(1);
    expect(wait.text()).toMatch(gone);
    // What names no job goes on.
    const frames = table.out().length;
    await until(() => table.out().length > frames);
  },
);

test('--direct: the output goes on to come from the node meanwhile', async () => {
  await using cluster = await durable();
  cluster.fleet.startNode('near', ['--slots', '2', '--listen', '127.0.0.1:0', '--label', 'near=yes']);
  await until(async () => (await cluster.json<NodeRow[]>(['nodes'])).some(({ name }) => name === 'near'));
  const gate = join(cluster.directory, 'gate');
  const run = listen(cluster.start(['run', '--direct', '--on', 'near=yes', '--', 'sh', '-c', gated, gate, '1']));
  await until(() => run.out() === 'begin 1\n');
  await cluster.fleet.killCoordinator();
  await until(() => run.err().includes('trying to reach it again'));
  writeFileSync(`${gate}-1`, '');
  await until(() => run.out() === 'begin 1\nend 1\n');
  await cluster.fleet.restartCoordinator();
  expect(await run.ran).toMatchObject({ code: 0, stdout: 'begin 1\nend 1\n' });
});
