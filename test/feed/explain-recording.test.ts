/** Decisions of the past, made again from a recording: the same as the running scheduler says of them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explainRecorded } from '../../source/feed/explain-recording.ts';
import { openPlayer } from '../../source/feed/player.ts';
import { startRecorder } from '../../source/feed/recorder.ts';
import { cursorOf } from '../../source/feed/trace-cursor.ts';
import { instantOf } from '../../source/feed/trace-keyframe.ts';
import { openTrace, type Trace } from '../../source/feed/trace-reader.ts';
import { indexOf } from '../../source/model/job.ts';
import type { Explanation } from '../../source/model/report.ts';
import { explainTask, forgotten } from '../../source/scheduler/explain.ts';
import { createScheduler } from '../../source/scheduler/scheduler.ts';
import { session } from './trace-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-explain-'));
const file = join(directory, 'session.lbtrace');
/** What the scheduler itself said, at the time: with the job and the index that was asked for. */
const said: { at: number; job: number; index: number; why: Explanation }[] = [];
let trace: Trace;

beforeAll(async () => {
  const live = session({ nodes: 4, seconds: 300, seed: 3, trouble: 0.05, tasksPerJob: 40, slots: 2 });
  live.run(() => {}, 30);
  const { state, past, anew } = live;
  const recorder = startRecorder({ file, version: 'test', state, anew, log: () => {} });
  for (let more = true; more; ) {
    more = live.run((facts, event) => recorder.record(facts, event), 9);
    const at = instantOf(state);
    for (const job of state.jobs.values())
      for (const ordinal of [0, 1, job.tasks.count - 1])
        if (ordinal < job.tasks.count)
          said.push({
            at,
            job: job.id,
            index: indexOf(job.spec.span, ordinal),
            why: explainTask(state, past, job, ordinal, at),
          });
  }
  await recorder.close();
  trace = openTrace(file);
});
afterAll(() => {
  trace?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Samples are rounded when they are recorded, and so are the scores that come of them. */
function rounded({ candidates, ...rest }: Explanation): unknown {
  return {
    ...rest,
    candidates: candidates.map((one) => ({ ...one, score: one.score === null ? null : Math.round(one.score * 100) })),
  };
}

describe('a task of a recording', () => {
  test('is explained as the scheduler did at that time: why it waits, or why it went there', () => {
    const cursor = cursorOf(trace);
    const kinds = new Set<string>();
    let decisions = 0;
    for (const { at, job, index, why } of said) {
      if (why.waiting[forgotten] !== undefined) continue;
      cursor.goTo(at);
      const recorded = explainRecorded(trace, cursor.state, at, { job, index });
      // What was placed before the recording began is not known from it.
      if (recorded.waiting[forgotten] !== undefined) {
        expect(why.at).toBeLessThanOrEqual(trace.from);
        continue;
      }
      expect(rounded(recorded)).toEqual(rounded(why));
      kinds.add(why.state);
      if (why.candidates.some(({ chosen }) => chosen)) decisions++;
    }
    expect([...kinds]).toEqual(expect.arrayContaining(['queued', 'running', 'succeeded']));
    expect(decisions).toBeGreaterThan(100);
  });

  test('is explained by the interface that plays it, where it stands', async () => {
    const player = await openPlayer(file);
    const one = said.find(({ why }) => why.at > trace.from + 60_000 && why.candidates.some(({ chosen }) => chosen));
    if (one === undefined) throw new Error('no decision');
    player.time.seek(one.at);
    expect(rounded((await player.explain?.(one.job, one.index)) as Explanation)).toEqual(rounded(one.why));
    player.time.seek(trace.from);
    await expect(player.explain?.(one.job + 1_000, 0)).rejects.toThrow(/there is no job \d+ in it at that time/);
    player.close();
  });

  test('that is not there is said in one line', () => {
    const cursor = cursorOf(trace);
    cursor.goTo(trace.to);
    expect(() => explainRecorded(trace, cursor.state, trace.to, { job: 1, index: 1_000_000 })).toThrow(
      'job 1 has no task 1000000',
    );
    expect(() => explainRecorded(trace, createScheduler().state, 0, { job: 1, index: 0 })).toThrow('there is no job 1');
  });
});
