import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Recorder, startRecorder } from '../../source/feed/recorder.ts';
import { cursorOf } from '../../source/feed/trace-cursor.ts';
import { openTrace } from '../../source/feed/trace-reader.ts';
import { LbtopError } from '../../source/model/errors.ts';
import type { Fact } from '../../source/model/fact.ts';
import { apply } from '../../source/scheduler/apply.ts';
import { takeSnapshot } from '../../source/scheduler/snapshot.ts';
import { emptyState, type State } from '../../source/scheduler/state.ts';
import { type MemoryDisk, memoryDisk } from './trace-disk.ts';
import { session } from './trace-session.ts';

let directory: string;
let file: string;
let logged: string[];
const log = (line: string): void => void logged.push(line);

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lbtop-recorder-'));
  file = join(directory, 'session.lbtrace');
  logged = [];
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true, force: true });
});

function errorOf(work: () => unknown): LbtopError {
  try {
    work();
  } catch (error) {
    if (error instanceof LbtopError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

function begin(state: State = emptyState(), into = file): Recorder {
  return startRecorder({ file: into, version: 'test', state, log });
}

/** Facts of which each is applied before the recorder is told. */
function tell(recorder: Recorder, state: State, facts: readonly Fact[]): void {
  for (const fact of facts) {
    apply(state, fact);
    recorder.record([fact]);
  }
}

function jobs(from: number, count: number, at: number): Fact[] {
  return Array.from({ length: count }, (_, i) => ({ kind: 'due', at, job: from + i }));
}

function factsIn(path: string): Fact[] {
  const trace = openTrace(path);
  const found: Fact[] = [];
  for (const item of trace.items()) if (item.kind === 'facts') found.push(...item.facts);
  trace.close();
  return found;
}

describe('the file', () => {
  test('is readable by its owner alone, and holds what was recorded', async () => {
    const state = emptyState();
    const recorder = begin(state);
    const facts = jobs(1, 3, 1_000);
    tell(recorder, state, facts);
    await recorder.close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(factsIn(file)).toEqual(facts);
    expect(recorder.status()).toMatchObject({ state: 'closed', facts: 3, dropped: 0, bytes: statSync(file).size });
    expect(logged).toEqual([`recording ${file}: ${statSync(file).size} bytes`]);
  });

  test('may be there when it is empty, and then is the owner’s alone too', async () => {
    writeFileSync(file, '');
    chmodSync(file, 0o644);
    await begin().close();
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test('is not overwritten', () => {
    writeFileSync(file, 'important');
    const error = errorOf(() => begin());
    expect(error.code).toBe('usage');
    expect(error.message).toBe(
      `${file} is not an lbtop recording (*.lbtrace): record into another file, or remove it first`,
    );
    expect(readFileSync(file, 'utf8')).toBe('important');
  });

  test('in a directory that is not there, or being one, is refused in one line', () => {
    expect(errorOf(() => begin(emptyState(), join(directory, 'no', 'where'))).message).toContain(
      'its directory does not exist',
    );
    mkdirSync(join(directory, 'sub'));
    expect(errorOf(() => begin(emptyState(), join(directory, 'sub'))).message).toBe(
      `cannot record into ${join(directory, 'sub')}: it is a directory`,
    );
  });

  test('grows while the session goes on', async () => {
    const state = emptyState();
    const recorder = begin(state);
    tell(recorder, state, jobs(1, 5_000, 1_000));
    for (let i = 0; i < 100 && recorder.status().waitingBytes > 0; i++) await pause(20);
    expect(factsIn(file)).toHaveLength(4_096);
    await recorder.close();
    expect(factsIn(file)).toHaveLength(5_000);
  });

  test('of many facts at once has them all, in order', async () => {
    const state = emptyState();
    const recorder = begin(state);
    const facts = jobs(1, 20_000, 1_000);
    recorder.record(facts);
    await recorder.close();
    expect(factsIn(file)).toEqual(facts);
  });

  test('takes nothing after the end, and ends once', async () => {
    const recorder = begin();
    const ends = [recorder.close(), recorder.close()];
    recorder.record(jobs(1, 1, 1));
    await Promise.all(ends);
    expect(factsIn(file)).toEqual([]);
  });
});

describe('samples', () => {
  test('are rounded, all else stays', async () => {
    const state = emptyState();
    const recorder = begin(state);
    const sample = {
      cpu: 12.345678,
      cpuOurs: 99.999,
      memoryUsed: 1_000_001,
      memoryOurs: 511,
      load1: 0.333333,
      running: 3,
      waiting: 1,
    };
    recorder.record([{ kind: 'sampled', at: 1_000.5, node: 'n', seen: 7, sample }]);
    expect(sample.cpu).toBe(12.345678);
    await recorder.close();
    expect(factsIn(file)).toEqual([
      {
        kind: 'sampled',
        at: 1_000.5,
        node: 'n',
        seen: 7,
        sample: { cpu: 12.35, cpuOurs: 100, memoryUsed: 1_000_448, memoryOurs: 0, load1: 0.33, running: 3, waiting: 1 },
      },
    ]);
  });
});

describe('a session that runs already', () => {
  test('is recorded from where it stands', async () => {
    const live = session({ nodes: 3, seconds: 120, seed: 4, tasksPerJob: 400, taskMs: 300 });
    live.run(() => {}, 60);
    const recorder = startRecorder({ file, version: 'test', state: live.state, log });
    live.run((facts) => recorder.record(facts));
    await recorder.close();
    const trace = openTrace(file);
    const cursor = cursorOf(trace);
    cursor.goTo(trace.to);
    expect(plain(cursor.state)).toEqual(plain(live.state));
    trace.close();
  });
});

describe('a full disk', () => {
  const fake = { toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] } as const;

  function withDisk(state: State): { disk: MemoryDisk; recorder: Recorder } {
    vi.useFakeTimers({ toFake: [...fake.toFake] });
    const disk = memoryDisk();
    return { disk, recorder: startRecorder({ file, version: 'test', state, log, disk }) };
  }

  /** Until all that waits is written or has failed: compression has a thread of its own. */
  async function settled(recorder: Recorder): Promise<void> {
    while (recorder.status().waitingBytes > 0) await new Promise((done) => setImmediate(done));
    for (let i = 0; i < 5; i++) await new Promise((done) => setImmediate(done));
  }

  test('leaves a gap with its count, says so once, and goes on when there is room', async () => {
    const state = emptyState();
    const { disk, recorder } = withDisk(state);
    tell(recorder, state, jobs(1, 4_096, 1_000));
    await settled(recorder);
    disk.room = recorder.status().bytes + 40;
    tell(recorder, state, jobs(5_000, 4_096, 10_000));
    await settled(recorder);
    expect(recorder.status()).toMatchObject({ state: 'stalled', why: 'no space left on the disk', dropped: 4_096 });
    tell(recorder, state, jobs(10_000, 10, 20_000));
    vi.advanceTimersByTime(10_000);
    await settled(recorder);
    expect(recorder.status()).toMatchObject({ state: 'stalled', dropped: 4_106 });
    disk.room = Number.POSITIVE_INFINITY;
    vi.advanceTimersByTime(10_000);
    await settled(recorder);
    expect(recorder.status()).toMatchObject({ state: 'recording', why: null, dropped: 4_106 });
    tell(recorder, state, jobs(20_000, 5, 30_000));
    await recorder.close();
    disk.save(file);
    expect(factsIn(file)).toEqual([...jobs(1, 4_096, 1_000), ...jobs(20_000, 5, 30_000)]);
    const trace = openTrace(file);
    expect(trace.gaps).toEqual([{ at: 10_000, missing: 4_106 }]);
    expect(trace.damage).toEqual([]);
    expect(trace.cut).toBeNull();
    trace.close();
    expect(logged.filter((line) => line.includes('no space left on the disk'))).toHaveLength(1);
    expect(logged.filter((line) => line.endsWith('goes on'))).toHaveLength(1);
  });

  test('the state after a gap is the right one, whichever write fails', async () => {
    for (const [when, keyframe] of [
      [20, false],
      [40, true],
    ] as const) {
      const live = session({ nodes: 3, seconds: 60, seed: 5, tasksPerJob: 500, taskMs: 200, trouble: 0.2 });
      const { disk, recorder } = withDisk(live.state);
      live.run((facts) => recorder.record(facts), when);
      if (keyframe) await settled(recorder);
      disk.room = recorder.status().bytes + 10;
      live.run((facts) => recorder.record(facts), 10);
      await settled(recorder);
      vi.advanceTimersByTime(10_000);
      await settled(recorder);
      disk.room = Number.POSITIVE_INFINITY;
      live.run((facts) => recorder.record(facts), 1);
      vi.advanceTimersByTime(10_000);
      await settled(recorder);
      live.run((facts) => recorder.record(facts));
      await recorder.close();
      disk.save(file);
      const trace = openTrace(file);
      const cursor = cursorOf(trace);
      cursor.advance(trace.to);
      expect(plain(cursor.state)).toEqual(plain(live.state));
      const missing = trace.gaps.reduce((sum, gap) => sum + gap.missing, 0);
      expect(missing).toBe(recorder.status().dropped);
      expect(trace.facts + missing).toBe(recorder.status().facts);
      trace.close();
      vi.useRealTimers();
    }
  });

  test('that never has room leaves scheduling alone', async () => {
    const state = emptyState();
    const { disk, recorder } = withDisk(state);
    disk.room = 0;
    tell(recorder, state, jobs(1, 10_000, 1_000));
    await recorder.close();
    expect(recorder.status()).toMatchObject({ state: 'closed', bytes: 0 });
    expect(logged.at(-1)).toBe(`recording ${file}: ends incomplete: no space left on the disk`);
    expect(disk.closed).toBe(true);
  });

  test.runIf(existsSync('/dev/full'))('as the system has it', async () => {
    const state = emptyState();
    const recorder = begin(state, '/dev/full');
    tell(recorder, state, jobs(1, 5_000, 1_000));
    await recorder.close();
    expect(logged[0]).toBe('recording /dev/full: no space left on the disk: facts are left out, next try in 10 s');
  });
});

describe('a fault of the recorder', () => {
  test('is logged, and nothing else comes of it', async () => {
    const state = emptyState();
    const recorder = begin(state);
    tell(recorder, state, jobs(1, 3, 1_000));
    recorder.record([{ kind: 'none of ours', at: 5 } as unknown as Fact]);
    recorder.record(jobs(1, 5_000, 2_000));
    expect(recorder.status()).toMatchObject({
      state: 'stalled',
      why: 'no kind none of ours',
      facts: 5_004,
      dropped: 5_004,
    });
    await recorder.close();
    expect(logged[0]).toContain('no kind none of ours');
    const trace = openTrace(file);
    expect(trace.gaps).toEqual([{ at: 1_000, missing: 5_004 }]);
    trace.close();
  });
});

describe('a slow disk', () => {
  test('costs facts, not memory; they are counted', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    const state = emptyState();
    const disk = memoryDisk();
    const recorder = startRecorder({ file, version: 'test', state, log, disk });
    const gate = Promise.withResolvers<void>();
    disk.slow = gate.promise;
    // Errors that have nothing in common: 20 KB each.
    let told = 0;
    for (let i = 0; recorder.status().state === 'recording' && i < 20_000; i++) {
      const error = Array.from({ length: 400 }, (_, word) => `${i * 7_919 + word * 104_729}`)
        .join(' ')
        .slice(0, 4_000);
      const ended: Fact = {
        kind: 'ended',
        at: 1_000 + i,
        job: 1,
        ordinal: i,
        attempt: 1,
        state: 'failed',
        node: null,
        exitCode: 1,
        signal: null,
        error,
        runMs: 1,
        cpuMs: 1,
        peakBytes: 0,
      };
      recorder.record([ended]);
      told++;
    }
    expect(recorder.status()).toMatchObject({ state: 'stalled', why: 'the disk is too slow' });
    expect(recorder.status().waitingBytes).toBeLessThan(60e6);
    recorder.record(jobs(1, 7, 100_000));
    expect(recorder.status().dropped).toBe(7);
    gate.resolve();
    while (recorder.status().waitingBytes > 0) await new Promise((done) => setImmediate(done));
    vi.advanceTimersByTime(1_000);
    while (recorder.status().waitingBytes > 0) await new Promise((done) => setImmediate(done));
    expect(recorder.status().state).toBe('recording');
    recorder.record(jobs(1, 2, 200_000));
    await recorder.close();
    disk.save(file);
    const trace = openTrace(file);
    expect(trace.gaps).toEqual([{ at: 100_000, missing: 7 }]);
    expect(trace.facts).toBe(told + 2);
    const order = [...trace.items()].map((item) => item.kind);
    expect(order.slice(order.indexOf('gap'))).toEqual(['gap', 'state', 'facts']);
    trace.close();
  });
});

function plain(state: State): unknown {
  return JSON.parse(JSON.stringify(takeSnapshot(state)));
}
