import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { type Client, connectClient } from '../../source/client/client.ts';
import { LbtopError } from '../../source/model/errors.ts';
import { coordinatorHere } from '../helpers/coordinator.ts';
import { type Answers, type FakeCoordinator, fakeCoordinator } from './fake-coordinator.ts';
import { status } from './rows.ts';

async function connected(
  answers: Answers,
  answerMs?: number,
): Promise<{ client: Client; coordinator: FakeCoordinator }> {
  const coordinator = fakeCoordinator(answers);
  const client = await connectClient({ host: '127.0.0.1', port: 7077, secret: null, answerMs, dial: coordinator.dial });
  return { client, coordinator };
}

async function* logs(count: number, share?: Uint8Array) {
  for (let i = 0; i < count; i++)
    yield { index: i, stream: 1, data: share ?? Uint8Array.of(i & 0xff), cut: 0, attempt: 1, next: 0 };
}

const logsArgs = { job: 7, index: null, follow: false, tail: null, from: null } as const;

describe('requests', () => {
  test('says who it is', async () => {
    const { coordinator } = await connected({});
    expect(coordinator.options()).toMatchObject({
      role: 'operator',
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
      who: expect.stringContaining('@'),
    });
  });

  test('are answered, in any order', async () => {
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { client } = await connected({
      status: async () => {
        await held;
        return status;
      },
      policy: () => ({ policy: 'first', queue: 'fifo' }),
    });
    const slow = client.request('status', {});
    expect(await client.request('policy', { policy: null, queue: null })).toEqual({ policy: 'first', queue: 'fifo' });
    release();
    expect(await slow).toEqual(status);
  });

  test('a refusal has its code', async () => {
    const { client } = await connected({
      purge: () => {
        throw new LbtopError('usage', 'there is no job 9');
      },
    });
    await expect(client.request('purge', { job: 9 })).rejects.toMatchObject({
      code: 'usage',
      exitCode: 2,
      message: 'there is no job 9',
    });
    await expect(client.request('status', {})).rejects.toMatchObject({ code: 'refused', exitCode: 4 });
  });

  test('a lost connection rejects what waits, and what comes later', async () => {
    const { client, coordinator } = await connected({
      status: () => new Promise(() => {}),
      logs: () =>
        (async function* () {
          await new Promise(() => {});
        })(),
    });
    const waiting = client.request('status', {});
    const stream = client.stream('logs', logsArgs, () => {});
    coordinator.cut('reset');
    const lost = {
      code: 'unreachable',
      exitCode: 3,
      message: 'the coordinator at 127.0.0.1:7077 closed the connection: reset',
    };
    await expect(waiting).rejects.toMatchObject(lost);
    await expect(stream).rejects.toMatchObject(lost);
    await expect(client.request('status', {})).rejects.toMatchObject(lost);
  });

  test('a refusal of the whole connection is the reason of its end', async () => {
    const { client, coordinator } = await connected({ status: () => new Promise(() => {}) });
    const waiting = client.request('status', {});
    coordinator.say({ kind: 'refuse', code: 'refused', reason: 'not today' });
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    coordinator.cut('refused');
    await expect(waiting).rejects.toMatchObject({ code: 'refused', message: '127.0.0.1:7077 refused: not today' });
  });

  test('an answer that makes no sense is told as such', async () => {
    const { client, coordinator } = await connected({ status: () => new Promise(() => {}) });
    const waiting = client.request('status', {});
    coordinator.say({ kind: 'reply', id: 1, value: ['nonsense'] });
    await expect(waiting).rejects.toMatchObject({
      code: 'failed',
      message: expect.stringContaining('cannot read what 127.0.0.1:7077 answers to status'),
    });
  });

  test('silence while a request waits is the end', async () => {
    const { client } = await connected({ status: () => new Promise(() => {}) }, 60);
    await expect(client.request('status', {})).rejects.toMatchObject({
      code: 'unreachable',
      message: expect.stringContaining('has not answered'),
    });
  });

  test('close rejects what waits', async () => {
    const { client } = await connected({ status: () => new Promise(() => {}) });
    const waiting = client.request('status', {});
    client.close();
    await expect(waiting).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('a coordinator that turns clients away unheard', () => {
  /** Closes so many connections, and passes the next ones on. */
  async function crowded(port: number, closed: number) {
    let came = 0;
    const server = createServer((socket) => {
      if (came++ < closed) return socket.destroy();
      socket.on('error', () => {});
      const onward = connectTcp({ host: '127.0.0.1', port }).on('error', () => {});
      socket.pipe(onward).pipe(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { port: (server.address() as AddressInfo).port, came: () => came, [Symbol.dispose]: () => server.close() };
  }

  test('is asked again', async () => {
    await using here = await coordinatorHere();
    using crowd = await crowded(here.coordinator.port, 3);
    const client = await here.client({ port: crowd.port, timeoutMs: 60_000 });
    expect(await client.request('policy', { policy: null, queue: null })).toMatchObject({ queue: 'fifo' });
    expect(crowd.came()).toBe(4);
  });

  test('for half of the time that there is', async () => {
    using crowd = await crowded(1, Infinity);
    const failed = connectClient({ host: '127.0.0.1', port: crowd.port, secret: Buffer.alloc(32), timeoutMs: 4_000 });
    await expect(failed).rejects.toThrow('closed the connection without a word');
    expect(crowd.came()).toBeGreaterThan(1);
  });

  test('but not when nobody waits for it any more', async () => {
    using crowd = await crowded(1, Infinity);
    const secret = Buffer.alloc(32);
    const giveUp = new AbortController();
    const failed = connectClient({
      host: '127.0.0.1',
      port: crowd.port,
      secret,
      timeoutMs: 600_000,
      signal: giveUp.signal,
    });
    giveUp.abort(new Error('enough'));
    await expect(failed).rejects.toThrow('enough');
  });
});

describe('streams', () => {
  test('no more than 64 items are under way, however slow the receiver', async () => {
    const { client, coordinator } = await connected({ logs: () => logs(1_000) });
    const seen: number[] = [];
    await client.stream('logs', logsArgs, async ({ index }) => {
      seen.push(index);
      if (index % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    });
    expect(seen).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
    expect(coordinator.mostUnderWay()).toBe(64);
    expect(coordinator.abandoned).toEqual([]);
  });

  test('bytes are the receiver’s own', async () => {
    const shared = new Uint8Array(4);
    const { client } = await connected({ logs: () => logs(3, shared) });
    const kept: Uint8Array[] = [];
    await client.stream('logs', logsArgs, async ({ data }) => {
      kept.push(data);
      shared.fill(9);
      await new Promise((resolve) => setImmediate(resolve));
    });
    expect(kept.every((one) => one.buffer !== shared.buffer)).toBe(true);
  });

  test('ends where the receiver throws', async () => {
    const { client, coordinator } = await connected({ logs: () => logs(1_000) });
    await expect(
      client.stream('logs', logsArgs, ({ index }) => {
        if (index === 5) throw new Error('enough');
      }),
    ).rejects.toThrow('enough');
    expect(coordinator.abandoned).toEqual([1]);
  });

  test('ends by a signal', async () => {
    const { client, coordinator } = await connected({ logs: () => logs(1_000_000) });
    const end = new AbortController();
    let items = 0;
    await client.stream(
      'logs',
      logsArgs,
      () => {
        items += 1;
        if (items === 100) end.abort();
      },
      end.signal,
    );
    expect(items).toBe(100);
    expect(coordinator.abandoned).toEqual([1]);
    await client.stream('logs', logsArgs, () => expect.unreachable(), end.signal);
  });

  test('a refusal ends it, after what came before', async () => {
    const { client } = await connected({
      logs: () =>
        (async function* () {
          yield* logs(3);
          throw new LbtopError('usage', 'gone');
        })(),
    });
    const seen: number[] = [];
    await expect(client.stream('logs', logsArgs, ({ index }) => void seen.push(index))).rejects.toMatchObject({
      message: 'gone',
    });
    expect(seen).toEqual([0, 1, 2]);
  });

  test('an open stream gives items at once and ends once', async () => {
    const { client, coordinator } = await connected({ logs: () => logs(200) });
    const ended = await new Promise<{ error: unknown; items: number }>((resolve) => {
      let items = 0;
      const stream = client.open(
        'logs',
        logsArgs,
        () => stream.taken(++items),
        (error) => resolve({ error, items }),
      );
    });
    expect(ended).toEqual({ error: null, items: 200 });
    expect(coordinator.abandoned).toEqual([]);
  });
});
