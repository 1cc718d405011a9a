import { describe, expect, test } from 'vitest';
import { LbtopError } from '../../source/model/errors.ts';
import type { Clock } from '../../source/node/clock.ts';
import { openLink } from '../../source/node/link.ts';
import { backoffLimitMs } from '../../source/wire/backoff.ts';
import { agentOn, command, fakeCoordinator, give, outcomeOf, shell, task, until } from './fake-coordinator.ts';

describe('a connection that breaks', () => {
  test('tasks go on; what runs, waits and has ended is told again', async () => {
    const fake = fakeCoordinator();
    fake.auto.settled = false;
    await using _ = await agentOn(fake, { slots: 1 });
    const [ended] = give(fake, shell('echo done'));
    await outcomeOf(fake, ended);
    const [running] = give(fake, shell('echo first; sleep 1; echo second'));
    const [waiting] = give(fake, command('echo', 'third'));
    await until(() => fake.of('started').some((one) => one.attempts.some((a) => a.job === running?.job)));
    const said = fake.heard.length;
    fake.cut();
    const join = await until(() => fake.of('join')[1]);
    expect(join).toMatchObject({ running: [running], waiting: [waiting], ended: [ended] });
    expect(join.incarnation).toBe(fake.of('join')[0]?.incarnation);
    const saidSince = (): string[] => fake.heard.slice(said).map((one) => one.kind);
    await until(() => saidSince().includes('ended'));
    expect(saidSince().filter((kind) => kind !== 'heartbeat')[0]).toBe('join');
    fake.auto.settled = true;
    await outcomeOf(fake, waiting);
    expect(fake.outcomes().filter((one) => one.job === ended?.job).length).toBe(2);
    expect(running && fake.output(running, 1).toString()).toBe('first\nsecond\n');
    expect(waiting && fake.output(waiting, 1).toString()).toBe('third\n');
  });

  test('what was not stored is said again, and what the task wrote meanwhile', async () => {
    const fake = fakeCoordinator();
    await using _ = await agentOn(fake);
    fake.auto.stored = false;
    const [attempt] = give(fake, shell('echo one; sleep 0.5; echo two; sleep 0.5; echo three'));
    await until(() => fake.of('output').length > 0);
    fake.failWith = new LbtopError('unreachable', 'away');
    fake.cut();
    await until(() => attempt && fake.output(attempt, 1).toString() === 'one\n');
    fake.failWith = null;
    const outcome = await outcomeOf(fake, attempt);
    expect(fake.output(outcome, 1).toString()).toBe('one\ntwo\nthree\n');
    expect(fake.of('output').filter((one) => one.offset === 0).length).toBe(2);
  });

  test('a settled outcome is forgotten', async () => {
    const fake = fakeCoordinator();
    await using agent = await agentOn(fake);
    await outcomeOf(fake, give(fake, task('noop'))[0]);
    await until(() => agent.snapshot().unsettled === 0);
    fake.cut();
    const join = await until(() => fake.of('join')[1]);
    expect(join.ended).toEqual([]);
    expect(fake.outcomes().length).toBe(1);
  });
});

describe('said twice', () => {
  test('an assignment of what it holds changes nothing; of what has ended, the outcome comes again', async () => {
    const fake = fakeCoordinator();
    fake.auto.settled = false;
    await using _ = await agentOn(fake, { slots: 1 });
    const [attempt] = give(fake, shell('echo once; sleep 0.3'));
    const [waits] = give(fake, shell('echo late'));
    if (!attempt || !waits) throw new Error('none');
    const assign = (of: typeof attempt, seq: number): void =>
      fake.say({ kind: 'assign', seq, job: of.job, tasks: [{ ordinal: 0, index: 0, attempt: 1, item: null }] });
    await until(() => fake.of('output').length > 0);
    assign(attempt, 90);
    assign(waits, 91);
    await outcomeOf(fake, waits);
    expect(fake.outcomes().length).toBe(2);
    expect(fake.output(attempt, 1).toString()).toBe('once\n');
    assign(attempt, 92);
    await until(() => fake.outcomes().length === 3);
    expect(fake.outcomes()[2]).toEqual(fake.outcomes()[0]);
    fake.say({ kind: 'stop', attempts: [attempt], why: 'late' });
    await until(() => fake.outcomes().length === 4);
    expect(fake.outcomes()[3]).toMatchObject({ outcome: 'succeeded' });
  });

  test('recall gives back what waits, not what runs; unknown attempts are given back', async () => {
    const fake = fakeCoordinator();
    await using _ = await agentOn(fake, { slots: 1 });
    const [runs] = give(fake, shell('sleep 60'));
    const [waits] = give(fake, shell('echo never'));
    const [stopped] = give(fake, shell('echo never'));
    if (!runs || !waits || !stopped) throw new Error('none');
    await until(() => fake.of('started').length > 0);
    const unknown = { job: 999_999, ordinal: 3, attempt: 2 };
    fake.say({ kind: 'recall', attempts: [runs, waits, unknown] });
    await until(() => fake.of('returned').flatMap((one) => one.attempts).length === 2);
    expect(fake.of('returned').flatMap((one) => one.attempts)).toEqual([waits, unknown]);
    fake.say({ kind: 'stop', attempts: [stopped, unknown], why: 'x' });
    await until(() => fake.of('returned').flatMap((one) => one.attempts).length === 4);
    fake.say({ kind: 'stop', attempts: [runs], why: 'x' });
    expect(await outcomeOf(fake, runs)).toMatchObject({ outcome: 'stopped' });
    expect(fake.outcomes().length).toBe(1);
  });

  test('tasks of a job that it was not told are given back', async () => {
    const fake = fakeCoordinator();
    await using _ = await agentOn(fake);
    fake.say({ kind: 'assign', seq: 1, job: 77, tasks: [{ ordinal: 0, index: 0, attempt: 4, item: null }] });
    await until(() => fake.of('returned')[0]);
    expect(fake.of('returned')[0]?.attempts).toEqual([{ job: 77, ordinal: 0, attempt: 4 }]);
  });
});

test('starts in order, as cpus fit; what can never fit is unfit', async () => {
  const fake = fakeCoordinator();
  await using agent = await agentOn(fake, { slots: 2 });
  const [wide] = give(fake, shell('sleep 60'), { cpus: 1.5 });
  const [two] = give(fake, shell('sleep 60'), { cpus: 1 });
  const [half] = give(fake, shell('sleep 60'), { cpus: 0.5 });
  const [huge] = give(fake, shell('sleep 60'), { cpus: 3 });
  await until(() => agent.snapshot().running.length === 1);
  await until(() => agent.snapshot().waiting === 3);
  fake.say({ kind: 'stop', attempts: wide ? [wide] : [], why: 'x' });
  await until(() => agent.snapshot().running.length === 2);
  expect(agent.snapshot().running.map((one) => one.task)).toEqual([two, half].map((one) => `${one?.job}.0`));
  expect(await outcomeOf(fake, huge)).toMatchObject({
    outcome: 'unfit',
    error: 'needs 3 slots, this node has 2',
    started: false,
  });
});

describe('the coordinator', () => {
  test('not there: says so once, tries on, says when it is', async () => {
    const fake = fakeCoordinator();
    fake.failWith = new LbtopError('unreachable', 'nothing listens there');
    await using agent = await agentOn(fake);
    await until(() => agent.logged.length > 0);
    fake.failWith = null;
    await until(() => fake.of('join').length > 0);
    await until(() => agent.logged.some((one) => one.startsWith('joined')));
    expect(agent.logged.filter((one) => one.includes('no coordinator')).length).toBe(1);
  });

  test.each([
    ['at the door', true],
    ['after join', false],
  ])('refuses %s: the agent ends with its reason', async (_, atTheDoor) => {
    const fake = fakeCoordinator();
    if (atTheDoor) fake.failWith = new LbtopError('refused', 'wrong secret');
    else fake.auto.joined = false;
    const agent = await agentOn(fake);
    if (!atTheDoor) fake.say({ kind: 'refuse', code: 'refused', reason: 'a node of that name is connected' });
    const error = await agent.ended.then(
      () => null,
      (problem: unknown) => problem,
    );
    expect(error).toBeInstanceOf(LbtopError);
    expect(error).toMatchObject({ code: 'refused' });
  });

  test('kill: when it is gone, tasks end before it may give them to others', async () => {
    const fake = fakeCoordinator();
    await using agent = await agentOn(fake, { onCoordinatorLost: 'kill' });
    const [attempt] = give(fake, shell('sleep 60'));
    await until(() => fake.of('started').length > 0);
    fake.failWith = new LbtopError('unreachable', 'gone');
    fake.cut();
    await until(() => agent.snapshot().unsettled === 1, 5_000);
    fake.failWith = null;
    expect(await outcomeOf(fake, attempt, 30_000)).toMatchObject({
      outcome: 'stopped',
      error: 'the coordinator was lost',
    });
  });
});

/** Time that the test moves. */
function handClock(): Clock & { move(ms: number): void } {
  let now = 0;
  let timers: { at: number; then: () => void }[] = [];
  return {
    now: () => now,
    after(ms, then) {
      const timer = { at: now + ms, then };
      timers.push(timer);
      return () => {
        timers = timers.filter((one) => one !== timer);
      };
    },
    move(ms) {
      const end = now + ms;
      for (;;) {
        const next = timers.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers = timers.filter((one) => one !== next);
        now = Math.max(now, next.at);
        next.then();
      }
      now = end;
    },
  };
}

const one = { host: 'memory', port: 1 };

test.each([
  { coordinators: [one], onCoordinatorLost: 'finish', beatEvery: 5 },
  // Silence of 3 s counts there.
  { coordinators: [one, { ...one, port: 2 }], onCoordinatorLost: 'finish', beatEvery: 1 },
  { coordinators: [one], onCoordinatorLost: 'kill', beatEvery: 1 },
] as const)('a node wants so many heartbeats answered that three may miss: %o', async ({ beatEvery, ...given }) => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, given);
  expect(fake.of('join')[0]?.beatEvery).toBe(beatEvery);
});

describe('the link', () => {
  test('waits with full jitter, up to 15 s', () => {
    expect([0, 1, 2, 5, 6, 100].map((tries) => backoffLimitMs(tries, 15_000))).toEqual([
      250, 500, 1_000, 8_000, 15_000, 15_000,
    ]);
  });

  test('takes silence of 15 s for a broken connection, but not its own', async () => {
    const fake = fakeCoordinator();
    const clock = handClock();
    const lost: string[] = [];
    const link = openLink({
      coordinators: [{ host: 'memory', port: 1 }],
      secret: null,
      who: 'n1',
      version: 'test',
      dial: fake.dial,
      clock,
      random: () => 0.5,
      log: () => {},
      opened: () => {},
      messages: () => {},
      drained: () => {},
      lost: (reason) => lost.push(reason),
      refused: () => {},
    });
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
    await turn();
    expect(link.state).toBe('open');
    for (let second = 0; second < 14; second++) clock.move(1_000);
    expect(lost).toEqual([]);
    fake.say({ kind: 'beat', seq: 1 });
    await turn();
    for (let second = 0; second < 15; second++) clock.move(1_000);
    expect(lost).toEqual([]);
    for (let second = 0; second < 3; second++) clock.move(1_000);
    expect(lost).toEqual(['silent for 16 s']);
    await turn();
    expect([link.state, fake.connections]).toEqual(['open', 2]);
    // Held for a minute: one timer comes, far too late.
    const held = handClockJump(clock, 60_000);
    held();
    expect(lost.length).toBe(1);
    link.close('done');
  });
});

/** Lets time pass without the timers that should have come meanwhile: as SIGSTOP and SIGCONT do. */
function handClockJump(clock: ReturnType<typeof handClock>, ms: number): () => void {
  const { now } = clock;
  let offset = 0;
  clock.now = () => now() + offset;
  return () => {
    offset = ms;
    clock.move(1_000);
  };
}
