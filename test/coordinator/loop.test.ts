/** When the coordinator's loop handles what came: one turn for what is there, and for what can wait with it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Loop, startLoop, type Unstamped } from '../../source/coordinator/loop.ts';
import type { Scheduler } from '../../source/scheduler/scheduler.ts';

let loop: Loop;
/** The kinds of each turn, in order. */
let turns: string[][] = [];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  turns = [[]];
  loop = startLoop({
    scheduler: { state: { epoch: 1 }, handle: () => [] } as unknown as Scheduler,
    clock: { now: () => 1 },
    handled({ kind }) {
      if (kind === 'dispatch') turns.push([]);
      else turns.at(-1)?.push(kind);
    },
    commit: null,
    fatal(error) {
      throw error;
    },
  });
});
afterEach(async () => {
  await loop.stop();
  vi.useRealTimers();
});

const event = (kind: string) => ({ kind }) as unknown as Unstamped;
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('what can wait is handled together a moment later', async () => {
  loop.gather(event('a'));
  await turn();
  vi.advanceTimersByTime(9);
  loop.gather(event('b'));
  await turn();
  expect(turns).toEqual([[]]);
  vi.advanceTimersByTime(1);
  expect(turns).toEqual([['a', 'b'], []]);
  vi.advanceTimersByTime(100);
  expect(turns).toEqual([['a', 'b'], []]);
});

test('what does not wait takes along what came before it, in order', async () => {
  loop.gather(event('a'));
  loop.post(event('b'));
  loop.gather(event('c'));
  await turn();
  expect(turns).toEqual([['a', 'b', 'c'], []]);
  expect(vi.getTimerCount()).toBe(0);
  loop.gather(event('d'));
  vi.advanceTimersByTime(10);
  expect(turns).toEqual([['a', 'b', 'c'], ['d'], []]);
});

test('nothing is left behind at the end', async () => {
  loop.gather(event('a'));
  await loop.stop();
  expect(turns).toEqual([['a'], []]);
  loop.gather(event('b'));
  expect(vi.getTimerCount()).toBe(0);
});
