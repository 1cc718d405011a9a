import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Command, Connection } from '../../source/feed/feed.ts';
import { type Hub, type Watcher, windowHub } from '../../source/feed/hub.ts';
import { type Asking, remoteFeed, type Streaming } from '../../source/feed/remote.ts';
import { LbtopError } from '../../source/model/errors.ts';
import { lookAt, lookShape } from '../../source/view/look.ts';
import { selectWindow, type Window, windowShape } from '../../source/view/window.ts';
import { jobRow } from '../client/rows.ts';
import { fakeSession } from '../ui/fixtures/session.ts';

const session = fakeSession();
session.advance(20_000);
const pack = lookShape.pack;

describe('the hub', () => {
  let asked = 0;
  let hub: Hub;
  beforeEach(() => {
    vi.useFakeTimers();
    asked = 0;
    hub = windowHub(() => {
      asked++;
      return session;
    });
  });
  afterEach(() => {
    hub.close();
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  const watch = (rateHz = 2): { got: Window[]; watcher: Watcher } => {
    const got: Window[] = [];
    return { got, watcher: hub.watch(pack(lookAt('nodes')), rateHz, (raw) => got.push(windowShape.unpack(raw))) };
  };

  test('shows at once, then at its rate, as long as windows are taken', () => {
    const { got, watcher } = watch(4);
    vi.advanceTimersByTime(0);
    expect(got).toHaveLength(1);
    for (let i = 0; i < 8; i++) {
      watcher.taken(got.length);
      vi.advanceTimersByTime(250);
    }
    expect(got).toHaveLength(9);
  });

  test('makes nothing for one that does not take, and shows the present when it does', () => {
    const { got, watcher } = watch(4);
    vi.advanceTimersByTime(10_000);
    expect(got).toHaveLength(1);
    expect(asked).toBe(1);
    watcher.look(pack(lookAt('jobs')));
    vi.advanceTimersByTime(10_000);
    expect(asked).toBe(1);
    watcher.taken(1);
    vi.advanceTimersByTime(0);
    expect(got[1]?.look.screen).toBe('jobs');
    // Nobody has taken more than was sent.
    watcher.taken(99);
    vi.advanceTimersByTime(1_000);
    expect(got).toHaveLength(3);
  });

  test('answers a look at once, and many looks of one turn with one window', () => {
    const { got, watcher } = watch(0.1);
    vi.advanceTimersByTime(0);
    watcher.taken(1);
    for (let top = 0; top < 50; top++) watcher.look(pack(lookAt('nodes', { top, number: top })));
    vi.advanceTimersByTime(0);
    expect(got.map((window) => window.look.number)).toEqual([0, 49]);
  });

  test('costs nothing when nobody watches, and one that went gets nothing', () => {
    const { got, watcher } = watch();
    watcher.close();
    watcher.close();
    watcher.look(pack(lookAt('jobs')));
    vi.advanceTimersByTime(5_000);
    expect([asked, got.length, hub.watchers]).toEqual([0, 0, 0]);
  });

  test('refuses what is no look, before and after', () => {
    expect(() => hub.watch(['x'], 1, () => undefined)).toThrow(/number/);
    expect(hub.watchers).toBe(0);
    const { watcher } = watch();
    expect(() => watcher.look(null)).toThrow(/array/);
  });
});

describe('the remote feed', () => {
  interface Faked {
    asking: Asking;
    requests: { verb: string; args: unknown }[];
    taken: number[];
    item(raw: unknown): void;
    end(error: unknown): void;
    answer: (verb: string) => unknown;
    closed: boolean;
  }

  function faked(): Faked {
    let onItem: (item: never) => void = () => undefined;
    let onEnd: (error: unknown) => void = () => undefined;
    const one: Faked = {
      requests: [],
      taken: [],
      closed: false,
      answer: () => ({}),
      item: (raw) => onItem(raw as never),
      end: (error) => onEnd(error),
      asking: {
        async request(verb, args) {
          one.requests.push({ verb, args });
          return one.answer(verb) as never;
        },
        stream(verb, args, item, end) {
          one.requests.push({ verb, args });
          onItem = item as never;
          onEnd = end;
          const streaming: Streaming = {
            id: 7,
            taken: (count) => one.taken.push(count),
            close: () => (one.closed = true),
          };
          return streaming;
        },
      },
    };
    return one;
  }

  test('gives windows, says when they were taken, and that it ended', async () => {
    const one = faked();
    const feed = remoteFeed(one.asking, { rateHz: 2, mayAct: true });
    const windows: Window[] = [];
    const states: Connection[] = [];
    feed.open(lookAt('nodes'), { window: (window) => windows.push(window), connection: (state) => states.push(state) });
    const hub = windowHub(() => session);
    const watcher = hub.watch((one.requests[0]?.args as { look: unknown } | undefined)?.look, 10, one.item);
    await vi.waitFor(() => expect(one.taken).toEqual([1]));
    expect(windows[0]?.nodes[0]?.name).toBe('node-01');
    watcher.close();
    one.end(new Error('the connection broke'));
    expect(states.map((state) => state.state)).toEqual(['connecting', 'live', 'ended']);
    feed.close();
    one.item(windowShape.pack(windows[0] as Window));
    expect(windows).toHaveLength(1);
  });

  test('closes what is open', () => {
    const one = faked();
    const feed = remoteFeed(one.asking, { rateHz: 2, mayAct: true });
    feed.open(lookAt('nodes'), { window: () => undefined, connection: () => undefined });
    feed.close();
    expect(one.closed).toBe(true);
  });

  test('a connection that broke is made again, as often as it takes, with the look of then', async () => {
    const first = faked();
    const second = faked();
    let tries = 0;
    const feed = remoteFeed(first.asking, {
      rateHz: 2,
      mayAct: true,
      async again() {
        if (++tries === 1) throw new LbtopError('unreachable', 'no coordinator yet');
        return second.asking;
      },
    });
    const states: Connection[] = [];
    const windows: Window[] = [];
    feed.open(lookAt('nodes'), { window: (window) => windows.push(window), connection: (state) => states.push(state) });
    const shown = windowShape.pack(selectWindow(session.state, session.series, session.now, lookAt('nodes')));
    first.item(shown);
    feed.look(lookAt('jobs'));
    first.end(new LbtopError('unreachable', 'the cable'));
    await vi.waitFor(() => expect(second.requests).toHaveLength(1), { timeout: 5_000 });
    expect(tries).toBe(2);
    const { look } = (second.requests[0] as { args: unknown }).args as { look: unknown };
    expect(lookShape.unpack(look).screen).toBe('jobs');
    second.item(shown);
    // What the old one still says is of no concern.
    first.end(null);
    expect(states).toEqual([
      { state: 'connecting' },
      { state: 'live' },
      { state: 'lost', why: 'the cable' },
      { state: 'lost', why: 'no coordinator yet' },
      { state: 'live' },
    ]);
    expect(windows).toHaveLength(2);
    await feed.act?.({ kind: 'purge', job: 1 });
    expect(second.requests.at(-1)?.verb).toBe('purge');
    feed.close();
  });

  test('whoever is not let in any more does not try again', () => {
    const one = faked();
    const again = vi.fn();
    const feed = remoteFeed(one.asking, { rateHz: 2, mayAct: true, again });
    const states: Connection[] = [];
    feed.open(lookAt('nodes'), { window: () => undefined, connection: (state) => states.push(state) });
    one.end(new LbtopError('refused', 'wrong secret'));
    expect(states.at(-1)).toEqual({ state: 'ended', why: 'wrong secret' });
    expect(again).not.toHaveBeenCalled();
  });

  test('of many looks sends the first and the last', async () => {
    const one = faked();
    const feed = remoteFeed(one.asking, { rateHz: 2, mayAct: false });
    expect(feed.act).toBeUndefined();
    feed.open(lookAt('nodes'), { window: () => undefined, connection: () => undefined });
    for (let top = 1; top <= 20; top++) feed.look(lookAt('nodes', { top }));
    await vi.waitFor(() => expect(one.requests.length).toBe(3));
    const looks = one.requests
      .filter(({ verb }) => verb === 'look')
      .map(({ args }) => args as { watch: number; look: unknown });
    expect(looks.map(({ look }) => lookShape.unpack(look).top)).toEqual([1, 20]);
    expect(looks[0]?.watch).toBe(7);
  });

  test('commands tell what was done, or why not', async () => {
    const one = faked();
    const feed = remoteFeed(one.asking, { rateHz: 2, mayAct: true });
    one.answer = (verb) =>
      verb === 'cancel'
        ? { tasks: 3 }
        : verb === 'policy'
          ? { policy: 'first', queue: 'fifo' }
          : verb === 'record'
            ? { file: 'f' }
            : { nodes: ['a', 'b'], tasks: 1 };
    const says = async (command: Parameters<NonNullable<typeof feed.act>>[0]): Promise<unknown> => feed.act?.(command);
    expect(await says({ kind: 'pause', nodes: ['a', 'b'], reason: '' })).toEqual({
      accepted: true,
      says: 'paused a, b',
    });
    expect(await says({ kind: 'drain', nodes: ['a'], now: true, reason: '' })).toEqual({
      accepted: true,
      says: 'draining a, b',
    });
    expect(await says({ kind: 'cancel', job: 7, index: null })).toEqual({
      accepted: true,
      says: 'cancelled 3 tasks of job 7',
    });
    expect(await says({ kind: 'policy', policy: 'first', queue: null })).toEqual({
      accepted: true,
      says: 'policy first, queue fifo',
    });
    for (const command of [
      { kind: 'resume', nodes: ['a'], reason: '' },
      { kind: 'throttle', nodes: ['a'], share: 0.5 },
      { kind: 'retry', job: 1, index: null, onlyFailed: true },
      { kind: 'purge', job: 1 },
      { kind: 'pause-queue', paused: true, reason: '' },
      { kind: 'record', file: 'f' },
      { kind: 'shutdown', reason: '' },
    ] as const)
      expect(await says(command)).toMatchObject({ accepted: true });
    one.answer = () => {
      throw new Error('not allowed\nfor viewers');
    };
    expect(await says({ kind: 'purge', job: 1 })).toEqual({ accepted: false, why: 'not allowed for viewers' });
  });

  test('what would be refused is told before anybody is asked, by questions that change nothing', async () => {
    const one = faked();
    const { objection } = remoteFeed(one.asking, { rateHz: 2, mayAct: true });
    const says = async (command: Command): Promise<unknown> => objection?.(command);
    one.answer = (verb) => {
      if (verb === 'jobs') return [jobRow({ job: 7, endedAt: null }), jobRow({ job: 8, endedAt: 1, state: 'failed' })];
      if (verb === 'explain') return { state: 'succeeded' };
      throw new Error(`there is no node nosuch: lbtop nodes lists them`);
    };
    expect(await says({ kind: 'drain', nodes: ['nosuch'], now: false, reason: '' })).toMatch(
      /^there is no node nosuch/,
    );
    expect(await says({ kind: 'cancel', job: 7, index: null })).toBeNull();
    expect(await says({ kind: 'cancel', job: 6, index: null })).toBe('there is no job 6');
    expect(await says({ kind: 'cancel', job: 7, index: 1 })).toBe('task 7.1 has ended: succeeded');
    one.answer = () => [jobRow({ job: 8, endedAt: 1, state: 'failed' })];
    expect(await says({ kind: 'cancel', job: 8, index: null })).toBe('job 8 has ended: failed');
    expect(await says({ kind: 'drain', nodes: ['a'], now: false, reason: '' })).toBeNull();
    expect(one.requests.map(({ verb }) => verb)).toEqual([
      ...['drain-preview', 'jobs', 'jobs', 'explain', 'jobs', 'drain-preview'],
    ]);
    expect(remoteFeed(one.asking, { rateHz: 2, mayAct: false }).objection).toBeUndefined();
  });

  test('a window of another version ends it', () => {
    const one = faked();
    const states: Connection[] = [];
    const feed = remoteFeed(one.asking, { rateHz: 2, mayAct: true });
    feed.open(lookAt('nodes'), { window: () => expect.unreachable(), connection: (state) => states.push(state) });
    one.item(['nonsense']);
    expect(states.at(-1)).toMatchObject({ state: 'ended' });
  });

  test('the end of a log', async () => {
    const one = faked();
    const feed = remoteFeed(one.asking, { rateHz: 2, mayAct: true });
    const tail = feed.logTail?.(1, 2, 100);
    one.item({ index: 2, stream: 1, data: new Uint8Array([104, 105]), cut: 0 });
    one.item({ index: 2, stream: 2, data: new Uint8Array([33]), cut: 0 });
    one.end(null);
    expect(new TextDecoder().decode(await tail)).toBe('hi!');
    expect(one.taken).toEqual([1, 2]);
  });
});
