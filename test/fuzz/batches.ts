/** Batches of facts as a journal holds them, changed behind its checksums. */
import { packFactBatch, unpackFactBatch } from '../../source/journal/fact-batch.ts';
import type { Fact } from '../../source/model/fact.ts';
import { ShapeError } from '../../source/model/shape.ts';
import { PlainError } from '../../source/wire/plain.ts';
import { session } from '../feed/trace-session.ts';
import type { Target } from './campaign.ts';
import { caseRandom, mutated } from './mutations.ts';

export function batchTarget(): Target<Buffer> {
  const live = session({
    nodes: 2,
    seconds: 120,
    seed: 3,
    jobsPerSecond: 0.1,
    tasksPerJob: 8,
    taskMs: 1_000,
    trouble: 0.1,
  });
  const facts: Fact[] = [];
  for (let more = true; more; ) more = live.run((some) => facts.push(...some), 30);
  // Small ones are rows, large ones columns.
  const sizes = [1, 2, 5, 60, 200];
  const samples = sizes.flatMap((size, place) =>
    Array.from({ length: 6 }, (_, i) =>
      Buffer.from(packFactBatch(facts.slice((i + place) * 40, (i + place) * 40 + size))),
    ),
  );
  return {
    name: 'journals',
    make: (seed) =>
      mutated(
        samples.filter((one) => one.length > 0),
        caseRandom(seed),
      ),
    take: takeBatch,
    hex: (bytes) => bytes.toString('hex'),
  };
}

/** Reads it as recovery does. Throws what recovery would not expect. */
export function takeBatch(bytes: Buffer): string {
  try {
    const facts = unpackFactBatch(bytes);
    return facts === null ? 'of a newer version' : 'read';
  } catch (error) {
    if (error instanceof ShapeError || error instanceof PlainError || error instanceof RangeError) return 'refused';
    throw error;
  }
}
