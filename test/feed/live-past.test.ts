import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { historySource } from '../../source/coordinator/history-source.ts';
import { finished } from '../../source/coordinator/source.ts';
import type { TimeState } from '../../source/feed/feed.ts';
import { liveHistory } from '../../source/feed/live-history.ts';
import { withPast } from '../../source/feed/live-past.ts';
import { startRecorder } from '../../source/feed/recorder.ts';
import { openTrace } from '../../source/feed/trace-reader.ts';
import { lookAt } from '../../source/view/look.ts';
import { emptySeries, observe } from '../../source/view/series.ts';
import type { Window } from '../../source/view/window.ts';
import { fakeFeed } from '../ui/fixtures/fake-feed.ts';
import { fakeSession, sessionStart } from '../ui/fixtures/session.ts';
import { session } from './trace-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-past-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('the history of a running session', () => {
  test('is kept while somebody watches, up to the last fact, and goes with it', async () => {
    const live = session({ nodes: 20, seconds: 120, seed: 3, trouble: 0.05, failures: 0.1 });
    const series = emptySeries();
    const where = join(directory, 'bounded');
    const log = vi.fn();
    const history = liveHistory({
      directory: where,
      start: (file) => startRecorder({ file, version: 'test', state: live.state, series, log: () => {} }),
      log,
    });
    expect(await history.upToNow()).toBeNull();
    let said = 0;
    let lastAt = 0;
    live.run((facts) => {
      for (const fact of facts) observe(series, live.state, fact);
      if (said === 0) history.watched(true);
      else history.record(facts);
      said += facts.length;
      lastAt = facts.at(-1)?.at ?? lastAt;
    });
    const part = await history.upToNow();
    if (part === null) throw new Error('nothing was kept');
    const copy = join(directory, 'copy.lbtrace');
    writeFileSync(copy, readFileSync(part.file).subarray(0, part.bytes));
    const trace = openTrace(copy);
    // Up to the last fact, though none of them was old enough to be written.
    expect(trace.to).toBe(lastAt);
    trace.close();
    history.watched(false);
    expect(await history.upToNow()).toBeNull();
    await history.close();
    expect(existsSync(where)).toBe(false);
    expect(log).not.toHaveBeenCalled();
  });

  test('makes room for itself', async () => {
    const made = fakeSession({ nodes: 30 });
    const where = join(directory, 'rotating');
    const mostBytes = 60_000;
    const history = liveHistory({
      directory: where,
      start: (file) => startRecorder({ file, version: 'test', state: made.state, series: made.series, log: () => {} }),
      mostBytes,
      leastMs: 20_000,
      log: () => {},
    });
    history.watched(true);
    made.onFact = (fact) => history.record([fact]);
    const seen = new Set<string>();
    for (let i = 0; i < 60; i++) {
      made.advance(5_000);
      const part = await history.upToNow();
      if (part === null) throw new Error('nothing was kept');
      seen.add(part.file);
      const sizes = readdirSync(where).map((name) => statSync(join(where, name)).size);
      expect(sizes.length).toBeLessThanOrEqual(3); // one may be on its way out
      expect(Math.max(...sizes)).toBeLessThan(4 * mostBytes);
    }
    expect(seen.size).toBeGreaterThan(1);
    const part = await history.upToNow();
    const trace = openTrace(part?.file ?? '');
    expect(trace.to).toBeGreaterThan(made.now - 2_000);
    expect(trace.from).toBeGreaterThan(sessionStart);
    trace.close();
    await history.close();
  });

  test('reaches whoever asks as the bytes of a trace', async () => {
    const made = fakeSession({ nodes: 6 });
    const history = liveHistory({
      directory: join(directory, 'asked'),
      start: (file) => startRecorder({ file, version: 'test', state: made.state, series: made.series, log: () => {} }),
      log: () => {},
    });
    await expect(async () => historySource(history).pull()).rejects.toThrow('no history is kept');
    history.watched(true);
    made.onFact = (fact) => history.record([fact]);
    made.advance(30_000);
    const source = historySource(history);
    const pieces: Buffer[] = [];
    for (let piece = await source.pull(); piece !== finished; piece = await source.pull()) pieces.push(piece as Buffer);
    source.close();
    const copy = join(directory, 'asked.lbtrace');
    writeFileSync(copy, Buffer.concat(pieces));
    const trace = openTrace(copy);
    expect(trace.to).toBe(made.now);
    trace.close();
    await history.close();
  });
});

describe('the past of a live feed', () => {
  async function frozen() {
    const made = fakeSession({ nodes: 6 });
    const file = join(directory, `${Math.random()}.lbtrace`);
    const recorder = startRecorder({ file, version: 'test', state: made.state, series: made.series, log: () => {} });
    made.onFact = (fact) => recorder.record([fact]);
    made.advance(90_000);
    await recorder.close();
    made.onFact = null;
    const removed = vi.fn();
    const live = fakeFeed(made, { obeys: true });
    const feed = withPast(live, async () => ({ file, remove: removed }));
    const windows: Window[] = [];
    const times: TimeState[] = [];
    feed.open(lookAt('nodes'), {
      window: (window) => windows.push(window),
      connection: () => undefined,
      time: (at) => times.push(at),
    });
    return { made, live, feed, windows, times, removed };
  }

  test('freezes at its end, scrubs back while the session goes on, and returns', async () => {
    const { made, live, feed, windows, times, removed } = await frozen();
    const { time } = feed;
    if (time === undefined) throw new Error('no time');
    expect(time.state().live).toBe(true);
    await time.freeze?.();
    await vi.waitFor(() => expect(times.at(-1)).toMatchObject({ live: false, playing: false }));
    const frozenAt = times.at(-1)?.at ?? 0;
    expect(frozenAt).toBe(made.now);
    expect(windows.at(-1)?.nodes.find((node) => node.name === 'node-04')?.health).toBe('lost');
    // The session goes on, the screen does not.
    made.advance(10_000);
    const before = windows.length;
    live.show();
    expect(windows).toHaveLength(before);
    time.seek(frozenAt - 60_000);
    await vi.waitFor(() => expect(windows.at(-1)?.at).toBe(frozenAt - 60_000));
    expect(windows.at(-1)?.nodes.find((node) => node.name === 'node-04')?.health).toBe('up');
    feed.look(lookAt('jobs'));
    await vi.waitFor(() => expect(windows.at(-1)?.look.screen).toBe('jobs'));
    expect(windows.at(-1)?.at).toBe(frozenAt - 60_000);
    time.jump(1);
    await vi.waitFor(() => expect(windows.at(-1)?.at).toBe(frozenAt - 15_000));
    time.follow?.();
    expect(times.at(-1)?.live).toBe(true);
    expect(removed).toHaveBeenCalledOnce();
    await vi.waitFor(() => expect(windows.at(-1)).toMatchObject({ at: made.now, look: { screen: 'jobs' } }));
    feed.close();
  });

  test('leaves nothing behind when it is closed in the past', async () => {
    const { feed, removed } = await frozen();
    await feed.time?.freeze?.();
    feed.close();
    expect(removed).toHaveBeenCalledOnce();
  });

  test('says why there is none', async () => {
    const feed = withPast(fakeFeed(fakeSession()), async () => {
      throw new Error('no history is kept');
    });
    feed.open(lookAt('nodes'), { window: () => undefined, connection: () => undefined });
    await expect(feed.time?.freeze?.()).rejects.toThrow('no history');
    expect(feed.time?.state().live).toBe(true);
  });
});
