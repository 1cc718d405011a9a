import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Connection, TimeState } from '../../source/feed/feed.ts';
import { openPlayer, type Player, type PlayerClock } from '../../source/feed/player.ts';
import { startRecorder } from '../../source/feed/recorder.ts';
import { cursorOf } from '../../source/feed/trace-cursor.ts';
import { openTrace } from '../../source/feed/trace-reader.ts';
import { LbtopError } from '../../source/model/errors.ts';
import { lookAt } from '../../source/view/look.ts';
import { emptySeries, observe } from '../../source/view/series.ts';
import { selectWindow, type Window } from '../../source/view/window.ts';
import { session } from './trace-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-player-'));
const file = join(directory, 'session.lbtrace');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeAll(async () => {
  const live = session({ nodes: 4, seconds: 900, seed: 21, trouble: 0.05, failures: 0.1 });
  const series = emptySeries();
  const recorder = startRecorder({ file, version: 'test', state: live.state, series, log: () => {} });
  live.run((facts) => {
    for (const fact of facts) observe(series, live.state, fact);
    recorder.record(facts);
  });
  await recorder.close();
});

/** A clock that a test moves. */
interface HandClock extends PlayerClock {
  pass(ms: number): void;
  /** Does what is to be done soon. */
  settle(): void;
  readonly running: number;
}

function handClock(): HandClock {
  let now = 0;
  let waiting: (() => void)[] = [];
  const timers = new Set<{ ms: number; call: () => void; due: number }>();
  const clock: HandClock = {
    now: () => now,
    soon: (call) => void waiting.push(call),
    every(ms, call) {
      const timer = { ms, call, due: now + ms };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    settle() {
      const calls = waiting;
      waiting = [];
      for (const call of calls) call();
    },
    pass(ms) {
      const end = now + ms;
      for (;;) {
        const next = [...timers].sort((a, b) => a.due - b.due)[0];
        if (next === undefined || next.due > end) break;
        now = next.due;
        next.due += next.ms;
        next.call();
        clock.settle();
      }
      now = end;
    },
    get running() {
      return timers.size;
    },
  };
  return clock;
}

let player: Player | null = null;
afterEach(() => player?.close());

interface Shown {
  player: Player;
  clock: HandClock;
  windows: Window[];
  times: TimeState[];
  connections: Connection[];
}

async function open(): Promise<Shown> {
  const clock = handClock();
  player = await openPlayer(file, { clock });
  const windows: Window[] = [];
  const times: TimeState[] = [];
  const connections: Connection[] = [];
  player.open(lookAt('nodes'), {
    window: (window) => void windows.push(window),
    connection: (connection) => void connections.push(connection),
    time: (time) => void times.push(time),
  });
  clock.settle();
  return { player, clock, windows, times, connections };
}

/** The window of an instant, made the long way round. */
function expected(at: number, look = lookAt('nodes')): Window {
  const trace = openTrace(file);
  const cursor = cursorOf(trace);
  cursor.advance(at);
  const window = selectWindow(cursor.state, cursor.series, at, look);
  trace.close();
  return window;
}

describe('a player', () => {
  test('shows the beginning, and waits', async () => {
    const { windows, times, connections, clock, player } = await open();
    expect(connections).toEqual([{ state: 'live' }]);
    expect(windows).toHaveLength(1);
    expect(times[0]).toMatchObject({ playing: false, speed: 1, live: false, event: 1 });
    expect(times[0]?.at).toBe(times[0]?.from);
    clock.pass(60_000);
    expect(windows).toHaveLength(1);
    expect(player.act).toBeUndefined();
    expect(player.notes()).toEqual([]);
  });

  test('plays as fast as it was, or as is asked for', async () => {
    const { player, windows, clock } = await open();
    const { from } = player.time.state();
    player.time.toggle();
    clock.settle();
    clock.pass(10_000);
    expect(player.time.state()).toMatchObject({ at: from + 10_000, playing: true });
    expect(windows.length).toBeGreaterThan(90);
    expect(windows.at(-1)).toEqual(expected(from + 10_000));
    player.time.faster(2);
    clock.pass(10_000);
    expect(player.time.state()).toMatchObject({ at: from + 30_000, speed: 2 });
    for (let i = 0; i < 20; i++) player.time.faster(2);
    expect(player.time.state().speed).toBe(64);
    for (let i = 0; i < 20; i++) player.time.faster(1 / 2);
    expect(player.time.state().speed).toBe(1 / 8);
    clock.pass(8_000);
    expect(player.time.state().at).toBe(from + 31_000);
    player.time.toggle();
    clock.pass(8_000);
    expect(player.time.state()).toMatchObject({ at: from + 31_000, playing: false });
    expect(clock.running).toBe(0);
  });

  test('stops at the end, and plays again from the beginning', async () => {
    const { player, clock, windows } = await open();
    const { from, to } = player.time.state();
    player.time.seek(to - 500);
    player.time.toggle();
    clock.pass(2_000);
    expect(player.time.state()).toMatchObject({ at: to, playing: false, event: player.time.state().events });
    expect(windows.at(-1)).toEqual(expected(to));
    player.time.toggle();
    clock.pass(1_000);
    expect(player.time.state()).toMatchObject({ at: from + 1_000, playing: true });
  });

  test('goes to any instant within the recording', async () => {
    const { player, clock, windows } = await open();
    const { from, to } = player.time.state();
    for (const share of [0.9, 0.2, 0.5, 0.51, 0.1]) {
      const at = from + (to - from) * share;
      player.time.seek(at);
      clock.settle();
      expect(windows.at(-1)).toEqual(expected(at));
      expect(player.time.state().at).toBe(at);
    }
    player.time.seek(0);
    clock.settle();
    expect(player.time.state()).toMatchObject({ at: from, event: 1 });
    player.time.seek(Number.MAX_VALUE);
    clock.settle();
    expect(player.time.state().at).toBe(to);
  });

  test('goes once where it is asked often within a turn', async () => {
    const { player, clock, windows } = await open();
    const before = windows.length;
    const { from } = player.time.state();
    for (let i = 1; i <= 50; i++) player.time.seek(from + i * 5_000);
    clock.settle();
    expect(windows.length).toBe(before + 1);
    expect(windows.at(-1)?.at).toBe(from + 250_000);
  });

  test('steps by event, forth and back, and stops for it', async () => {
    const { player, clock } = await open();
    player.time.seek(player.time.state().from + 100_000);
    player.time.toggle();
    clock.settle();
    const start = player.time.state().event;
    player.time.step(1);
    expect(player.time.state()).toMatchObject({ playing: false, event: start + 1 });
    const there = player.time.state().at;
    player.time.step(1);
    player.time.step(1);
    expect(player.time.state().event).toBe(start + 3);
    player.time.step(-1);
    player.time.step(-1);
    expect(player.time.state()).toMatchObject({ event: start + 1, at: there });
    player.time.seek(0);
    clock.settle();
    player.time.step(-1);
    player.time.step(-1);
    expect(player.time.state().event).toBe(0);
  });

  test('jumps from incident to incident, and stays where there is no other', async () => {
    const { player, clock } = await open();
    const incidents = player.time.incidents();
    const jumps = incidents.filter(({ kind }) => kind !== 'joined').map(({ at }) => at);
    expect(new Set(incidents.map(({ kind }) => kind))).toEqual(new Set(['lost', 'failed', 'operator', 'joined']));
    const forth: number[] = [];
    for (let last = -1; player.time.state().at !== last; ) {
      last = player.time.state().at;
      player.time.jump(1);
      clock.settle();
      if (player.time.state().at !== last) forth.push(player.time.state().at);
    }
    expect(forth).toEqual([...new Set(jumps)]);
    const back: number[] = [];
    for (let last = -1; player.time.state().at !== last; ) {
      last = player.time.state().at;
      back.push(last);
      player.time.jump(-1);
      clock.settle();
    }
    expect(back).toEqual(forth.toReversed());
  });

  test('shows another screen of the same instant', async () => {
    const { player, clock, windows } = await open();
    const at = player.time.state().from + 300_000;
    player.time.seek(at);
    const look = lookAt('events', { number: 7 });
    player.look(look);
    clock.settle();
    expect(windows.at(-1)).toEqual(expected(at, look));
    expect(windows.at(-1)?.events.length).toBeGreaterThan(10);
  });

  test('says nothing after its end', async () => {
    const { player, clock, windows } = await open();
    player.time.toggle();
    const before = windows.length;
    player.close();
    clock.settle();
    clock.pass(5_000);
    expect(windows).toHaveLength(before);
    expect(clock.running).toBe(0);
  });

  test('of a file that is none rejects with one line', async () => {
    await expect(openPlayer(join(directory, 'none.lbtrace'))).rejects.toThrow(LbtopError);
  });
});
