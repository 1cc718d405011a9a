/** What one that stands by has read, and what the leader removes meanwhile. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openEngineDurable } from '../../source/coordinator/engine-durable.ts';
import { shadowOf } from '../../source/coordinator/shadow.ts';
import { openEngineStore } from '../../source/journal/engine.ts';
import type { Store } from '../../source/journal/store.ts';
import { takeSnapshot } from '../../source/scheduler/snapshot.ts';
import { type Engine, engineMissing, startEngine } from '../helpers/engine.ts';
import { until } from '../helpers/lbtop.ts';
import { fleet } from '../scheduler/fleet.ts';

let engine: Engine;
beforeAll(async () => {
  if (engineMissing === null) engine = await startEngine({ count: 1 });
}, 90_000);
afterAll(() => engine?.stop());

/** A leader that makes a snapshot after 500 facts, with a fleet that works. */
async function leading(url: string) {
  const given = {
    store: url,
    host: '127.0.0.1',
    port: 1,
    secret: async () => null,
    version: 'test',
    standby: false,
    log: () => {},
  };
  const durable = await openEngineDurable({ ...given, snapshotFacts: 500, signal: new AbortController().signal });
  const on = fleet('first', { state: durable.state });
  on.tell({ kind: 'session', version: '0.1.0', policy: 'first', discipline: 'fifo', cpuLimit: 100, seed: 1 });
  on.join('a', { slots: 50 });
  let taken = 0;
  return {
    durable,
    on,
    async work(tasks: number): Promise<void> {
      on.submit(tasks);
      for (let ended = 0; ended < tasks; ) {
        on.dispatch();
        for (const { job, ordinal, attempt } of [...on.node('a').held.values()]) {
          on.end('a', `${job}.${ordinal}#${attempt}`);
          ended += 1;
        }
        const facts = on.facts.slice(taken);
        taken = on.facts.length;
        await durable.commit(facts).durable;
      }
    },
  };
}

/** The store, whose readings after the first wait until `open` is resolved. */
function slowReader(store: Store, open: Promise<void>): Store {
  let readings = 0;
  const slow: Store = Object.create(store, {
    read: {
      value: async function* (...given: Parameters<Store['read']>) {
        if (++readings > 1) await open;
        yield* store.read(...given);
      },
    },
  });
  return slow;
}

test.skipIf(engineMissing !== null)(
  'one that was slow to read along begins with the snapshot that took the place of what it had not read',
  async () => {
    const url = `${engine.url}/slow`;
    const { durable, on, work } = await leading(url);
    await work(100);
    const store = await openEngineStore(url);
    const gate = Promise.withResolvers<void>();
    const shadow = shadowOf(slowReader(store, gate.promise), () => {});
    await work(1_000);
    // Everything that the shadow has not read is gone.
    await until(async () => ((await durable.store.snapshot())?.seq ?? 0) > 10);
    const firstLeft = async () => {
      for await (const { seq } of store.read(1)) return seq;
      return 0;
    };
    await until(async () => (await firstLeft()) !== 1);
    await work(10);
    const head = durable.commits.head;
    gate.resolve();
    const state = await shadow.upTo(head);
    expect(takeSnapshot(state)).toEqual(takeSnapshot(on.state));
    await expect(shadowOf(store, () => {}).upTo(head + 1)).rejects.toThrow(/ends there/);
    await store.close();
    await durable.close();
  },
);

test.skipIf(engineMissing !== null)('one whose place was taken is told by whom, however it learns it', async () => {
  const url = `${engine.url}/taken`;
  const [old, other] = await Promise.all([openEngineStore(url), openEngineStore(url)]);
  for (let round = 0; round < 5; round++) {
    const term = await old.campaign({ id: `old ${round}`, address: 'old:1' });
    const batch = { facts: new Uint8Array(1), records: [] };
    await term.append(term.head + 1, batch);
    const next = await other.seize({ id: '', address: '', epoch: term.epoch }, { id: 'other', address: 'other:2' });
    // Its own watch, or the append that is refused: whichever comes first.
    await expect(term.append(term.head + 2, batch)).rejects.toThrow(/at other:2\): the term \d+ of this one is over/);
    expect(String(term.lost.reason)).toMatch(/another coordinator took over \(its term is \d+, at other:2\)/);
    await next?.resign();
  }
  await Promise.all([old.close(), other.close()]);
});
