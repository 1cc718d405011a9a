import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { processStat } from '../../source/node/process-stat.ts';
import { openSpool } from '../../source/node/spool.ts';
import { guardOf } from '../chaos/process-care.ts';
import { line, lives } from './command-suite.ts';
import { agentOn, fakeCoordinator, until } from './fake-coordinator.ts';

let dir = '';
let children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'lbtop-test-'));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(dir, { recursive: true, force: true });
});

/** Starts an agent of its own process; returns what it printed so far. */
function start(text = '', how = '') {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'agent-process.ts'), dir, text, how], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      printed += chunk;
    });
  return {
    child,
    printed: () => printed,
    ended: new Promise<void>((resolve) => child.once('close', () => resolve())),
  };
}

/** What is left running by a task of these tests: a child, and one that left its process group. */
const leaving = () => `sleep 61 & echo $! > ${dir}/one; setsid sh -c 'echo $$ > ${dir}/two; exec sleep 62' & sleep 63`;
const left = async () => [Number(await line(join(dir, 'one'))), Number(await line(join(dir, 'two')))];

test('an agent that is killed takes its tasks with it', async () => {
  const first = start(leaving());
  const pids = await left();
  const guard = await guardOf(first.child);
  first.child.kill('SIGKILL');
  await until(() => !pids.some(lives) && !lives(guard));
  expect(readdirSync(join(dir, 'node-n1'))).toEqual(['spool']);
});

test('a guard that is killed is replaced', async () => {
  const first = start(leaving());
  const pids = await left();
  const guard = await guardOf(first.child);
  process.kill(guard, 'SIGKILL');
  await guardOf(first.child, guard);
  first.child.kill('SIGKILL');
  await until(() => !pids.some(lives));
});

test('an agent that was killed with its guard: its successor ends what is left', async () => {
  const first = start(leaving());
  const pids = await left();
  const second = start();
  await second.ended; // the first lives: this one does not start
  expect(second.printed()).toContain(`another node (pid ${first.child.pid}) keeps its state in`);
  expect(second.printed()).not.toContain('output');
  const guard = await guardOf(first.child);
  process.kill(guard, 'SIGSTOP');
  first.child.kill('SIGKILL');
  await first.ended;
  process.kill(guard, 'SIGKILL');
  expect(pids.every(lives)).toBe(true);
  const fake = fakeCoordinator();
  await using agent = await agentOn(fake, { stateDir: dir });
  expect(pids.some(lives)).toBe(false);
  expect(agent.logged.some((one) => /ended \d+ process/.test(one))).toBe(true);
  expect(fake.of('join')[0]).toMatchObject({ running: [], waiting: [], ended: [] });
  expect(readdirSync(join(dir, 'node-n1')).filter((name) => name.startsWith('lbtop-')).length).toBe(1);
});

test('an outcome that was not settled is told by the successor until it is', async () => {
  const first = start('exit 5');
  await until(() => first.printed().includes('failed 5'));
  first.child.kill('SIGKILL');
  await first.ended;
  for (const settled of [false, true]) {
    const fake = fakeCoordinator();
    fake.auto.settled = settled;
    await using agent = await agentOn(fake, { stateDir: dir });
    await until(() => fake.outcomes().length === 1);
    expect(fake.outcomes()[0]).toMatchObject({ outcome: 'failed', exitCode: 5 });
    expect(fake.of('join')[0]?.ended.length).toBe(1);
    if (settled) await until(() => agent.snapshot().link === 'open' && agent.snapshot().unsettled === 0);
  }
  const spool = openSpool(join(dir, 'node-n1'), 'x', () => {});
  expect(spool.ends).toEqual([]);
  spool.close();
});

test('what a task wrote and nobody had stored is told by the successor, before its end', async () => {
  const first = start('yes 0123456789 | head -c 300000; echo oops >&2', 'unheard');
  await until(() => first.printed().includes('kept'));
  first.child.kill('SIGKILL');
  await first.ended;
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { stateDir: dir });
  const outcome = await until(() => fake.outcomes()[0]);
  expect(outcome).toMatchObject({ outcome: 'succeeded', stdoutBytes: 300_000, stderrBytes: 5 });
  expect(fake.output(outcome, 1).equals(Buffer.from('0123456789\n'.repeat(27_273)).subarray(0, 300_000))).toBe(true);
  expect(fake.output(outcome, 2).toString()).toBe('oops\n');
  expect(fake.heard.findLastIndex(({ kind }) => kind === 'output')).toBeLessThan(
    fake.heard.findIndex(({ kind }) => kind === 'ended'),
  );
});

test('a pid that another process has now is left alone', async () => {
  const bystander = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
  children.push(bystander);
  const pid = await until(() => bystander.pid);
  const startTicks = processStat(pid)?.startTicks ?? 0;
  const spool = openSpool(join(dir, 'node-n1'), 'old', () => {});
  spool.began({ pid, startTicks: startTicks - 1 });
  spool.close();
  await using _ = await agentOn(fakeCoordinator(), { stateDir: dir });
  expect(lives(pid)).toBe(true);
});

test('SIGTERM: tasks are stopped, told, and nothing is left', async () => {
  const first = start(`trap '' TERM; setsid sleep 61 & echo $! > ${dir}/one; sleep 62; sleep 62; sleep 62`);
  const pid = Number(await line(join(dir, 'one')));
  first.child.kill('SIGTERM');
  await first.ended;
  expect(first.child.exitCode).toBe(0);
  await until(() => !lives(pid));
  expect(readFileSync(join(dir, 'node-n1', 'spool'), 'utf8')).toContain('"stopped"');
  expect(readdirSync(join(dir, 'node-n1'))).toEqual(['spool']);
});

test('an agent whose process ends otherwise takes its tasks with it', async () => {
  writeFileSync(
    join(dir, 'throws.ts'),
    `process.argv[2] = ${JSON.stringify(dir)};\nprocess.argv[3] = 'echo $$ > ${dir}/one; sleep 60';\nsetTimeout(() => { throw new Error('unforeseen'); }, 1_500);\nawait import(${JSON.stringify(join(import.meta.dirname, 'agent-process.ts'))});\n`,
  );
  const child = spawn(process.execPath, [join(dir, 'throws.ts')], { stdio: 'ignore' });
  children.push(child);
  const pid = Number(await line(join(dir, 'one')));
  await until(() => !lives(pid));
});
