import { expect, test } from 'vitest';
import { agentOn, fakeCoordinator, give, outcomeOf, shell, task, until } from './fake-coordinator.ts';

test('stop: what runs is stopped and told, what waits given back, then goodbye', async () => {
  const fake = fakeCoordinator();
  const agent = await agentOn(fake, { slots: 3 });
  const [deaf] = give(fake, shell('trap "" TERM; echo deaf; sleep 60; sleep 60; sleep 60'));
  const [mild] = give(fake, shell('exec sleep 60'));
  const [slept] = give(fake, task('sleep', 60));
  const [waits] = give(fake, shell('echo never'));
  await until(
    () => agent.snapshot().running.length === 3 && fake.of('started').flatMap((one) => one.attempts).length === 3,
  );
  await until(() => deaf && fake.output(deaf, 1).length > 0);
  const stopped = agent.stop('the test is over');
  const late = give(fake, shell('echo late'))[0];
  await stopped;
  const ends = await Promise.all([deaf, mild, slept].map((one) => outcomeOf(fake, one)));
  expect(ends.map((one) => [one.outcome, one.signal])).toEqual([
    ['stopped', 'SIGKILL'],
    ['stopped', 'SIGTERM'],
    ['stopped', null],
  ]);
  expect(fake.of('returned').flatMap((one) => one.attempts)).toEqual([waits, late]);
  const said = fake.heard.map(({ kind }) => kind);
  expect(said.indexOf('leaving')).toBeLessThan(said.indexOf('returned'));
  expect(fake.heard.at(-1)).toEqual({ kind: 'leave', reason: 'the test is over' });
  await agent.ended;
});

test('kill: the same at once', async () => {
  const fake = fakeCoordinator();
  const agent = await agentOn(fake, { leaveGraceMs: 60_000 });
  const [deaf] = give(fake, shell('trap "" TERM; echo deaf; sleep 60; sleep 60; sleep 60'));
  await until(() => deaf && fake.output(deaf, 1).length > 0);
  void agent.stop();
  const began = performance.now();
  agent.kill();
  await agent.ended;
  expect(performance.now() - began).toBeLessThan(5_000);
  expect(await outcomeOf(fake, deaf)).toMatchObject({ outcome: 'stopped', signal: 'SIGKILL' });
});
