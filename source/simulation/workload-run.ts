/** The jobs of a log on one machine, in the order that the coordinator's own scheduler gives them. */
import type { Event } from '../model/event.ts';
import { type DisciplineName, type JobSpec, jobSpec, type PolicyName } from '../model/job.ts';
import type { Attempt } from '../model/node.ts';
import { createScheduler } from '../scheduler/scheduler.ts';
import { eventHeap } from './event-heap.ts';
import { infoOf, simulatedNode } from './simulated-node.ts';
import type { Times } from './statistics.ts';
import { success } from './synthetic.ts';
import type { LoggedJob } from './workload-log.ts';

export interface WorkloadPlan {
  jobs: readonly LoggedJob[];
  slots: number;
  policy: PolicyName;
  queue: DisciplineName;
  /** What the disciplines go by: what users asked for (where it is not known, how long it took), or how long it took. */
  estimates: 'request' | 'actual';
  seed: number;
}

/** At equal times submissions come before terminations, each in the order of the log. */
const kinds = { submission: 0, termination: 1 } as const;

/** How far it is, is told each time so many jobs have ended. */
const tellEvery = 500;

/**
 * Lives through a log; the scheduler runs after every event. Returns when each job came, began and ended. `progress` gets the
 * share of jobs that have ended.
 */
export function runWorkload(
  { jobs, slots, policy, queue, estimates, seed }: WorkloadPlan,
  progress?: (share: number) => void,
): Times {
  const scheduler = createScheduler(undefined, { remember: 0 });
  const heap = eventHeap();
  const node = simulatedNode(0, slots, 1);
  const times = {
    arrivedAt: Float64Array.from(jobs, ({ submittedAt }) => submittedAt),
    startedAt: new Float64Array(jobs.length).fill(Number.NaN),
    endedAt: new Float64Array(jobs.length).fill(Number.NaN),
    slots: Float64Array.from(jobs, (job) => job.slots),
  };
  // The scheduler's time begins at 0 and is never negative, whatever the log's does.
  const beginsAt = jobs[0]?.submittedAt ?? 0;
  let at = 0;
  let ended = 0;

  function tell(event: Event): void {
    for (const fact of scheduler.handle(event)) {
      if (fact.kind === 'job-ended') tell({ kind: 'purge', at, job: fact.job });
      if (fact.kind !== 'assigned') continue;
      const number = fact.job - 1;
      times.startedAt[number] = at + beginsAt;
      heap.push(at + (jobs[number] as LoggedJob).runMs, kinds.termination, number);
      tell({ kind: 'started', at, node: node.name, attempt: attemptOf(number) });
    }
  }

  tell({ kind: 'session', at, version: 'simulated', policy, discipline: queue, cpuLimit: 100, seed: seed >>> 0 });
  tell({
    kind: 'join',
    at,
    node: node.name,
    incarnation: node.name,
    info: infoOf(node, slots),
    address: 'simulated',
    holding: { running: [], waiting: [], ended: [] },
  });
  for (const [number, { submittedAt }] of jobs.entries()) heap.push(submittedAt - beginsAt, kinds.submission, number);
  while (heap.pop()) {
    ({ at } = heap);
    const { kind, number } = heap;
    const job = jobs[number] as LoggedJob;
    if (kind === kinds.submission) tell({ kind: 'submit', at, spec: specOf(job, estimates), by: 'simulate' });
    else {
      times.endedAt[number] = at + beginsAt;
      if (++ended % tellEvery === 0) progress?.(ended / jobs.length);
      tell({ kind: 'outcome', at, node: node.name, outcome: success(attemptOf(number), job.runMs) });
    }
    tell({ kind: 'dispatch', at });
  }
  return times;
}

/** Jobs are submitted in their order, one task each. */
function attemptOf(number: number): Attempt {
  return { job: number + 1, ordinal: 0, attempt: 1 };
}

function specOf({ slots, runMs, requestMs }: LoggedJob, estimates: WorkloadPlan['estimates']): JobSpec {
  return jobSpec({
    work: { kind: 'command', argv: ['simulated'], shell: false, task: '', input: null },
    cpus: slots,
    timeoutMs: estimates === 'request' && requestMs !== null ? requestMs : runMs,
  });
}
