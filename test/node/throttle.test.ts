import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { processStat } from '../../source/node/process-stat.ts';
import { agentOn, fakeCoordinator, give, outcomeOf, shell, task, until } from './fake-coordinator.ts';

const busy = 'while :; do :; done';

/** CPU time of a process over some time, as a share of it. */
async function share(pid: number, ms: number): Promise<number> {
  const cpu = (): number => processStat(pid)?.ownMs ?? 0;
  const [before, began] = [cpu(), performance.now()];
  await until(() => performance.now() - began > ms);
  return (cpu() - before) / (performance.now() - began);
}

/** By its control group where it has one of ours, else by a signal. */
function isHeld(pid: number): boolean {
  const group = /^0::(\/.*lbtop-.*)$/m.exec(readFileSync(`/proc/${pid}/cgroup`, 'utf8'))?.[1];
  const mount = / (\S+) \S+ - cgroup2 /.exec(readFileSync('/proc/self/mountinfo', 'utf8'))?.[1] ?? '';
  if (group === undefined) return processStat(pid)?.state === 'T';
  return readFileSync(`${mount}${group}/cgroup.freeze`, 'utf8') === '1\n';
}

test('a throttled node runs its tasks for that share of the time, and lets them go on after', async () => {
  const fake = fakeCoordinator();
  await using agent = await agentOn(fake, { throttle: 0.3, slots: 1 });
  expect(fake.of('join')[0]?.info.throttle).toBe(0.3);
  const [attempt] = give(fake, shell(`echo $$; ${busy}`));
  const pid = Number(await until(() => (attempt && fake.output(attempt, 1).toString().trim()) || null));
  const throttled = await share(pid, 1_500);
  expect(throttled).toBeLessThan(0.45);
  expect(throttled).toBeGreaterThan(0);
  fake.say({ kind: 'throttle', share: 1 });
  await until(() => agent.snapshot().throttle === 1);
  const held = new Set<boolean>();
  const began = performance.now();
  await until(() => {
    held.add(isHeld(pid));
    return performance.now() - began > 300;
  });
  expect(held.has(true)).toBe(false);
  fake.say({ kind: 'throttle', share: 0.05 });
  await until(() => isHeld(pid));
  fake.say({ kind: 'stop', attempts: attempt ? [attempt] : [], why: 'x' });
  expect(await outcomeOf(fake, attempt)).toMatchObject({ outcome: 'stopped', signal: 'SIGTERM' });
});

test('computations are held too, and stopped at once', async () => {
  const fake = fakeCoordinator();
  await using agent = await agentOn(fake, { throttle: 0.2, slots: 1 });
  const [attempt] = give(fake, task('sum-up', 1e13));
  await until(() => agent.snapshot().running.length === 1 && fake.of('started').length > 0);
  const cpu = (): number => {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) * 10;
  };
  const [before, began] = [cpu(), performance.now()];
  await until(() => performance.now() - began > 1_000);
  expect((cpu() - before) / (performance.now() - began)).toBeLessThan(0.5);
  fake.say({ kind: 'stop', attempts: attempt ? [attempt] : [], why: 'x' });
  expect(await outcomeOf(fake, attempt)).toMatchObject({ outcome: 'stopped' });
  const [next] = give(fake, task('sum-up', 10));
  expect(await outcomeOf(fake, next)).toMatchObject({ outcome: 'succeeded', result: '55' });
});
