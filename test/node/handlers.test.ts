import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../../source/model/shape.ts';
import { openTaskGroups } from '../../source/node/task-groups.ts';
import { agentOn, fakeCoordinator, give, outcomeOf, task, until } from './fake-coordinator.ts';

const handlers = resolve(import.meta.dirname, 'handlers/misbehaving.ts');
const tried = await openTaskGroups('tried-for-handlers');
tried?.close();

describe('a node with handlers', () => {
  const fake = fakeCoordinator();
  let agent: Awaited<ReturnType<typeof agentOn>>;
  beforeAll(async () => {
    process.env.CANARY = 'of the agent';
    agent = await agentOn(fake, { handlers, slots: 2 });
  });
  afterAll(() => agent[Symbol.asyncDispose]());

  const run = async (name: string, input: Json = null, spec = {}, items: (string | null)[] = [null]) => {
    const [attempt] = give(fake, task(name, input), spec, items);
    if (attempt === undefined) throw new Error('no attempt');
    return outcomeOf(fake, attempt, 30_000);
  };
  const said = (of: Awaited<ReturnType<typeof run>>, stream: 1 | 2) => fake.output(of, stream).toString('latin1');

  test('announces their names', async () => {
    const { info } = await until(() => fake.of('join')[0]);
    expect(info.handlers).toContain('double');
    expect(info.handlers).not.toContain('default');
  });

  test('gives input, context and environment, and takes the result', async () => {
    expect(await run('double', 21)).toMatchObject({
      outcome: 'succeeded',
      result: '42',
      exitCode: null,
      started: true,
    });
    expect(await run('echo', null, { items: 'json' }, ['{"a":[1,"ü"]}'])).toMatchObject({ result: '{"a":[1,"ü"]}' });
    const outcome = await run('describeCall', null, { env: { GIVEN: 'by the job' } });
    expect(JSON.parse(outcome.result ?? '')).toEqual({
      attempt: 1,
      task: `${outcome.job}.0`,
      index: 0,
      node: 'n1',
      job: String(outcome.job),
      given: 'by the job',
      secret: null,
    });
    expect(JSON.parse((await run('describeCall')).result ?? '')).toMatchObject({ given: null });
  });

  test.skipIf(tried === null)('its process is in a control group before the file is loaded', async () => {
    const { incarnation } = fake.of('join')[0] as { incarnation: string };
    expect((await run('whereLoaded')).result).toMatch(new RegExp(`/lbtop-${incarnation}/\\d+`));
  });

  test('what it logs is the output of the task', async () => {
    const outcome = await run('talk');
    expect(outcome).toMatchObject({ outcome: 'succeeded', result: 'null' });
    expect(said(outcome, 1)).toBe('to stdout\nby console\n');
    expect(said(outcome, 2)).toBe('to stderr\n\xff\n');
  });

  test('writes more than is taken at once, and nothing is lost or heaped up', async () => {
    const outcome = await run('flood', 8);
    expect(outcome).toMatchObject({ outcome: 'succeeded', stdoutBytes: 8 * 1024 * 1024 });
    expect(fake.output(outcome, 1).length).toBe(8 * 1024 * 1024);
  });

  test('says how far it is, a few times a second', async () => {
    const [attempt] = give(fake, task('steps', 200));
    const last = await until(() => fake.of('progress').findLast(({ job }) => job === attempt?.job));
    expect(last.share).toBeGreaterThan(0);
    expect(last.note).toMatch(/^step \d+$/);
    await until(() => fake.of('progress').some(({ job, share }) => job === attempt?.job && share === 1));
    expect(fake.of('progress').filter(({ job }) => job === attempt?.job).length).toBeLessThan(10);
    if (attempt !== undefined) fake.say({ kind: 'stop', attempts: [attempt], why: 'enough' });
    expect(await outcomeOf(fake, attempt)).toMatchObject({ outcome: 'stopped', error: 'enough' });
  });

  test.each([
    ['throws', null, 'throws: boom'],
    ['throwsText', null, 'throwsText: not an Error'],
    ['throwsLater', null, 'throwsLater: later'],
    ['rejectsAside', null, 'rejectsAside: aside'],
    ['exits', 3, 'ended its process: exit code 3'],
    ['exits', 0, 'ended its process: exit code 0'],
    ['givesBigInt', null, 'givesBigInt: the result cannot be said in JSON: Do not know how to serialize a BigInt'],
    ['givesFunction', null, 'givesFunction: the result cannot be said in JSON: it is a function'],
    ['givesMuch', null, 'givesMuch: the result is larger than 1048576 bytes: write it where others can read it'],
    ['givesDepth', null, 'givesDepth: the result is nested deeper than 64'],
  ])('%s(%j) fails alone: %s', async (name, input, error) => {
    const [other] = give(fake, task('waits', 300));
    expect(await run(name, input)).toMatchObject({ outcome: 'failed', error, result: null });
    expect(await outcomeOf(fake, other)).toMatchObject({ outcome: 'succeeded' });
  });

  test('the stack of what it threw is on its stderr', async () => {
    expect(said(await run('throws'), 2)).toMatch(/^Error: boom\n {4}at throws .*misbehaving\.ts:\d+:\d+/);
    expect((await run('givesCircle')).error).toMatch(
      /^givesCircle: the result cannot be said in JSON: Converting circ/,
    );
  });

  test('an input that is not JSON', async () => {
    expect(await run('echo', null, { items: 'json' }, ['{'])).toMatchObject({ outcome: 'failed', started: false });
  });

  test('what one leaves behind does not cost the next one in its process', async () => {
    for (let round = 0; round < 4; round++) {
      expect(await run('throwsAfterwards')).toMatchObject({ outcome: 'succeeded' });
      expect(await run('waits', 40)).toMatchObject({ outcome: 'succeeded' });
    }
  });

  test('never returning, blocking its process: ended by the timeout, after the grace', async () => {
    for (const name of ['never', 'blocks']) {
      const outcome = await run(name, null, { timeoutMs: 200 });
      expect(outcome).toMatchObject({ outcome: 'failed', error: 'timed out after 200ms', started: true });
      expect(outcome.runMs).toBeGreaterThanOrEqual(490); // grace: 300 ms in these tests
    }
    expect((await run('blocks', null, { timeoutMs: 200 })).cpuMs).toBeGreaterThan(50);
  });

  test('one that heeds its signal is not waited for', async () => {
    const outcome = await run('polite', null, { timeoutMs: 100 });
    expect(outcome).toMatchObject({ outcome: 'failed', error: 'timed out after 100ms' });
    expect(outcome.runMs).toBeLessThan(390);
  });
});

test('allocating without end, on the heap or beside it, costs that task alone', { timeout: 120_000 }, async () => {
  const fake = fakeCoordinator();
  // So many slots that each may hold little.
  await using _ = await agentOn(fake, { handlers, slots: 128 });
  const [other] = give(fake, task('waits', 1_000));
  for (const name of ['fillsHeap', 'fillsBuffers']) {
    const outcome = await outcomeOf(fake, give(fake, task(name))[0], 60_000);
    expect(outcome.error).toMatch(/^used more memory than a handler may here \(\d+ MiB\)$/);
    expect(outcome).toMatchObject({ outcome: 'failed' });
  }
  expect(await outcomeOf(fake, other)).toMatchObject({ outcome: 'succeeded' });
  expect(await outcomeOf(fake, give(fake, task('double', 4))[0])).toMatchObject({ result: '8' });
});

describe('files that cannot be used', () => {
  const directory = mkdtemp(join(tmpdir(), 'lbtop-handlers-'));
  afterAll(async () => rm(await directory, { recursive: true }));

  test.each([
    ['export const x = 1;', /exports no functions by name/],
    ['export function sleep() {}', /sleep is the name of a built-in task: give it another/],
    ['throw new Error("at once");', /: at once$/],
    ['export function (', /: \S/],
  ])('%s', async (text, reason) => {
    const file = join(await directory, `${Math.random()}.mjs`);
    await writeFile(file, text);
    await using agent = await agentOn(fakeCoordinator(), { handlers: file });
    await expect(agent.ended).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(reason) });
    await expect(agent.ended).rejects.toMatchObject({ message: expect.stringContaining(`handlers in ${file}`) });
  });

  test('a file that is not there', async () => {
    await using agent = await agentOn(fakeCoordinator(), { handlers: '/nowhere/handlers.js' });
    await expect(agent.ended).rejects.toMatchObject({ code: 'usage' });
  });
});
