import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { startRecorder } from '../../source/feed/recorder.ts';
import { openTrace } from '../../source/feed/trace-reader.ts';
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
