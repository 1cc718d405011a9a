/** Snapshots of a coordinator that goes on, and what is forgotten in time. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Durable, openDurable } from '../../source/coordinator/durable.ts';
import { keptTasks, startRetention } from '../../source/coordinator/retention.ts';
import { openLocalStore } from '../../source/journal/local.ts';
import type { Fact } from '../../source/model/fact.ts';
import { takeSnapshot } from '../../source/scheduler/snapshot.ts';
import { until } from '../helpers/lbtop.ts';
import { type Fleet, fleet } from '../scheduler/fleet.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lbtop-durable-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = (snapshotFacts?: number) => openDurable({ directory, address: 'here:1', snapshotFacts, log: () => {} });

/** Commits what was said since the last time; returns all that was said. */
function committing(on: Fleet, durable: Durable) {
  let taken = 0;
  return () => {
    const facts: Fact[] = on.facts.slice(taken);
    taken = on.facts.length;
    return durable.commit(facts).durable;
  };
}

test('a snapshot is made beside the work, which goes on, and leads to the same state', async () => {
  const durable = await open(2_000);
  const on = fleet('first', { state: durable.state });
  const session = { policy: 'first', discipline: 'fifo', cpuLimit: 100, seed: 1 } as const;
  on.tell({ kind: 'session', version: '0.1.0', ...session });
  on.join('a', { slots: 50 });
  on.submit(4_000);
  const commit = committing(on, durable);
  const snapshot = async () => {
    const view = await openLocalStore({ directory, readOnly: true });
    const found = await view.snapshot();
    await view.close();
    return found;
  };
  const work = async (batches: number): Promise<void> => {
    for (let batch = 0; batch < batches; batch++) {
      on.dispatch();
      for (const { job, ordinal, attempt } of [...on.node('a').held.values()])
        on.end('a', `${job}.${ordinal}#${attempt}`);
      await commit();
    }
  };
  await work(30);
  await until(async () => (await snapshot()) !== null);
  await work(30);
  // What comes after it counts as well; another one may have been made just now.
  do await work(1);
  while (((await snapshot())?.seq ?? 0) >= durable.commits.head);
  expect((await snapshot())?.seq).toBeGreaterThan(0);
  // As after a kill: nothing is saved at the end.
  await durable.store.close();
  const again = await open();
  expect(takeSnapshot(again.state)).toEqual(takeSnapshot(on.state));
  await again.close();
});

/** A fleet on which jobs end, and its retention. */
function ending(purgeAfterMs: number | null, keepTasks: number) {
  const on = fleet();
  on.join('a', { slots: 8 });
  const listeners: ((facts: readonly Fact[]) => void)[] = [];
  const tell = (event: Parameters<Fleet['tell']>[0]) => {
    const before = on.facts.length;
    on.tell(event);
    for (const listener of listeners) listener(on.facts.slice(before));
  };
  const end = (tasks: number) => {
    on.submit(tasks);
    const job = on.state.nextJob - 1;
    tell({ kind: 'cancel', target: { job, ordinal: null }, by: 'ana' });
  };
  const retention = startRetention({
    state: on.state,
    loop: { post: (event) => tell(event as never), onFacts: (listener) => void listeners.push(listener) },
    clock: { now: () => on.at },
    purgeAfterMs,
    keepTasks,
  });
  return { on, end, tell, retention };
}

test('jobs are forgotten so long after their end', async () => {
  const { on, end, tell, retention } = ending(60_000, keptTasks);
  using _ = retention;
  end(1);
  on.at += 30_000;
  end(1);
  on.at += 30_000;
  await until(() => !on.state.jobs.has(1));
  expect([...on.state.jobs.keys()]).toEqual([2]);
  // What runs again has not ended.
  tell({ kind: 'retry', target: { job: 2, ordinal: null }, onlyFailed: false, by: 'ana' });
  on.at += 90_000;
  end(1);
  on.at += 60_000;
  await until(() => !on.state.jobs.has(3));
  expect([...on.state.jobs.keys()]).toEqual([2]);
});

test('the oldest are forgotten where there are too many tasks, but none that has just ended', async () => {
  const { on, end, retention } = ending(null, 10);
  using _ = retention;
  for (let i = 0; i < 5; i++) end(4);
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(on.state.jobs.size).toBe(5);
  on.at += 300_000;
  await until(() => on.state.jobs.size === 2);
  expect([...on.state.jobs.keys()]).toEqual([4, 5]);
});
