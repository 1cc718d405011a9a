import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { randomStream } from '../../source/simulation/random.ts';
import { summarise, type Times } from '../../source/simulation/statistics.ts';
import { type LoggedJob, readWorkload, scheduleLines } from '../../source/simulation/workload-log.ts';
import { runWorkload } from '../../source/simulation/workload-run.ts';
import { haveRecordings, nasa } from './recordings.ts';
import { referenceStarts } from './reference-schedule.ts';

const slots = 16;
const plan = { slots, policy: 'least-load', estimates: 'request', seed: 1 } as const;

/** Few instants, so that much happens at the same time. */
function drawnJobs(seed: number): LoggedJob[] {
  const random = randomStream(seed);
  const jobs = Array.from({ length: 120 }, (_, i) => {
    const runMs = 1_000 * (1 + random.below(random.chance(0.3) ? 60 : 8));
    const requestMs = random.chance(0.2) ? null : runMs + 1_000 * random.below(20);
    const most = random.chance(0.3) ? slots : 4;
    return { number: i + 1, submittedAt: 1_000 * random.below(400), runMs, slots: 1 + random.below(most), requestMs };
  });
  return jobs.sort((a, b) => a.submittedAt - b.submittedAt);
}

/** Most slots in use at once. An end frees its slots before a start at the same instant. */
function mostInUse({ startedAt, endedAt, slots: taken }: Times): number {
  const changes = [...startedAt].flatMap((at, i) => {
    const many = taken?.[i] ?? 1;
    return [
      { at, by: many },
      { at: endedAt[i] as number, by: -many },
    ];
  });
  let used = 0;
  let most = 0;
  for (const { by } of changes.sort((a, b) => a.at - b.at || a.by - b.by)) {
    used += by;
    most = Math.max(most, used);
  }
  return most;
}

function expectFeasible(jobs: readonly LoggedJob[], times: Times, on: number): void {
  expect(mostInUse(times)).toBeLessThanOrEqual(on);
  for (const [i, { submittedAt, runMs }] of jobs.entries()) {
    expect(times.startedAt[i]).toBeGreaterThanOrEqual(submittedAt);
    expect(times.endedAt[i]).toBe((times.startedAt[i] as number) + runMs);
  }
}

describe.each(['fifo', 'easy', 'sjbf'] as const)('%s', (queue) => {
  test.each(['request', 'actual'] as const)('is the plain reference by %s', (estimates) => {
    for (let seed = 1; seed <= 20; seed++) {
      const jobs = drawnJobs(seed);
      const times = runWorkload({ ...plan, jobs, queue, estimates });
      expectFeasible(jobs, times, slots);
      expect([...times.startedAt], `seed ${seed}`).toEqual(referenceStarts(jobs, slots, queue, estimates));
    }
  });
});

describe('reading', () => {
  const line = (...first: number[]) => [...first, ...Array<number>(18 - first.length).fill(-1)].join(' ');

  test('the rules of the contract', () => {
    const { jobs, dropped } = readWorkload(
      [
        '; a comment',
        '',
        line(1, 10, -1, 50, 4, -1, -1, 8, 40), // 8 asked for, cut to 40 s
        line(2, 10, -1, 50, 4, -1, -1, -1, -1), // field 5 where field 8 is not positive
        line(3, 11, -1, 0, 4), // did not run
        line(4, 11, -1, 50, 0, -1, -1, 0), // no processors
        line(5, 5, -1, 7, 17), // more than there are
        line(6, 5, -1, 7, 16, -1, -1, 0, 9),
      ].join('\n'),
      slots,
    );
    expect(dropped).toBe(3);
    expect(jobs).toEqual([
      { number: 6, submittedAt: 5_000, runMs: 7_000, slots: 16, requestMs: 9_000 },
      { number: 1, submittedAt: 10_000, runMs: 40_000, slots: 8, requestMs: 40_000 },
      { number: 2, submittedAt: 10_000, runMs: 50_000, slots: 4, requestMs: null },
    ]);
    const times = runWorkload({ ...plan, jobs, queue: 'fifo' });
    expect(scheduleLines(jobs, times)).toBe('6,5,5,12,16\n1,10,12,52,8\n2,10,12,62,4\n');
  });

  test('what is no log is refused with its line', () => {
    expect(() => readWorkload('; ok\n1 2 x 4 5\n', 1)).toThrow('line 2');
  });
});

const there = haveRecordings();

test.skipIf(!there)('the log of the NASA iPSC: feasible, and running ahead helps', () => {
  const { jobs, dropped } = readWorkload(gunzipSync(readFileSync(nasa)).toString('latin1'), 128);
  expect({ jobs: jobs.length, dropped }).toEqual({ jobs: 18_066, dropped: 173 });
  const [fifo, easy] = (['fifo', 'easy'] as const).map((queue) => {
    const times = runWorkload({ ...plan, jobs, slots: 128, queue });
    expect(mostInUse(times)).toBeLessThanOrEqual(128);
    const run = { policy: 'least-load', queue, slots: 128, seed: 1, warmup: 0, dropped };
    return summarise(times, run);
  });
  expect(easy?.meanWait).toBeLessThan(fifo?.meanWait ?? 0);
});
