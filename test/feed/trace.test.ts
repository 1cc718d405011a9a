import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRecorder } from '../../source/feed/recorder.ts';
import { checksum } from '../../source/feed/trace-bytes.ts';
import { cursorOf } from '../../source/feed/trace-cursor.ts';
import { openTraceFile } from '../../source/feed/trace-file.ts';
import { blockHeadBytes, headBytes } from '../../source/feed/trace-format.ts';
import { notesOf } from '../../source/feed/trace-notes.ts';
import { openTrace, type Trace } from '../../source/feed/trace-reader.ts';
import { LbtopError } from '../../source/model/errors.ts';
import type { Fact } from '../../source/model/fact.ts';
import { jobSpec } from '../../source/model/job.ts';
import { apply } from '../../source/scheduler/apply.ts';
import { takeSnapshot } from '../../source/scheduler/snapshot.ts';
import { emptyState, type State } from '../../source/scheduler/state.ts';
import { emptySeries, observe, type Series } from '../../source/view/series.ts';
import fc from '../arbitrary.ts';
import { memoryDisk } from './trace-disk.ts';
import { numbers, session } from './trace-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-trace-test-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function saved(bytes: Buffer, name = 'a.lbtrace'): string {
  const file = join(directory, name);
  writeFileSync(file, bytes);
  return file;
}

/** Records facts, each applied and observed before the recorder is told. */
async function recorded(facts: readonly Fact[], series: Series | undefined = undefined): Promise<Buffer> {
  const state = emptyState();
  const disk = memoryDisk();
  const recorder = startRecorder({ file: 'memory', version: '1.2.3', state, series, log: () => {}, disk });
  for (const fact of facts) {
    apply(state, fact);
    if (series !== undefined) observe(series, state, fact);
    recorder.record([fact]);
  }
  await recorder.close();
  return disk.contents();
}

function plainState(state: State): unknown {
  return JSON.parse(JSON.stringify(takeSnapshot(state, { samples: true })));
}

/** Of series, what a keyframe has to bring back. */
function plainSeries({ events, ...series }: Series): unknown {
  return structuredClone({ ...series, events: { ...events } });
}

/** What a trace yields: the facts of each block as text, by position. */
function batchesOf(trace: Trace): string[] {
  const batches: string[] = [];
  for (const item of trace.items()) if (item.kind === 'facts') batches.push(JSON.stringify(item.facts));
  return batches;
}

/** A quarter of an hour in few bytes: four keyframes, several blocks, two indexes. */
function smallSession(): Fact[] {
  const facts: Fact[] = [
    {
      kind: 'session-started',
      at: 1e12,
      epoch: 1,
      version: '1.2.3',
      policy: 'first',
      discipline: 'fifo',
      cpuLimit: 80,
      seed: 1,
    },
  ];
  const work = { kind: 'command' as const, argv: ['true'], shell: false, task: '', input: null };
  for (let i = 0; i < 12; i++) {
    const at = 1e12 + i * 80_000;
    const task = { at, job: i + 1, ordinal: 0, attempt: 1 };
    facts.push({ kind: 'job-submitted', at, job: i + 1, spec: jobSpec({ name: `j${i}`, work }), by: 'me' });
    facts.push({ kind: 'assigned', ...task, node: 'n', adopted: false });
    if (i % 3 === 2) continue;
    const state = i % 4 === 1 ? 'failed' : 'succeeded';
    const ended = { kind: 'ended', ...task, state, node: 'n', exitCode: 0, signal: null, error: null } as const;
    facts.push({ ...ended, runMs: 5, cpuMs: 2.5, peakBytes: 4_096 }, { kind: 'job-ended', at, job: i + 1, state });
  }
  return facts;
}

describe('what is recorded', () => {
  let facts: Fact[];
  let bytes: Buffer;
  let file: string;
  beforeAll(async () => {
    facts = [];
    // Dense enough for several keyframes, with jobs of more tasks than a page of a table has.
    const live = session({
      nodes: 8,
      seconds: 1_500,
      seed: 11,
      jobsPerSecond: 0.1,
      tasksPerJob: 150,
      taskMs: 1_000,
      trouble: 0.1,
    });
    live.run((batch) => void facts.push(...batch));
    bytes = await recorded(facts, emptySeries());
    file = saved(bytes, 'session.lbtrace');
  });

  test('is an outline at once', () => {
    const trace = openTrace(file);
    expect(trace).toMatchObject({
      version: '1.2.3',
      from: facts[0]?.at,
      to: facts.at(-1)?.at,
      facts: facts.length,
      gaps: [],
      damage: [],
      cut: null,
    });
    expect(trace.events).toBe(facts.filter(({ kind }) => kind !== 'sampled').length);
    expect(trace.keyframes.length).toBeGreaterThan(3);
    expect(trace.incidents.length).toBeGreaterThan(20);
    expect(notesOf(trace)).toEqual([]);
    trace.close();
  });

  test('comes back as it was', () => {
    const trace = openTrace(file);
    const back: Fact[] = [];
    for (const item of trace.items()) if (item.kind === 'facts') back.push(...item.facts);
    trace.close();
    expect(back).toHaveLength(facts.length);
    expect(back.findIndex((fact, i) => !isDeepStrictEqual(fact, facts[i]))).toBe(-1);
  });

  test('at any instant is the state that the facts up to it lead to', { timeout: 60_000 }, () => {
    const trace = openTrace(file);
    const straight = cursorOf(trace);
    const seeking = cursorOf(trace);
    const random = numbers(3);
    const instants = Array.from({ length: 25 }, () => trace.from + random() * (trace.to - trace.from)).sort(
      (a, b) => a - b,
    );
    const seen = instants.map((at) => {
      straight.advance(at);
      return {
        at,
        state: plainState(straight.state),
        series: plainSeries(straight.series),
        facts: straight.facts,
        events: straight.events,
      };
    });
    // In an order that has nothing to do with time.
    for (const expected of seen.sort((a, b) => ((a.at * 7_919) % 1_000) - ((b.at * 7_919) % 1_000))) {
      seeking.goTo(expected.at);
      expect(seeking.facts).toBe(expected.facts);
      expect(seeking.events).toBe(expected.events);
      expect(plainState(seeking.state)).toEqual(expected.state);
      expect(plainSeries(seeking.series)).toEqual(expected.series);
    }
    expect(trace.damage).toEqual([]);
    trace.close();
  });

  test('at the instant of a keyframe and around it is no other state than folded', { timeout: 60_000 }, () => {
    const trace = openTrace(file);
    const straight = cursorOf(trace);
    const seeking = cursorOf(trace);
    for (const { at } of trace.keyframes) {
      for (const instant of [at - 400, at - 0.1, at, at + 0.1]) {
        straight.advance(instant);
        seeking.goTo(trace.to);
        seeking.goTo(instant);
        expect(seeking.facts).toBe(straight.facts);
        expect(plainState(seeking.state)).toEqual(plainState(straight.state));
      }
    }
    trace.close();
  });

  test('goes on from a restored state as it did from the real one', { timeout: 60_000 }, () => {
    const trace = openTrace(file);
    const straight = cursorOf(trace);
    straight.goTo(trace.to);
    const seeking = cursorOf(trace);
    for (const keyframe of trace.keyframes) {
      seeking.goTo(keyframe.at);
      // On from here, not through the keyframes that follow.
      seeking.advance(trace.to);
      expect(plainState(seeking.state)).toEqual(plainState(straight.state));
    }
    trace.close();
  });

  test('by event, forth and back', () => {
    const trace = openTrace(file);
    const cursor = cursorOf(trace);
    const forth: [number, number][] = [];
    cursor.goToEvent(500);
    for (let i = 0; i < 50; i++) {
      expect(cursor.nextEvent()).toBe(true);
      forth.push([cursor.events, cursor.at]);
    }
    for (const [events, at] of forth.toReversed()) {
      cursor.goToEvent(events);
      expect([cursor.events, cursor.at]).toEqual([events, at]);
    }
    cursor.goToEvent(trace.events);
    expect(cursor.nextEvent()).toBe(false);
    expect(cursor.ended).toBe(true);
    cursor.goToEvent(0);
    expect(cursor.at).toBe(trace.from);
    trace.close();
  });

  test('opens without its indexes as with them', () => {
    const indexed = openTrace(file);
    const bare = Buffer.from(bytes);
    bare.fill(0, 16, 28);
    const scanned = openTrace(saved(bare, 'bare.lbtrace'));
    const outline = ({ from, to, facts, events, keyframes, incidents, gaps }: Trace): unknown => ({
      from,
      to,
      facts,
      events,
      keyframes,
      incidents,
      gaps,
    });
    expect(outline(scanned)).toEqual(outline(indexed));
    indexed.close();
    scanned.close();
  });
});

describe('clocks that went back', () => {
  test('do not stop a replay', async () => {
    const instants = [1_000, 5_000, 2_000, 900, 6_000, 10];
    const facts = instants.map(
      (at, i): Fact => ({ kind: 'queue-paused', at, paused: i % 2 === 0, by: `${i}`, reason: '' }),
    );
    const trace = openTrace(saved(await recorded(facts)));
    const cursor = cursorOf(trace);
    cursor.goTo(trace.to);
    cursor.advance(Number.MAX_VALUE);
    expect(cursor.facts).toBe(instants.length);
    expect(cursor.at).toBe(6_000);
    cursor.goToEvent(3);
    expect(cursor.state.queuePaused).toBe(true);
    cursor.goTo(trace.from);
    trace.close();
  });
});

describe('a file that is not a trace for this version', () => {
  const message = (file: string): string => {
    try {
      openTrace(file);
    } catch (error) {
      expect(error).toBeInstanceOf(LbtopError);
      expect((error as LbtopError).code).toBe('usage');
      expect((error as LbtopError).message).not.toContain('\n');
      return (error as LbtopError).message;
    }
    throw new Error('nothing was thrown');
  };

  test('is refused in one line', async () => {
    const good = await recorded([]);
    expect(message(saved(Buffer.alloc(0)))).toContain('is empty: not a recording');
    expect(message(saved(Buffer.from('#!/bin/sh\necho this is something else entirely, no trace at all\n')))).toContain(
      'is not an lbtop recording',
    );
    expect(
      message(saved(Buffer.from('\x89LBT\n\x1a\n and so on, once through a text conversion', 'latin1'))),
    ).toContain('is not an lbtop recording');
    expect(message(saved(good.subarray(0, 20)))).toContain('ends within its head');
    const newer = Buffer.from(good);
    newer.writeUInt16BE(2, 8);
    newer.writeUInt32BE(checksum(newer.subarray(0, 16)), 28);
    expect(message(saved(newer))).toContain('recorded by a newer lbtop (format 2, this one reads 1): update lbtop');
    mkdirSync(join(directory, 'sub'), { recursive: true });
    expect(message(join(directory, 'sub'))).toContain('it is a directory');
    expect(message(join(directory, 'none'))).toContain('there is no such file');
  });

  test('is read where only its minor version is newer', async () => {
    const newer = Buffer.from(await recorded([{ kind: 'due', at: 5, job: 1 }]));
    newer.writeUInt16BE(7, 10);
    newer.writeUInt32BE(checksum(newer.subarray(0, 16)), 28);
    const trace = openTrace(saved(newer));
    expect(trace.facts).toBe(1);
    trace.close();
  });
});

describe('a damaged file', () => {
  let bytes: Buffer;
  let batches: string[];
  let state: unknown;
  beforeAll(async () => {
    bytes = await recorded(smallSession());
    const trace = openTrace(saved(bytes));
    batches = batchesOf(trace);
    const cursor = cursorOf(trace);
    cursor.goTo(trace.to);
    state = plainState(cursor.state);
    expect(trace.keyframes.length).toBeGreaterThanOrEqual(4);
    expect(batches.length).toBeGreaterThan(6);
    expect(bytes.length).toBeLessThan(6_000);
    trace.close();
  });

  test('cut anywhere plays up to the cut', { timeout: 120_000 }, () => {
    const whole = openTraceFile(saved(bytes));
    const borders = new Set([...whole.blocks(headBytes)].map(({ end }) => end));
    whole.close();
    for (let length = headBytes; length < bytes.length; length++) {
      const trace = openTrace(saved(bytes.subarray(0, length)));
      const found = batchesOf(trace);
      expect(found).toEqual(batches.slice(0, found.length));
      expect(trace.damage).toEqual([]);
      expect(trace.cut === null).toBe(borders.has(length) || length === headBytes);
      if (trace.cut !== null) {
        expect(trace.cut.offset + trace.cut.bytes).toBe(length);
        expect(notesOf(trace)).toHaveLength(1);
      }
      if (length % 8 === 0) {
        const cursor = cursorOf(trace);
        cursor.goTo(trace.to);
        expect(cursor.facts).toBe(trace.facts);
      }
      trace.close();
    }
  });

  test('with any bit flipped never has other facts, and says so where it has fewer', { timeout: 120_000 }, () => {
    for (let at = 0; at < bytes.length; at++) {
      const bad = Buffer.from(bytes);
      bad[at] = (bad[at] as number) ^ (1 << (at % 8));
      const file = saved(bad);
      if (at < 16 || (at >= 28 && at < headBytes)) {
        expect(() => openTrace(file)).toThrow(LbtopError);
        continue;
      }
      const trace = openTrace(file);
      const found = batchesOf(trace);
      let next = 0;
      for (const batch of found) {
        next = batches.indexOf(batch, next) + 1;
        expect(next).toBeGreaterThan(0);
      }
      if (found.length < batches.length) expect(trace.damage.length + (trace.cut === null ? 0 : 1)).toBeGreaterThan(0);
      const cursor = cursorOf(trace);
      cursor.goTo(trace.to);
      const noted = trace.damage.length > 0 || trace.cut !== null;
      // Beyond the damage a keyframe brings the true state back.
      if (!noted || (found.at(-1) === batches.at(-1) && trace.damage.every(({ offset }) => offset < bytes.length / 2)))
        expect(plainState(cursor.state)).toEqual(state);
      trace.close();
    }
  });

  test('with many bytes changed at random is read or refused, and nothing else', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 }),
        (changes) => {
          const bad = Buffer.from(bytes);
          for (const [at, value] of changes) bad[at] = value;
          try {
            const trace = openTrace(saved(bad));
            for (const batch of batchesOf(trace)) expect(batches).toContain(batch);
            cursorOf(trace).goTo((trace.from + trace.to) / 2);
            trace.close();
          } catch (error) {
            expect(error).toBeInstanceOf(LbtopError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });

  test('whose checksums are right and whose contents are not is damage too', () => {
    const source = openTraceFile(saved(bytes));
    for (const block of source.blocks(headBytes)) {
      const bad = Buffer.from(bytes);
      bad.fill(0x28, block.offset + blockHeadBytes, block.end);
      const payload = bad.subarray(block.offset + blockHeadBytes, block.end);
      bad.writeUInt32BE(payload.length === 0 ? 0 : checksum(payload), block.offset + 24);
      bad.writeUInt32BE(checksum(bad.subarray(block.offset, block.offset + 28)), block.offset + 28);
      const trace = openTrace(saved(bad, 'b.lbtrace'));
      for (const batch of batchesOf(trace)) expect(batches).toContain(batch);
      const cursor = cursorOf(trace);
      cursor.goTo(trace.to);
      for (const keyframe of trace.keyframes) cursor.goTo(keyframe.at);
      expect(trace.damage.length).toBeGreaterThan(block.kind === 'index' || block.kind === 'pages' ? -1 : 0);
      trace.close();
    }
    source.close();
  });

  test('whose facts do not fit their state is played on, and says so', async () => {
    const work = { kind: 'command' as const, argv: ['true'], shell: false, task: '', input: null };
    const facts: Fact[] = [
      { kind: 'job-submitted', at: 1_000, job: 1, spec: jobSpec({ work }), by: 'me' },
      { kind: 'assigned', at: 1_001, job: 1, ordinal: 5_000_000, attempt: 1, node: 'n', adopted: false },
      { kind: 'queue-paused', at: 1_002, paused: true, by: 'me', reason: '' },
    ];
    const disk = memoryDisk();
    const recorder = startRecorder({ file: 'memory', version: '', state: emptyState(), log: () => {}, disk });
    recorder.record(facts);
    await recorder.close();
    const trace = openTrace(saved(disk.contents()));
    const cursor = cursorOf(trace);
    cursor.goTo(trace.to);
    expect(cursor.facts).toBe(3);
    expect(cursor.state.queuePaused).toBe(true);
    expect(trace.damage).toHaveLength(1);
    trace.close();
  });

  test('says where', () => {
    const source = openTraceFile(saved(bytes));
    const block = [...source.blocks(headBytes)].find(({ kind }) => kind === 'facts');
    source.close();
    const bad = Buffer.from(bytes);
    const at = (block?.offset ?? 0) + blockHeadBytes + 9;
    bad[at] = (bad[at] as number) ^ 1;
    const trace = openTrace(saved(bad));
    const found = [...trace.items()];
    expect(found.find(({ kind }) => kind === 'gap')).toMatchObject({ missing: block?.count });
    expect(notesOf(trace)).toEqual([
      `damaged at offset ${block?.offset}: a block does not fit its checksum: plays up to there, and on from the next keyframe`,
    ]);
    trace.close();
  });
});
