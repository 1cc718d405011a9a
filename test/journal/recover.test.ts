import { describe, expect, it } from 'vitest';
import { batchChecksum } from '../../source/journal/checksum.ts';
import { groupCommit } from '../../source/journal/commit.ts';
import { packFactBatch, unpackFactBatch } from '../../source/journal/fact-batch.ts';
import { memoryStore } from '../../source/journal/memory.ts';
import { recover } from '../../source/journal/recover.ts';
import type { Store, StoredBatch } from '../../source/journal/store.ts';
import { StoreError } from '../../source/journal/store-error.ts';
import type { Fact } from '../../source/model/fact.ts';
import { jobSpec } from '../../source/model/job.ts';
import { packValue } from '../../source/wire/codec.ts';
import { bytesOf, collect, text } from './store-conformance.ts';

function assigned(ordinal: number): Fact {
  return { kind: 'assigned', at: 1, job: 1, ordinal, attempt: 1, node: 'n', adopted: false };
}

async function filled(
  batches: number,
  factsEach = 3,
): Promise<{ store: Store; facts: Fact[]; term: Awaited<ReturnType<Store['campaign']>> }> {
  const store = memoryStore();
  const term = await store.campaign({ id: 'a', address: '' });
  const commits = groupCommit({ term, limits: store.limits });
  const facts: Fact[] = [];
  for (let i = 0; i < batches; i++) {
    const some = Array.from({ length: factsEach }, (_, k) => assigned(i * factsEach + k));
    facts.push(...some);
    await commits.commit(some);
  }
  return { store, facts, term };
}

/** The store with other batches than it has. */
function reading(store: Store, change: (batches: StoredBatch[]) => StoredBatch[]): Store {
  return {
    ...store,
    async *read(from) {
      yield* change(await collect(store.read(from)));
    },
  };
}

async function refusal(store: Store): Promise<StoreError> {
  const seen: number[] = [];
  try {
    await recover(store, { facts: (_facts, seq) => void seen.push(seq) });
  } catch (error) {
    if (error instanceof StoreError) return error;
    throw error;
  }
  throw new Error(`passed over: ${seen}`);
}

describe('recovery', () => {
  it('gives all facts back in order', async () => {
    const { store, facts } = await filled(20);
    const seen: Fact[] = [];
    const recovered = await recover(store, { facts: (some) => void seen.push(...some) });
    expect(seen).toEqual(facts);
    expect(recovered).toEqual({ seq: 20, snapshot: 0, batches: 20, facts: 60, missing: 0 });
  });

  it('finds nothing in an empty store', async () => {
    const recovered = await recover(memoryStore(), { facts: () => {} });
    expect(recovered).toEqual({ seq: 0, snapshot: 0, batches: 0, facts: 0, missing: 0 });
  });

  it('takes the snapshot, then the facts after it; or up to a batch', async () => {
    const { store, term } = await filled(10, 1);
    await term.saveSnapshot(6, [bytesOf('state '), bytesOf('of 6')]);
    const seen: string[] = [];
    const options = {
      async snapshot(chunks: AsyncIterable<Uint8Array>, seq: number) {
        seen.push(`${seq}: ${(await collect(chunks)).map(text).join('')}`);
      },
      facts: (some: readonly Fact[], seq: number) => void seen.push(`${seq} has ${some.length}`),
    };
    expect((await recover(store, options)).seq).toBe(10);
    expect(seen).toEqual(['6: state of 6', '7 has 1', '8 has 1', '9 has 1', '10 has 1']);
    seen.length = 0;
    expect((await recover(store, { ...options, upTo: 8 })).seq).toBe(8);
    expect(seen).toEqual(['6: state of 6', '7 has 1', '8 has 1']);
    seen.length = 0;
    expect((await recover(store, { ...options, upTo: 6 })).seq).toBe(6);
    expect((await recover(store, { ...options, from: 9 })).batches).toBe(2);
    await expect(recover(store, { ...options, from: 3 })).rejects.toThrow(/batches 3 to 6 are missing/);
  });

  it('refuses a flipped bit anywhere in a batch, and says which', async () => {
    const { store } = await filled(5);
    const [, , third] = await collect(store.read(1));
    for (let bit = 0; bit < (third?.bytes.length ?? 0) * 8; bit++) {
      const flipped = reading(store, (batches) =>
        batches.map((batch) => {
          if (batch.seq !== 3) return batch;
          const bytes = Uint8Array.from(batch.bytes);
          bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          return { ...batch, bytes };
        }),
      );
      const error = await refusal(flipped);
      expect(error.fault).toBe('damaged');
      expect(error.place.sequence).toBe(3);
    }
  });

  it('refuses batches that are missing, in another order, cut, or of another place', async () => {
    const { store } = await filled(5);
    const cases: [string, number, (batches: StoredBatch[]) => StoredBatch[]][] = [
      ['missing', 3, (batches) => batches.filter(({ seq }) => seq !== 3)],
      ['two missing', 1, (batches) => batches.slice(2)],
      ['swapped', 2, ([a, b, c, ...rest]) => [a, c, b, ...rest] as StoredBatch[]],
      ['twice', 2, ([a, ...rest]) => [a, a, ...rest] as StoredBatch[]],
      [
        'renumbered',
        4,
        (batches) => batches.map((one) => (one.seq === 4 ? { ...(batches[2] as StoredBatch), seq: 4 } : one)),
      ],
      [
        'cut',
        2,
        (batches) => batches.map((one) => (one.seq === 2 ? { ...one, bytes: one.bytes.subarray(0, 5) } : one)),
      ],
      ['of an earlier term', 5, (batches) => batches.map((one) => (one.seq === 5 ? resealed(one, 0, one.bytes) : one))],
      [
        'not facts',
        4,
        (batches) => batches.map((one) => (one.seq === 4 ? resealed(one, 1, bytesOf('\u0001xyz12345')) : one)),
      ],
    ];
    for (const [what, sequence, change] of cases) {
      const error = await refusal(reading(store, change));
      expect([what, error.fault, error.place.sequence ?? 0]).toEqual([what, 'damaged', sequence]);
      expect(error.message).toMatch(/^the journal is damaged \(.*batch \d.*\): .+; restore its directory/);
    }
  });

  it('refuses what a newer version wrote', async () => {
    const { store } = await filled(2);
    const header = Uint8Array.of(1, 1, 0, 0, 0);
    for (const newer of [Uint8Array.of(9, 1, 2, 3), Buffer.concat([header, packValue([[999, 1, 2]])])]) {
      const changed = reading(store, ([a, b]) => [a, resealed(b as StoredBatch, 1, newer)] as StoredBatch[]);
      const error = await refusal(changed);
      expect(error.fault).toBe('version');
      expect(error.message).toMatch(/batch 2 .* newer version/);
    }
  });
});

/** The batch as a writer would have stored it with these bytes in this term. */
function resealed({ seq }: StoredBatch, epoch: number, bytes: Uint8Array): StoredBatch {
  return { seq, epoch, crc: batchChecksum(seq, epoch, bytes), bytes };
}

describe('facts of a batch', () => {
  it('come back the same, few or many', () => {
    for (const count of [0, 1, 2, 63, 64, 65, 1_000]) {
      const facts = Array.from({ length: count }, (_, i) => assigned(i));
      expect(unpackFactBatch(packFactBatch(facts))).toEqual(facts);
    }
  });

  it('keep the binary part of a submission, without what it came in', () => {
    const work = { kind: 'command', argv: ['cat'], shell: false, task: '', input: null } as const;
    const spec = jobSpec({ work: { ...work, argv: ['cat'] }, stdin: Uint8Array.of(0, 1, 2, 255) });
    const submitted: Fact = { kind: 'job-submitted', at: 1, job: 1, by: 'me', spec };
    for (const others of [0, 100]) {
      const facts = [submitted, ...Array.from({ length: others }, (_, i) => assigned(i))];
      const [first] = unpackFactBatch(packFactBatch(facts)) ?? [];
      expect(first).toEqual(submitted);
      expect(first?.kind === 'job-submitted' && first.spec.stdin?.buffer.byteLength).toBe(4);
    }
  });
});

describe('progress', () => {
  it('tells of the chunks of the snapshot and of what came after it, in order, and of the end', async () => {
    const { store, term } = await filled(40, 5_000);
    await term.saveSnapshot(10, [bytesOf('a'), bytesOf('b')]);
    const shares: number[] = [];
    await recover(store, {
      snapshot: async (chunks) => void (await collect(chunks)),
      facts: () => {},
      progress: { head: 40, show: (share) => void shares.push(share) },
    });
    expect(shares.slice(0, 2)).toEqual([0.25, 0.5]);
    expect(shares.length).toBeGreaterThan(4);
    expect(shares).toEqual(shares.toSorted((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
  });

  it('of an empty journal is its end', async () => {
    const shares: number[] = [];
    await recover(memoryStore(), { facts: () => {}, progress: { head: 0, show: (share) => void shares.push(share) } });
    expect(shares).toEqual([1]);
  });
});
