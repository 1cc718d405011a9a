import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { startRecorder } from '../../source/feed/recorder.ts';
import { headBytes } from '../../source/feed/trace-format.ts';
import { openTrace } from '../../source/feed/trace-reader.ts';
import { LbtopError } from '../../source/model/errors.ts';
import type { Fact } from '../../source/model/fact.ts';
import { type Verification, verifyTrace } from '../../source/simulation/traces/verify.ts';
import { emptySeries } from '../../source/view/series.ts';
import { type MemoryDisk, memoryDisk } from '../feed/trace-disk.ts';
import { type SessionOptions, session } from '../feed/trace-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-verify-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Options extends Partial<SessionOptions> {
  /** The recording begins so late. */
  lateSeconds?: number;
  /** Changes what is recorded, not what is decided. */
  lie?: (fact: Fact) => Fact;
  disk?: MemoryDisk;
  during?: (seconds: number) => void;
}

/** Records a session of the real scheduler; returns the file. */
async function recorded({ lateSeconds = 0, lie, disk = memoryDisk(), during, ...options }: Options): Promise<string> {
  const live = session({ nodes: 6, seconds: 600, trouble: 0.2, jobsPerSecond: 0.3, ...options });
  if (lateSeconds > 0) live.run(() => {}, lateSeconds);
  const { state, anew } = live;
  const recorder = startRecorder({
    file: 'memory',
    version: '1.2.3',
    state,
    series: emptySeries(),
    anew,
    log: () => {},
    disk,
  });
  for (let more = true, seconds = 0; more; seconds += 10) {
    more = live.run((facts, event) => recorder.record(lie === undefined ? facts : facts.map(lie), event), 10);
    during?.(seconds);
    while (recorder.status().waitingBytes > 0) await new Promise((done) => setImmediate(done));
  }
  await recorder.close();
  const file = join(directory, `${Math.random()}.lbtrace`);
  disk.save(file);
  return file;
}

async function verified(file: string): Promise<Verification> {
  const trace = openTrace(file);
  try {
    return await verifyTrace(trace, async () => {});
  } finally {
    trace.close();
  }
}

describe('a recording of the scheduler is its own', () => {
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
  test.each(seeds)('from its beginning, seed %i', async (seed) => {
    const result = await verified(await recorded({ seed }));
    expect(result).toMatchObject({ verified: true, difference: null, why: null, unproven: 0 });
    expect(result.facts).toBeGreaterThan(5_000);
  });

  test.each(['least-load', 'round-robin', 'power-of-two', 'earliest-finish', 'partition'] as const)(
    'begun while it ran, by %s',
    async (policy) => {
      for (const seed of [11, 12, 13]) {
        const result = await verified(await recorded({ seed, policy, lateSeconds: 120 }));
        expect(result).toMatchObject({ verified: true, difference: null, why: null, unproven: 0 });
      }
    },
  );
});

describe('what is not the scheduler’s own is found', () => {
  test('a decision that was changed in the file, and where', async () => {
    let seen = 0;
    const lie = (fact: Fact): Fact => {
      if (fact.kind !== 'assigned' || ++seen !== 100) return fact;
      return { ...fact, node: fact.node === 'node-000' ? 'node-001' : 'node-000' };
    };
    const result = await verified(await recorded({ seed: 1, lie }));
    expect(result).toMatchObject({ verified: false, difference: { recorded: { kind: 'assigned' } } });
    const { recorded: told, decided } = result.difference ?? {};
    expect(decided).toEqual({ ...decided, ...told, node: decided?.kind === 'assigned' ? decided.node : null });
    expect(decided).not.toEqual(told);
    expect(result.facts).toBe(result.difference?.fact);
  });

  test('a node that was taken for lost too early', async () => {
    const lie = (fact: Fact): Fact =>
      fact.kind === 'node-health' && fact.health === 'suspect' ? { ...fact, health: 'lost' } : fact;
    const result = await verified(await recorded({ seed: 2, lie }));
    expect(result).toMatchObject({ verified: false, difference: { recorded: { health: 'lost' } } });
    expect(result.difference?.decided).toMatchObject({ kind: 'node-health', health: 'suspect' });
  });

  test('a recorder that was not told what the scheduler was told proves nothing', async () => {
    const live = session({ nodes: 2, seconds: 30 });
    const disk = memoryDisk();
    const { state } = live;
    const recorder = startRecorder({ file: 'memory', version: '1', state, log: () => {}, disk });
    live.run((facts, event) => recorder.record(facts, event));
    await recorder.close();
    const file = join(directory, 'without.lbtrace');
    disk.save(file);
    const result = await verified(file);
    expect(result).toMatchObject({ verified: false, facts: 0, difference: null });
    expect(result.why).toContain('without what the scheduler was told');
  });
});

describe('a byte that is not the one that was written', () => {
  test('is found, wherever it stands: nothing else is proven then', { timeout: 120_000 }, async () => {
    const file = await recorded({ seed: 3, nodes: 2, seconds: 60, jobsPerSecond: 0.1 });
    const bytes = readFileSync(file);
    const flipped = join(directory, 'flipped.lbtrace');
    expect((await verified(file)).verified).toBe(true);
    const missed: number[] = [];
    for (let at = 0; at < bytes.length; at += at < 200 ? 1 : 13) {
      const changed = Buffer.from(bytes);
      changed[at] = (bytes[at] as number) ^ (1 << (at % 8));
      writeFileSync(flipped, changed);
      try {
        if ((await verified(flipped)).verified) missed.push(at);
      } catch (error) {
        if (!(error instanceof LbtopError)) throw error;
      }
    }
    expect(missed).toEqual([]);
  });
});

describe('where something is missing', () => {
  test('what follows a gap is proven from the state after it', async () => {
    const disk = memoryDisk();
    const during = (seconds: number): void => {
      // For a while nothing can be written.
      if (seconds === 200) disk.room = 0;
      if (seconds === 300) disk.room = Number.POSITIVE_INFINITY;
    };
    vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'performance'] });
    const advancing = (seconds: number): void => {
      during(seconds);
      vi.advanceTimersByTime(10_000);
    };
    const file = await recorded({ seed: 4, disk, during: advancing }).finally(() => vi.useRealTimers());
    const trace = openTrace(file);
    expect(trace.gaps).not.toEqual([]);
    trace.close();
    const result = await verified(file);
    expect(result).toMatchObject({ verified: true, difference: null });
    expect(result.facts).toBeGreaterThan(5_000);
  });

  test('a file that was cut is proven up to the cut', async () => {
    const file = await recorded({ seed: 5 });
    const whole = await verified(file);
    const { size } = statSync(file);
    let proven = 0;
    for (const share of [0.2, 0.5, 0.8]) {
      truncateSync(file, Math.floor(size * (1 - share)));
      const result = await verified(file);
      expect(result).toMatchObject({ difference: null, why: null, verified: true });
      expect(result.facts).toBeLessThan(whole.facts);
      proven = result.facts;
    }
    expect(proven).toBeGreaterThan(100);
  });

  test('a file that is still being written is never damaged, and differs at no length that it has meanwhile', {
    timeout: 120_000,
  }, async () => {
    const bytes = readFileSync(await recorded({ seed: 6, nodes: 2, seconds: 60, jobsPerSecond: 0.1 }));
    const part = join(directory, 'part.lbtrace');
    const told = new Set<string | null>();
    for (let length = headBytes; length <= bytes.length; length += 7) {
      writeFileSync(part, bytes.subarray(0, length));
      const { difference, why, verified: whole } = await verified(part);
      expect({ length, difference, whole }).toEqual({ length, difference: null, whole: why === null });
      told.add(why);
    }
    // Nothing yet; facts, and what led to them comes next; and proven from then on.
    expect([...told]).toEqual([
      'no facts are in it yet: nothing can be proven',
      'it is without what the scheduler was told: nothing can be proven',
      null,
    ]);
  });
});
