import { describe, expect, it, vi } from 'vitest';
import { groupCommit } from '../../source/journal/commit.ts';
import { unpackFactBatch } from '../../source/journal/fact-batch.ts';
import { memoryStore } from '../../source/journal/memory.ts';
import { recover } from '../../source/journal/recover.ts';
import type { Batch, StoreLimits, Term } from '../../source/journal/store.ts';
import { isFault, StoreError } from '../../source/journal/store-error.ts';
import type { Fact } from '../../source/model/fact.ts';
import { outputOf, resultOf, until } from './store-conformance.ts';

const megabyte = 1024 * 1024;
const limits: StoreLimits = { batchBytes: megabyte, chunkBytes: megabyte, durability: 'memory' };

function assigned(ordinal: number): Fact {
  return { kind: 'assigned', at: 1, job: 1, ordinal, attempt: 1, node: 'n', adopted: false };
}

function ordinals(facts: readonly Fact[]): number[] {
  return facts.map((fact) => (fact.kind === 'assigned' ? fact.ordinal : -1));
}

/** A term whose appends end when the test says so. */
function heldTerm() {
  const batches: { seq: number; batch: Batch }[] = [];
  const ends: PromiseWithResolvers<void>[] = [];
  const term: Term = {
    epoch: 1,
    head: 10,
    lost: new AbortController().signal,
    append(seq, batch) {
      batches.push({ seq, batch });
      const end = Promise.withResolvers<void>();
      ends.push(end);
      return end.promise;
    },
    saveSnapshot: async () => {},
    resign: async () => {},
  };
  const facts = () => batches.map(({ batch }) => ordinals(unpackFactBatch(batch.facts) ?? []));
  return { term, batches, ends, facts };
}

describe('group commit', () => {
  it('has one append under way and gathers meanwhile', async () => {
    const { term, batches, ends, facts } = heldTerm();
    const commits = groupCommit({ term, limits });
    const done: number[] = [];
    const commit = (ordinal: number) => commits.commit([assigned(ordinal)]).then(() => done.push(ordinal));
    void commit(0);
    void commit(1);
    await until(() => batches.length === 1);
    for (let ordinal = 2; ordinal < 6; ordinal++) void commit(ordinal);
    expect(commits.head).toBe(10);
    ends[0]?.resolve();
    await until(() => batches.length === 2);
    expect(done).toEqual([0, 1]);
    expect(commits.head).toBe(11);
    ends[1]?.resolve();
    await until(() => done.length === 6);
    expect(facts()).toEqual([
      [0, 1],
      [2, 3, 4, 5],
    ]);
    expect(batches.map(({ seq }) => seq)).toEqual([11, 12]);
    expect(done).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('goes on when an append is written, tells so in order, and what is durable in order after that', async () => {
    const { term, batches, ends } = heldTerm();
    const writes: (() => void)[] = [];
    const commits = groupCommit({
      term: {
        ...term,
        append(seq, batch, written) {
          if (written !== undefined) writes.push(written);
          return term.append(seq, batch);
        },
      },
      limits,
    });
    const said: string[] = [];
    const begin = (ordinal: number | null) => {
      const { written, durable } = commits.begin(ordinal === null ? [] : [assigned(ordinal)]);
      void written.then(() => said.push(`written ${ordinal}`));
      void durable.then(() => said.push(`durable ${ordinal}`));
    };
    begin(0);
    await until(() => batches.length === 1);
    begin(1);
    begin(null);
    writes[0]?.();
    await until(() => batches.length === 2);
    expect(said).toEqual(['written 0']);
    const marked = commits.mark();
    writes[1]?.();
    await until(() => said.length === 3);
    expect(said).toEqual(['written 0', 'written 1', 'written null']);
    expect(commits.head).toBe(10);
    // The store may say so in any order: what is told keeps it.
    ends[1]?.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    expect([said.length, commits.head]).toEqual([3, 10]);
    ends[0]?.resolve();
    expect(await marked).toBe(12);
    expect(said.slice(3)).toEqual(['durable 0', 'durable 1', 'durable null']);
    expect(commits.head).toBe(12);
  });

  it('lets what nobody waits for gather for a moment after an append began, and no longer than until somebody waits', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    try {
      const { term, ends, facts } = heldTerm();
      const commits = groupCommit({ term, limits });
      const turn = () => new Promise((resolve) => setImmediate(resolve));
      const begin = async (ordinal: number, patient: boolean) => {
        const commit = commits.begin([assigned(ordinal)], [], patient);
        await turn();
        return { commit };
      };
      await begin(0, true);
      expect(facts()).toEqual([[0]]); // nothing was written a moment ago
      ends[0]?.resolve();
      await begin(1, true);
      expect(facts()).toEqual([[0]]);
      vi.advanceTimersByTime(5);
      await turn();
      expect(facts()).toEqual([[0], [1]]);
      ends[1]?.resolve();
      await begin(2, true);
      const last = await begin(3, false);
      expect(facts()).toEqual([[0], [1], [2, 3]]);
      // What joins while that is written does not wait with it.
      await begin(4, true);
      ends[2]?.resolve();
      await last.commit.durable;
      await turn();
      expect(facts()).toEqual([[0], [1], [2, 3]]);
      const closing = commits.close();
      await turn();
      ends[3]?.resolve();
      await closing;
      expect(facts()).toEqual([[0], [1], [2, 3], [4]]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('fails for ever where what was written cannot be made durable', async () => {
    const { term, batches, ends } = heldTerm();
    const commits = groupCommit({
      term: {
        ...term,
        append(seq, batch, written) {
          written?.();
          return term.append(seq, batch);
        },
      },
      limits,
    });
    const first = commits.begin([assigned(0)]);
    await first.written;
    const second = commits.commit([assigned(1)]);
    await until(() => batches.length === 2);
    ends[0]?.reject(new StoreError('broken', 'the disk is gone'));
    await expect(first.durable).rejects.toThrow('gone');
    ends[1]?.resolve();
    await expect(second).rejects.toThrow('gone');
    await expect(commits.commit([])).rejects.toThrow('gone');
    await expect(commits.close()).rejects.toThrow('gone');
  });

  it('leaves out what only matters live, in its order', async () => {
    const { term, batches, ends } = heldTerm();
    const commits = groupCommit({ term, limits });
    const sample = { kind: 'sampled', at: 1, node: 'n', seen: 0 } as Fact;
    await commits.commit([sample]);
    await commits.commit([]);
    expect(batches).toEqual([]);
    const done: string[] = [];
    void commits.commit([assigned(0), sample]).then(() => done.push('assigned'));
    void commits.commit([sample]).then(() => done.push('sampled'));
    await until(() => batches.length === 1);
    expect(done).toEqual([]);
    ends[0]?.resolve();
    await until(() => done.length === 2);
    expect(done).toEqual(['assigned', 'sampled']);
    expect(unpackFactBatch(batches[0]?.batch.facts ?? new Uint8Array())).toEqual([assigned(0)]);
  });

  it('puts records of one moment into the batch of its facts, and forgets after them', async () => {
    const { term, batches, ends } = heldTerm();
    const commits = groupCommit({ term, limits });
    void commits.commit([], [resultOf('1')]);
    void commits.commit([assigned(0)], [{ kind: 'forget', job: 1 }]);
    void commits.commit([assigned(1)], [outputOf(0, 'x')]);
    await until(() => batches.length === 1);
    expect(batches[0]?.batch.records.map(({ kind }) => kind)).toEqual(['result', 'output', 'forget']);
    ends[0]?.resolve();
  });

  it('splits what the store would not take, in order', async () => {
    const store = memoryStore({ batchBytes: 20_000 });
    const commits = groupCommit({ term: await store.campaign({ id: 'a', address: '' }), limits: store.limits });
    const facts = Array.from(
      { length: 50_000 },
      (_, i) => ({ ...assigned(i), node: `node-${(i * 7_919) % 10_007}` }) as Fact,
    );
    const records = Array.from({ length: 50 }, (_, ordinal) => outputOf(0, 'x'.repeat(1_000), { ordinal }));
    await commits.commit(facts, [...records, { kind: 'forget', job: 2 }]);
    await commits.commit([assigned(-0)]);
    expect(commits.head).toBeGreaterThan(10);
    const seen: Fact[] = [];
    await recover(store, { facts: (some) => void seen.push(...some) });
    expect(seen).toEqual([...facts, assigned(0)]);
    expect((await store.outputSize(1, 49, 1, 1)).bytes).toBe(1_000);
  });

  it('splits more facts than one batch may have', async () => {
    const store = memoryStore();
    const commits = groupCommit({ term: await store.campaign({ id: 'a', address: '' }), limits: store.limits });
    await commits.commit(Array.from({ length: 150_000 }, (_, i) => assigned(i)));
    expect(commits.head).toBe(4);
    expect((await recover(store, { facts: () => {} })).facts).toBe(150_000);
  });

  it('fails for ever where an append fails, everybody who waits and everybody after', async () => {
    const { term, batches, ends } = heldTerm();
    const commits = groupCommit({ term, limits });
    const first = commits.commit([assigned(0)]);
    await until(() => batches.length === 1);
    const second = commits.commit([assigned(1)]);
    const marked = commits.mark();
    ends[0]?.reject(new StoreError('broken', 'the disk is gone'));
    await expect(first).rejects.toThrow('gone');
    await expect(second).rejects.toThrow('gone');
    await expect(marked).rejects.toThrow('gone');
    await expect(commits.commit([assigned(2)])).rejects.toThrow('gone');
    await expect(commits.mark()).rejects.toThrow('gone');
    await expect(commits.close()).rejects.toThrow('gone');
    expect(batches).toHaveLength(1);
  });

  it('waits where there is no room, says so, and goes on with the same number', async () => {
    const { term, batches, ends } = heldTerm();
    const said: (string | null)[] = [];
    const commits = groupCommit({ term, limits, onHeld: (reason) => said.push(reason) });
    const committing = commits.commit([assigned(0)]);
    for (let i = 0; i < 3; i++) {
      await until(() => batches.length === i + 1);
      ends[i]?.reject(new StoreError('full', 'no room'));
      await until(() => commits.held !== null);
    }
    await until(() => batches.length === 4);
    ends[3]?.resolve();
    await committing;
    expect(batches.map(({ seq }) => seq)).toEqual([11, 11, 11, 11]);
    expect(said).toEqual(['no room', null]);
    expect(commits.held).toBeNull();
  });

  it('does not wait for room when it is closed', async () => {
    const { term, batches, ends } = heldTerm();
    const commits = groupCommit({ term, limits });
    const committing = commits.commit([assigned(0)]);
    await until(() => batches.length === 1);
    const closing = commits.close();
    ends[0]?.reject(new StoreError('full', 'no room'));
    await expect(closing).rejects.toEqual(expect.toSatisfy((error) => isFault(error, 'full')));
    await expect(committing).rejects.toThrow('no room');
  });

  it('marks a border between batches: before it all that was taken, nothing that comes after', async () => {
    const { term, batches, ends, facts } = heldTerm();
    const commits = groupCommit({ term, limits });
    expect(await commits.mark()).toBe(10);
    void commits.commit([assigned(0)]);
    await until(() => batches.length === 1);
    const idle = commits.mark();
    void commits.commit([assigned(1)]);
    const busy = commits.mark();
    const twice = commits.mark();
    void commits.commit([assigned(2)]);
    for (let i = 0; i < 3; i++) {
      await until(() => batches.length === i + 1);
      ends[i]?.resolve();
    }
    expect(await Promise.all([idle, busy, twice])).toEqual([11, 12, 12]);
    await commits.close();
    expect(facts()).toEqual([[0], [1], [2]]);
    await expect(commits.commit([assigned(3)])).rejects.toThrow('closed');
  });
});
