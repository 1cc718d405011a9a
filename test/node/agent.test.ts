import { expect, test } from 'vitest';
import { agentOn, command, fakeCoordinator, give, outcomeOf, task, until } from './fake-coordinator.ts';

test('joins, beats, runs a command and sends its output before its end', async () => {
  const fake = fakeCoordinator();
  await using agent = await agentOn(fake);
  const join = await until(() => fake.of('join')[0]);
  expect(join).toMatchObject({ name: 'n1', running: [], waiting: [], ended: [], info: { slots: 2, version: 'test' } });
  const [attempt] = give(fake, command('sh', '-c', 'echo out; echo err >&2; exit 7'));
  const outcome = await outcomeOf(fake, attempt);
  expect(outcome).toMatchObject({
    outcome: 'failed',
    exitCode: 7,
    signal: null,
    error: 'exited with code 7',
    started: true,
    stdoutBytes: 4,
    stderrBytes: 4,
  });
  expect(fake.output(outcome, 1).toString()).toBe('out\n');
  expect(fake.output(outcome, 2).toString()).toBe('err\n');
  const kinds = fake.heard.map((one) => one.kind).filter((kind) => kind === 'output' || kind === 'ended');
  expect(kinds).toEqual(['output', 'output', 'ended']);
  const beat = await until(() => fake.of('heartbeat').find((one) => one.seen > 0));
  expect(beat.sample.memoryUsed).toBeGreaterThan(0);
  expect(agent.snapshot()).toMatchObject({ name: 'n1', link: 'open', slots: 2, busy: 0, waiting: 0, running: [] });
});

test('the start of what was at a node before is said before its end, however short it is', async () => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake);
  const [again] = give(fake, command('true'), {}, [null], 2);
  await outcomeOf(fake, again);
  const said = fake.heard.flatMap((one) =>
    one.kind === 'started' ? one.attempts.map(() => 'started') : one.kind === 'ended' ? ['ended'] : [],
  );
  expect(said).toEqual(['started', 'ended']);
});

test('built-in tasks', async () => {
  const fake = fakeCoordinator();
  await using _ = await agentOn(fake, { slots: 2 });
  const given = [
    task('noop'),
    task('sleep', 0.01),
    task('sum-up', 100),
    task('sum-up', '200000000'),
    task('factorize', 360),
    task('factorize', '2305843009213693951'),
    task('increment', [1, 2.5, -1]),
    task('factorize', 'x'),
    task('nonsense'),
  ].map((work) => give(fake, work)[0]);
  const ends = await Promise.all(given.map((one) => outcomeOf(fake, one)));
  expect(ends.map(({ result, error }) => result ?? error)).toEqual([
    'null',
    'null',
    '5050',
    '"20000000100000000"',
    '[2,2,2,3,3,5]',
    '["2305843009213693951"]',
    '[2,3.5,0]',
    'factorize: expected a whole number of at least 1, got "x"',
    'this node has no task named nonsense',
  ]);
});
