import { describe, expect, test } from 'vitest';
import { type Client, connectClient } from '../../source/client/client.ts';
import { iterate } from '../../source/client/iterate.ts';
import { type LastingOptions, lastingClient } from '../../source/client/lasting.ts';
import { LbtopError } from '../../source/model/errors.ts';
import { jobSpec } from '../../source/model/job.ts';
import type { EventLine } from '../../source/model/report.ts';
import type { VerbArgs } from '../../source/wire/verbs.ts';
import { type Answers, type FakeCoordinator, fakeCoordinator } from './fake-coordinator.ts';
import { status } from './rows.ts';

interface Scene {
  client: Client;
  /** One after another: the next one is there when the one before was cut. */
  lives: FakeCoordinator[];
  lost: string[];
  back: number[];
  /** Tries to connect, the first one left out. */
  tries: () => number;
}

const away = new LbtopError('unreachable', 'no coordinator at 127.0.0.1:7077');
const forever = () =>
  (async function* () {
    await new Promise(() => {});
  })();

/** `absent`: so many tries fail before the next life is there. */
async function scene(
  lives: readonly (Answers | LbtopError)[],
  { absent = 0, ...more }: Partial<LastingOptions> & { absent?: number } = {},
): Promise<Scene> {
  const made = lives.map((life) => (life instanceof LbtopError ? life : fakeCoordinator(life)));
  const coordinators = made.filter((one): one is FakeCoordinator => !(one instanceof LbtopError));
  const connectTo = (one: FakeCoordinator): Promise<Client> =>
    connectClient({ host: '127.0.0.1', port: 7077, secret: null, dial: one.dial });
  const lost: string[] = [];
  const back: number[] = [];
  let tries = 0;
  let next = 1;
  const client = lastingClient(await connectTo(coordinators[0] as FakeCoordinator), {
    reconnectMs: 60_000,
    random: () => 0,
    onLost: (why) => lost.push(why),
    onBack: (ms) => back.push(ms),
    async connect() {
      tries++;
      const one = made[next];
      if (tries <= absent || one === undefined) throw away;
      next++;
      if (one instanceof LbtopError) throw one;
      return connectTo(one);
    },
    ...more,
  });
  return { client, lives: coordinators, lost, back, tries: () => tries };
}

/** Cuts the connection of a life once it has heard so many requests. */
async function cutAfter(life: FakeCoordinator | undefined, requests: number): Promise<void> {
  await expect.poll(() => life?.asked.length).toBe(requests);
  life?.cut('reset');
}

const spec = (key: string | null) =>
  jobSpec({ work: { kind: 'command', argv: ['true'], shell: false, task: '', input: null }, key });
const queued = { job: 7, tasks: 1, existing: false, never: null };

describe('a request', () => {
  test('that only asks is asked again of the one that came back; told once that it was away', async () => {
    const { client, lives, lost, back, tries } = await scene(
      [{ status: () => new Promise(() => {}) }, { status: () => status }],
      { absent: 3 },
    );
    const both = [client.request('status', {}), client.request('status', {})];
    await cutAfter(lives[0], 2);
    expect(await Promise.all(both)).toEqual([status, status]);
    expect(tries()).toBe(4);
    expect(lost).toEqual(['the coordinator at 127.0.0.1:7077 closed the connection: reset']);
    expect(back).toHaveLength(1);
  });

  test('that is made after the loss is made of the one that came back, whatever it is', async () => {
    const { client, lives } = await scene([{}, { submit: () => queued }]);
    lives[0]?.cut('reset');
    await expect.poll(() => client.connected).toBe(false);
    expect(await client.request('submit', { spec: spec(null), upload: null })).toEqual(queued);
    expect(lives[1]?.asked).toHaveLength(1);
  });

  test('to submit that was not answered is not said again: it may have been heard', async () => {
    const { client, lives } = await scene([{ submit: () => new Promise(() => {}) }, { submit: () => queued }]);
    const submitted = client.request('submit', { spec: spec(null), upload: null });
    await cutAfter(lives[0], 1);
    await expect(submitted).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('whether the job was queued is not known'),
    });
    await client.request('jobs', { from: 0, count: 1 }).catch(() => {}); // the connection is another one by now
    expect(lives[1]?.asked.map(({ verb }) => verb)).toEqual(['jobs']);
  });

  test('to submit with a key is said again: the same key twice is one job', async () => {
    const { client, lives } = await scene([{ submit: () => new Promise(() => {}) }, { submit: () => queued }]);
    const submitted = client.request('submit', { spec: spec('nightly'), upload: null });
    await cutAfter(lives[0], 1);
    expect(await submitted).toEqual(queued);
  });

  test.for(['cancel', 'drain'] as const)('to %s is not said again', async (verb) => {
    const hangs = () => new Promise<never>(() => {});
    const { client, lives } = await scene([{ cancel: hangs, drain: hangs }, { cancel: () => ({ tasks: 1 }) }]);
    const asked =
      verb === 'cancel'
        ? client.request('cancel', { job: 7, index: null })
        : client.request('drain', { nodes: ['a'], all: false, reason: '', now: false, deadlineMs: null });
    await cutAfter(lives[0], 1);
    await expect(asked).rejects.toThrow(`whether ${verb} was done is not known`);
    expect(lives[1]?.asked).toEqual([]);
  });

  test('items never reach another connection than those before them', async () => {
    const { client, lives } = await scene([{ upload: () => ({}) }, { upload: () => ({}), submit: () => queued }]);
    await client.request('upload', { upload: 1, items: ['a'] });
    lives[0]?.cut('reset');
    await expect.poll(() => client.connected).toBe(false);
    await expect(client.request('upload', { upload: 1, items: ['b'] })).rejects.toThrow(/nothing was queued$/);
    expect(lives[1]?.asked).toEqual([]);
    // Another submission begins anew.
    await client.request('upload', { upload: 2, items: ['a', 'b'] });
    expect(await client.request('submit', { spec: spec(null), upload: 2 })).toEqual(queued);
  });
});

describe('the end of patience', () => {
  test('a coordinator that does not come back is told after its time; what is asked later is tried once', async () => {
    const { client, lives, lost, tries } = await scene([{ status: () => new Promise(() => {}) }], { reconnectMs: 60 });
    const asked = client.request('status', {});
    await cutAfter(lives[0], 1);
    await expect(asked).rejects.toMatchObject({
      code: 'unreachable',
      exitCode: 3,
      message: 'no coordinator at 127.0.0.1:7077 (it went away, and was tried for 60ms)',
    });
    const before = tries();
    expect(before).toBeGreaterThan(1);
    await expect(client.request('status', {})).rejects.toMatchObject({ code: 'unreachable' });
    expect(tries()).toBe(before + 1);
    expect(lost).toHaveLength(1);
  });

  test('a refusal ends it at once', async () => {
    const { client, lives, tries } = await scene([
      { status: () => new Promise(() => {}) },
      new LbtopError('refused', 'another secret'),
    ]);
    const asked = client.request('status', {});
    await cutAfter(lives[0], 1);
    await expect(asked).rejects.toMatchObject({ code: 'refused', exitCode: 4 });
    expect(tries()).toBe(1);
  });

  test('0: what is lost stays lost', async () => {
    const { client, lives, tries } = await scene([{ status: () => new Promise(() => {}), wait: forever }], {
      reconnectMs: 0,
    });
    const asked = [client.request('status', {}), client.stream('wait', { jobs: [7] }, () => {})];
    await Promise.all([
      cutAfter(lives[0], 2),
      ...asked.map((one) => expect(one).rejects.toThrow('closed the connection: reset')),
    ]);
    expect(tries()).toBe(0);
  });

  test('whoever closes it meanwhile is not kept', async () => {
    const { client, lives, lost } = await scene([{ wait: forever }]);
    const waiting = client.stream('wait', { jobs: [7] }, () => {});
    lives[0]?.cut('reset');
    await expect.poll(() => lost.length).toBe(1);
    client.close();
    await expect(waiting).rejects.toMatchObject({ code: 'unreachable' });
  });

  test('whoever leaves a stream meanwhile is not kept', async () => {
    const { client, lives, lost } = await scene([{ wait: forever }]);
    const leaving = new AbortController();
    const waiting = client.stream('wait', { jobs: [7] }, () => {}, leaving.signal);
    lives[0]?.cut('reset');
    await expect.poll(() => lost.length).toBe(1);
    leaving.abort();
    await waiting;
    client.close();
  });
});

describe('a stream goes on where it was', () => {
  /** Gives these, and then nothing more. */
  function* some<T>(items: readonly T[]): Generator<T, void> {
    yield* items;
  }
  async function* thenSilent<T>(items: readonly T[]): AsyncGenerator<T, void> {
    yield* items;
    await new Promise(() => {});
  }

  test('logs: by the place after the last piece that came', async () => {
    const piece = (index: number, stream: number, text: string, attempt: number, next: number, cut = 0) => ({
      ...{ index, stream, data: Buffer.from(text), cut, attempt, next },
    });
    const { client, lives } = await scene([
      { logs: () => thenSilent([piece(4, 1, 'aaa', 1, 3), piece(4, 2, 'e', 1, 1), piece(4, 1, 'bb', 1, 9, 4)]) },
      { logs: () => thenSilent([piece(5, 2, 'cc', 2, 2)]) },
      { logs: () => some([piece(5, 1, 'd', 2, 1)]) },
    ]);
    const args = { job: 7, index: null, follow: true, tail: null, from: null };
    let text = '';
    const streaming = client.stream('logs', args, ({ data }) => {
      text += Buffer.from(data).toString();
      if (text === 'aaaebb') lives[0]?.cut('reset');
      if (text === 'aaaebbcc') lives[1]?.cut('reset');
    });
    await streaming;
    expect(text).toBe('aaaebbccd');
    expect(lives.map(({ asked: [first] }) => first?.args as VerbArgs<'logs'>).map(({ from }) => from)).toEqual([
      null,
      { index: 4, attempt: 1, stdout: 9, stderr: 1, stdoutCut: true, stderrCut: false },
      { index: 5, attempt: 2, stdout: 0, stderr: 2, stdoutCut: false, stderrCut: false },
    ]);
  });

  test('events: those that came are left out, equal ones of one instant counted', async () => {
    const event = (at: number, text: string): EventLine => ({ at, level: 'info', subject: 'a', text });
    const { client, lives } = await scene([
      { events: () => thenSilent([event(1, 'x'), event(2, 'y'), event(2, 'y')]) },
      {
        events: () => some([event(1, 'x'), event(2, 'y'), event(2, 'y'), event(2, 'y'), event(2, 'z'), event(3, 'x')]),
      },
    ]);
    const seen: string[] = [];
    for await (const { at, text } of iterate(client, 'events', { last: 2, follow: true })) {
      seen.push(`${at} ${text}`);
      if (seen.length === 3) lives[0]?.cut('reset');
    }
    expect(seen).toEqual(['1 x', '2 y', '2 y', '2 y', '2 z', '3 x']);
    expect(lives[1]?.asked[0]?.args).toEqual({ last: 10_000, follow: true });
  });

  test('not where the coordinator has other jobs than before', async () => {
    const { client, lives } = await scene([{ wait: forever }, { wait: () => some([[]]) }]);
    lives[1]?.introduce('others');
    const waiting = client.stream('wait', { jobs: [7] }, () => {});
    await cutAfter(lives[0], 1);
    await expect(waiting).rejects.toMatchObject({
      code: 'failed',
      message: '127.0.0.1:7077 is there again without the jobs that it had: it kept them in memory',
    });
  });
});
