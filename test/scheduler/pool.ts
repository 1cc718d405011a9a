/** Runs of rigid jobs on one pool of slots in virtual time: by the real scheduler, and by a naive EASY written anew. */
import type { DisciplineName } from '../../source/model/job.ts';
import { createScheduler } from '../../source/scheduler/scheduler.ts';
import type { Dice } from './dice.ts';
import { nodeInfo, outcome, spec } from './fleet.ts';

export interface RigidJob {
  submitMs: number;
  runMs: number;
  /** At least `runMs`. */
  estimateMs: number;
  slots: number;
}

/** Returns jobs in order of arrival, some of which come at the same time. */
export function rigidJobs({ below, chance }: Dice, count: number, slots: number): RigidJob[] {
  let submitMs = 0;
  return Array.from({ length: count }, () => {
    if (chance(0.7)) submitMs += below(60);
    const runMs = 1 + below(chance(0.2) ? 500 : 50);
    const estimateMs = chance(0.3) ? runMs : runMs + below(200);
    return { submitMs, runMs, estimateMs, slots: 1 + below(chance(0.3) ? slots : Math.ceil(slots / 4)) };
  });
}

/** Returns when each job starts; at equal times submissions come before ends, and every event is followed by decisions. */
export function startsOfScheduler(jobs: readonly RigidJob[], slots: number, discipline: DisciplineName): number[] {
  const { handle } = createScheduler();
  const origin = 1_000_000;
  let at = origin;
  handle({ kind: 'session', at, version: '', policy: 'first', discipline, cpuLimit: 100, seed: 1 });
  const holding = { running: [], waiting: [], ended: [] };
  handle({ kind: 'join', at, node: 'a', incarnation: '1', info: nodeInfo({ slots }), address: '', holding });
  const starts: number[] = [];
  const running: { job: number; end: number }[] = [];
  const decide = () => {
    for (const fact of handle({ kind: 'dispatch', at })) {
      if (fact.kind !== 'assigned') continue;
      starts[fact.job - 1] = at - origin;
      const { job, ordinal, attempt } = fact;
      handle({ kind: 'started', at, node: 'a', attempt: { job, ordinal, attempt } });
      running.push({ job, end: at + (jobs[job - 1] as RigidJob).runMs });
    }
  };
  for (let next = 0; next < jobs.length || running.length > 0; ) {
    running.sort((a, b) => b.end - a.end || b.job - a.job);
    const first = running.at(-1);
    const job = jobs[next];
    if (job !== undefined && (first === undefined || origin + job.submitMs <= first.end)) {
      at = origin + job.submitMs;
      const given = { cpus: job.slots, timeoutMs: job.estimateMs };
      handle({ kind: 'submit', at, spec: spec(1, given), by: '' });
      next++;
    } else if (first !== undefined) {
      running.pop();
      at = first.end;
      handle({ kind: 'outcome', at, node: 'a', outcome: outcome(`${first.job}.0#1`) });
    }
    decide();
  }
  return starts;
}

/** EASY as its authors tell it, with nothing but arrays. */
export function startsOfReference(jobs: readonly RigidJob[], slots: number, byEstimate: boolean): number[] {
  const starts: number[] = [];
  let queue: number[] = [];
  let running: { job: number; end: number; estimated: number; slots: number }[] = [];
  let now = 0;
  const free = () => slots - running.reduce((sum, one) => sum + one.slots, 0);
  const start = (number: number) => {
    const job = jobs[number] as RigidJob;
    starts[number] = now;
    running.push({ job: number, end: now + job.runMs, estimated: now + job.estimateMs, slots: job.slots });
    queue = queue.filter((other) => other !== number);
  };
  const decide = () => {
    for (let first = queue[0]; first !== undefined; first = queue[0]) {
      if ((jobs[first] as RigidJob).slots > free()) break;
      start(first);
    }
    const [first, ...behind] = queue;
    if (first === undefined) return;
    const needed = (jobs[first] as RigidJob).slots;
    const shadow = [...new Set(running.map(({ estimated }) => estimated))]
      .sort((a, b) => a - b)
      .find((time) => slots - sum(running.filter(({ estimated }) => estimated > time)) >= needed) as number;
    const candidates = byEstimate
      ? behind.sort((a, b) => (jobs[a] as RigidJob).estimateMs - (jobs[b] as RigidJob).estimateMs || a - b)
      : behind;
    for (const number of candidates) {
      const job = jobs[number] as RigidJob;
      const extra = slots - needed - sum(running.filter(({ estimated }) => estimated > shadow));
      if (job.slots <= free() && (now + job.estimateMs <= shadow || job.slots <= extra)) start(number);
    }
  };
  for (let next = 0; next < jobs.length || running.length > 0; ) {
    running.sort((a, b) => b.end - a.end || b.job - a.job);
    const first = running.at(-1);
    const job = jobs[next];
    if (job !== undefined && (first === undefined || job.submitMs <= first.end)) {
      now = job.submitMs;
      queue.push(next++);
    } else if (first !== undefined) {
      now = first.end;
      running = running.slice(0, -1);
    }
    decide();
  }
  return starts;
}

function sum(of: readonly { slots: number }[]): number {
  return of.reduce((total, { slots }) => total + slots, 0);
}
