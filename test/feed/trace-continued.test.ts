/** A recording that goes on in the same file: after a crash of the recorder, after its end, again and again. */
import { mkdtempSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { startRecorder } from '../../source/feed/recorder.ts';
import { cursorOf } from '../../source/feed/trace-cursor.ts';
import { notesOf } from '../../source/feed/trace-notes.ts';
import { openTrace, type Trace, type TraceItem } from '../../source/feed/trace-reader.ts';
import type { Fact } from '../../source/model/fact.ts';
import { takeSnapshot } from '../../source/scheduler/snapshot.ts';
import { emptyState, type State } from '../../source/scheduler/state.ts';
import { verifyTrace } from '../../source/simulation/traces/verify.ts';
import { emptySeries, observe } from '../../source/view/series.ts';
import { type Session, session } from './trace-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-continued-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let number = 0;
const newFile = (): string => join(directory, `${++number}.lbtrace`);

/** Records so many seconds of a session; returns its facts. */
async function record(
  file: string,
  live: Session,
  seconds: number,
  log: (line: string) => void = () => {},
): Promise<Fact[]> {
  const { state, anew } = live;
  const series = emptySeries();
  const recorder = startRecorder({ file, version: 'test', state, series, anew, log });
  const facts: Fact[] = [];
  live.run((batch, event) => {
    for (const fact of batch) observe(series, state, fact);
    facts.push(...batch);
    recorder.record(batch, event);
  }, seconds);
  await recorder.close();
  return facts;
}

const fleet = (seed = 1): Session => session({ nodes: 3, seconds: 600, seed, trouble: 0.1 });
const itemsOf = (trace: Trace): TraceItem[] => [...trace.items()];
const factsOf = (trace: Trace): Fact[] => itemsOf(trace).flatMap((item) => (item.kind === 'facts' ? item.facts : []));
const plain = (state: State): unknown => takeSnapshot(state, { samples: true });

function withTrace<T>(file: string, work: (trace: Trace) => T): T {
  const trace = openTrace(file);
  try {
    return work(trace);
  } finally {
    trace.close();
  }
}

describe('a recording that goes on', () => {
  test('has what came before and what comes after, with a gap between, and goes to any instant of both', async () => {
    const file = newFile();
    const live = fleet();
    const parts: Fact[][] = [];
    const ends: { at: number; state: unknown }[] = [];
    for (let part = 0; part < 4; part++) {
      parts.push(await record(file, live, 60));
      ends.push({ at: parts.at(-1)?.at(-1)?.at ?? 0, state: plain(live.state) });
      live.run(() => {}, 20); // nobody records that
    }
    await withTrace(file, async (trace) => {
      expect(factsOf(trace)).toEqual(parts.flat());
      expect(trace.facts).toBe(parts.flat().length);
      expect(itemsOf(trace).filter(({ kind }) => kind === 'gap')).toEqual([
        expect.objectContaining({ missing: null }),
        expect.objectContaining({ missing: null }),
        expect.objectContaining({ missing: null }),
      ]);
      expect(notesOf(trace)).toEqual(['nobody knows what is missing in 3 gaps']);
      expect(trace.from).toBe(parts[0]?.[0]?.at);
      expect(trace.to).toBe(ends.at(-1)?.at);
      const numbers = trace.keyframes.map((keyframe) => keyframe.number);
      expect(numbers).toEqual(numbers.map((_, i) => i + 1));
      const cursor = cursorOf(trace);
      for (const { at, state } of [...ends, ...ends.toReversed()]) {
        cursor.goTo(at);
        expect(plain(cursor.state)).toEqual(state);
      }
    });
    // The same without its indexes: what is behind them is found by reading.
    const bytes = readFileSync(file);
    bytes.fill(0, 24, 28);
    const unindexed = newFile();
    writeFileSync(unindexed, bytes);
    const outline = ({ facts, events, from, to, keyframes, incidents, gaps }: Trace): unknown => ({
      facts,
      events,
      from,
      to,
      keyframes,
      incidents,
      gaps,
    });
    expect(withTrace(unindexed, outline)).toEqual(withTrace(file, outline));
  });

  test('is the scheduler’s own on both sides of the gap', async () => {
    const file = newFile();
    const live = fleet(2);
    const first = await record(file, live, 60);
    live.run(() => {}, 30);
    const second = await record(file, live, 60);
    const trace = openTrace(file);
    const result = await verifyTrace(trace, async () => {});
    expect(result).toMatchObject({ verified: true, facts: first.length + second.length, difference: null });
    trace.close();
  });

  test('behind whatever a crash left, at any byte', { timeout: 60_000 }, async () => {
    const whole = newFile();
    const live = fleet(3);
    const first = await record(whole, live, 30);
    const bytes = readFileSync(whole);
    for (let length = 0; length < bytes.length; length += length < 200 ? 1 : 97) {
      const file = newFile();
      writeFileSync(file, bytes.subarray(0, length));
      const before = length < 32 ? [] : withTrace(file, factsOf);
      expect(before).toEqual(first.slice(0, before.length));
      const second = await record(file, session({ nodes: 2, seconds: 10, seed: 4, startAt: 1_763_690_060_000 }), 5);
      withTrace(file, (trace) => {
        expect(factsOf(trace)).toEqual([...before, ...second]);
        expect(trace.damage).toEqual([]);
        expect(trace.cut).toBeNull();
      });
      rmSync(file);
    }
  });

  test('of another session, with nothing in common: each has its own state', async () => {
    const file = newFile();
    const one = fleet(5);
    const first = await record(file, one, 60);
    const other = session({ nodes: 1, seconds: 60, seed: 6, startAt: 1_763_690_120_000 });
    await record(file, other, 20);
    withTrace(file, (trace) => {
      const cursor = cursorOf(trace);
      cursor.goTo(trace.to);
      expect(plain(cursor.state)).toEqual(plain(other.state));
      cursor.goTo((first.at(100) as Fact).at);
      expect(cursor.state.nodes.size).toBe(3);
      expect(plain(cursor.state)).not.toEqual(plain(emptyState()));
    });
  });
});

describe('what is not to go on', () => {
  const begin = (file: string) => () => startRecorder({ file, version: 'test', state: emptyState(), log: () => {} });

  test('another file, a recording of a newer format, or one with a damaged head, stays as it is', async () => {
    const good = newFile();
    await record(good, fleet(7), 5);
    for (const [change, why] of [
      [(bytes: Buffer) => bytes.fill('x', 0, 40), /is not an lbtop recording/],
      [(bytes: Buffer) => bytes.fill(7, 12, 13), /is damaged at offset 0/],
    ] as const) {
      const file = newFile();
      const bytes = change(readFileSync(good));
      writeFileSync(file, bytes);
      expect(begin(file)).toThrow(why);
      expect(begin(file)).toThrow(/: record into another file, or remove it first$/);
      expect(readFileSync(file).equals(bytes)).toBe(true);
    }
    const short = newFile();
    writeFileSync(short, 'no');
    expect(begin(short)).toThrow(/is not an lbtop recording/);
  });

  test.runIf(process.platform === 'linux')('one that another recorder writes', async () => {
    const file = newFile();
    await record(file, fleet(8), 5);
    const size = statSync(file).size;
    truncateSync(file, size - 10);
    openSync(file, 'r+');
    expect(begin(file)).toThrow(`${file} is being written by process ${process.pid}: record into another file`);
    expect(statSync(file).size).toBe(size - 10);
  });
});
