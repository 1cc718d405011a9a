/** A reader keeps as much of a long trace as of a short one, and finds what it does not keep. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRecorder } from '../../source/feed/recorder.ts';
import { cursorOf } from '../../source/feed/trace-cursor.ts';
import { type LandmarkLimits, landmarkLimits, landmarks } from '../../source/feed/trace-landmarks.ts';
import { pageCache } from '../../source/feed/trace-page-cache.ts';
import { openTrace } from '../../source/feed/trace-reader.ts';
import { takeSnapshot } from '../../source/scheduler/snapshot.ts';
import { emptySeries, observe } from '../../source/view/series.ts';
import { packValue } from '../../source/wire/codec.ts';
import { memoryDisk } from './trace-disk.ts';
import { numbers, session } from './trace-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-trace-memory-'));
const file = join(directory, 'long.lbtrace');
afterAll(() => rmSync(directory, { recursive: true, force: true }));

beforeAll(async () => {
  // A keyframe each five minutes, with jobs of more tasks than a page of a table has.
  const { state, anew, run } = session({
    ...{ nodes: 2, seconds: 5_400, seed: 5, jobsPerSecond: 0.01, tasksPerJob: 150, taskMs: 5_000 },
    ...{ trouble: 0.02, failures: 0.1 },
  });
  const disk = memoryDisk();
  const series = emptySeries();
  const recorder = startRecorder({ file: 'memory', version: '1', state, series, anew, log: () => {}, disk });
  run((facts, event) => {
    for (const fact of facts) observe(series, state, fact);
    recorder.record(facts, event);
  });
  await recorder.close();
  disk.save(file);
}, 300_000);

const few: LandmarkLimits = { keyframes: 4, pages: 5, incidents: 10, gaps: 1 };

describe('with little kept of it', () => {
  test('any instant and any event is what it is with all', { timeout: 120_000 }, () => {
    const whole = openTrace(file);
    const bounded = openTrace(file, { landmarks: few, cacheBytes: 100_000 });
    const [expected, seen] = [cursorOf(whole), cursorOf(bounded)];
    expect(whole.keyframes.length).toBeGreaterThan(4 * few.keyframes);
    const random = numbers(9);
    for (let i = 0; i < 24; i++) {
      if (i % 2 === 0) {
        const at = whole.from + random() * (whole.to - whole.from);
        for (const cursor of [expected, seen]) cursor.goTo(at);
      } else {
        const event = Math.floor(random() * whole.events);
        for (const cursor of [expected, seen]) cursor.goToEvent(event);
      }
      expect(seen.facts).toBe(expected.facts);
      expect(seen.events).toBe(expected.events);
      expect(takeSnapshot(seen.state, { samples: true })).toEqual(takeSnapshot(expected.state, { samples: true }));
      expect({ ...seen.series, events: { ...seen.series.events } }).toEqual({
        ...expected.series,
        events: { ...expected.series.events },
      });
      const { landmarks: kept, pageBytes } = bounded.held();
      expect(kept).toBeLessThanOrEqual(few.keyframes + few.pages + few.incidents + few.gaps);
      // A block at the least, of 256 KiB and what one page has more.
      expect(pageBytes).toBeLessThan(100_000 + 400_000);
    }
    expect(bounded.damage).toEqual([]);
    whole.close();
    bounded.close();
  });

  test('the keyframe found is the last one before, not the last one kept', () => {
    const whole = openTrace(file);
    const bounded = openTrace(file, { landmarks: few });
    expect(bounded.keyframes.length).toBeLessThanOrEqual(few.keyframes);
    for (const { number, at, facts } of whole.keyframes) {
      expect(bounded.lastKeyframe((one) => one.at > at + 1)?.number).toBe(number);
      expect(bounded.lastKeyframe((one) => one.facts > facts)?.number).toBe(number);
    }
    expect(bounded.lastKeyframe(() => true)).toBeUndefined();
    whole.close();
    bounded.close();
  });

  test('incidents that are close together are one, and none is lost', () => {
    const whole = openTrace(file);
    const bounded = openTrace(file, { landmarks: few });
    const total = (marks: readonly { kind: string; count: number }[], kind: string): number =>
      marks.filter((mark) => mark.kind === kind).reduce((sum, { count }) => sum + count, 0);
    expect(whole.incidents.length).toBeGreaterThan(5 * few.incidents);
    expect(bounded.incidents.length).toBeLessThanOrEqual(few.incidents);
    for (const kind of ['lost', 'failed', 'operator', 'joined'])
      expect(total(bounded.incidents, kind)).toBe(total(whole.incidents, kind));
    const known = new Set(whole.incidents.map(({ kind, at }) => `${kind} ${at}`));
    for (const { kind, at } of bounded.incidents) expect(known).toContain(`${kind} ${at}`);
    whole.close();
    bounded.close();
  });
});

test('a year is kept in no more than the limits', () => {
  const sink = landmarks();
  const count = 400_000;
  // As indexes are read: the newest first.
  for (let i = count; i > 0; i--) {
    sink.keyframe({ number: i, at: i * 80_000, offset: i * 1_000, facts: i, events: i });
    sink.pages({ number: i, offset: i * 1_000 + 500 });
    sink.incident({ kind: i % 3 === 0 ? 'lost' : 'failed', at: i * 80_000, count: 1 });
    sink.gap({ at: i * 80_000, missing: 2 });
  }
  const { keyframes, firstKeyframe, pages, incidents, gaps } = sink.kept();
  for (const [list, most] of [
    [keyframes, landmarkLimits.keyframes],
    [pages, landmarkLimits.pages],
    [incidents, landmarkLimits.incidents],
    [gaps, landmarkLimits.gaps],
  ] as const) {
    expect(list.length).toBeLessThanOrEqual(most);
    expect(list.length).toBeGreaterThan(most / 4);
  }
  expect(firstKeyframe?.number).toBe(1);
  // At even distances, in order.
  const steps = new Set(keyframes.slice(1).map(({ number }, i) => number - (keyframes[i]?.number ?? 0)));
  expect([...steps]).toEqual([128]);
  expect(incidents.reduce((sum, mark) => sum + mark.count, 0)).toBe(count);
  expect(gaps.reduce((sum, gap) => sum + gap.missing, 0)).toBe(2 * count);
});

test('pages are kept up to their bytes, those that were asked for last', () => {
  const expanded: number[] = [];
  const cache = pageCache((block) => {
    expanded.push(block);
    const packed = packValue(Array.from({ length: 10 }, (_, place) => [block, place, new Uint8Array(1_000)]));
    const own = Buffer.alloc(packed.length);
    packed.copy(own);
    return own;
  }, 200_000);
  for (let round = 0; round < 3; round++)
    for (let block = 1; block <= 300; block++) {
      for (const wanted of [block, 1]) {
        const [number, place] = cache.read({ block: wanted, place: 3 }) as unknown[];
        expect([number, place]).toEqual([wanted, 3]);
      }
      expect(cache.heldBytes).toBeLessThanOrEqual(200_000);
    }
  expect(expanded.filter((block) => block === 1)).toHaveLength(1);
  expect(expanded.length).toBeGreaterThan(600);
});
