/** A coordinator's data directory played as a recording. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openPlayer } from '../../source/feed/player.ts';
import { openRecording } from '../../source/feed/recording.ts';
import { summarise } from '../../source/feed/summary.ts';
import { cursorOf } from '../../source/feed/trace-cursor.ts';
import { groupCommit } from '../../source/journal/commit.ts';
import { journalFiles } from '../../source/journal/directory.ts';
import { openLocalStore } from '../../source/journal/local.ts';
import { openTables } from '../../source/journal/schema.ts';
import { packValues } from '../../source/journal/value-stream.ts';
import type { Fact } from '../../source/model/fact.ts';
import { fold } from '../../source/scheduler/apply.ts';
import { takeSnapshot } from '../../source/scheduler/snapshot.ts';
import { session } from './trace-session.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'lbtop-data-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

/** The facts of some minutes that last. */
function lasting(): Fact[] {
  const facts: Fact[] = [];
  const live = session({
    nodes: 4,
    seconds: 600,
    seed: 5,
    jobsPerSecond: 0.2,
    tasksPerJob: 20,
    taskMs: 1_000,
    trouble: 0.1,
  });
  live.run((batch) => void facts.push(...batch.filter(({ kind }) => kind !== 'sampled')));
  return facts;
}

/** Stores facts, with a snapshot after so many (0: none). */
async function store(facts: readonly Fact[], snapshotAfter = 0) {
  const opened = await openLocalStore({ directory: join(directory, 'data') });
  const term = await opened.campaign({ id: 'test', address: '' });
  const commits = groupCommit({ term, limits: opened.limits });
  for (let i = 0; i < facts.length; i += 100) {
    const part = facts.slice(i, i + 100);
    await commits.commit(part);
    if (snapshotAfter === 0 || i + part.length !== snapshotAfter) continue;
    const state = fold(facts.slice(0, snapshotAfter));
    await term.saveSnapshot(commits.head, packValues(takeSnapshot(state), opened.limits.chunkBytes));
  }
  return opened;
}

test.each([0, 500])(
  'plays what it keeps (snapshot after %i facts), beside its coordinator and after it',
  async (after) => {
    const facts = lasting();
    expect(facts.length).toBeGreaterThan(2_000);
    const opened = await store(facts, after);
    const data = join(directory, 'data');
    for (const running of [true, false]) {
      const trace = await openRecording(data);
      expect(trace).toMatchObject({ file: data, facts: facts.length - after, gaps: [], damage: [], cut: null });
      const cursor = cursorOf(trace);
      cursor.goTo(trace.to);
      expect(takeSnapshot(cursor.state)).toEqual(takeSnapshot(fold(facts)));
      const middle = facts[Math.floor((facts.length + after) / 2)] as Fact;
      cursor.goTo(middle.at);
      const upTo = facts.findLastIndex(({ at }) => at <= middle.at) + 1;
      expect(takeSnapshot(cursor.state)).toEqual(takeSnapshot(fold(facts.slice(0, upTo))));
      trace.close();
      if (running) await opened.close();
    }
    const summary = await summarise(data);
    const { totals } = fold(facts);
    expect(summary).toMatchObject({ file: data, heartbeats: 0, events: facts.length - after, tasks: { ...totals } });
    const player = await openPlayer(data);
    expect(player.time.state()).toMatchObject({ to: facts.at(-1)?.at });
    player.close();
    expect(readdirSync(tmpdir()).filter((name) => name.startsWith('lbtop-replay-'))).toEqual([]);
  },
);

test('says in one line what is wrong with a directory', async () => {
  mkdirSync(join(directory, 'empty'));
  await expect(openRecording(join(directory, 'empty'))).rejects.toThrow(
    /^cannot read .*empty: it is a directory without a journal of lbtop$/,
  );
  const opened = await store(lasting().slice(0, 500));
  await opened.close();
  const db = openTables(journalFiles(join(directory, 'data')), false);
  db.exec("UPDATE batches SET bytes = x'00' WHERE seq = 3");
  db.close();
  await expect(openRecording(join(directory, 'data'))).rejects.toThrow(/damaged \(table batches, batch 3\)/);
});
