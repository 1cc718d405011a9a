/**
 * The queue disciplines `easy` and `sjbf` (Lifka, The ANL/IBM SP Scheduling System, 1995): one queue, by priority and
 * arrival. The first task that does not fit gets a reservation; later ones may run ahead as long as they do not delay it,
 * by their `--timeout` as estimate. Nothing waits at nodes: what is placed there has its room at once.
 */
import type { JobSpec } from '../model/job.ts';
import { headOf, nextWaiting, waitingJobs } from './lanes.ts';
import { assign, atLimit, dispatchOf, placeHead, policyFor } from './place-task.ts';
import { delays } from './reservation.ts';
import type { JobRecord, Lane, State } from './state.ts';
import type { Turn } from './turn.ts';

/** Places tasks in order, then those that may run ahead: in order too, or with `byEstimate` the shortest first. */
export function dispatchBackfill(turn: Turn, byEstimate: boolean): void {
  if (turn.settled) return; // nothing has changed since nothing more could be placed
  const head = placeInOrder(turn);
  if (head !== undefined) runAhead(turn, head, byEstimate);
  turn.settled = true;
}

/** Returns the job of the first task that does not fit anywhere; undefined where nothing waits any more. */
function placeInOrder(turn: Turn): JobRecord | undefined {
  for (;;) {
    const first = firstOf(turn.state);
    if (first === undefined || !placeHead(turn, first.lane, first.job, false)) return first?.job;
  }
}

function firstOf(state: State): { lane: Lane; job: JobRecord } | undefined {
  let first: { lane: Lane; job: JobRecord } | undefined;
  for (const lane of state.lanes) {
    if (first !== undefined && lane.priority < first.lane.priority) break;
    const job = headOf(state, lane);
    if (job !== undefined && (first === undefined || job.id < first.job.id)) first = { lane, job };
  }
  return first;
}

function runAhead(turn: Turn, head: JobRecord, byEstimate: boolean): void {
  const { lanes } = turn.state;
  /** The smallest need of each lane for which no room was found: more is not to be had either. */
  const failed = new Map<Lane, Failed>();
  for (let from = 0; from < lanes.length; ) {
    const priority = (lanes[from] as Lane).priority;
    const candidates: { lane: Lane; job: JobRecord }[] = [];
    let many = 0;
    for (; from < lanes.length && (lanes[from] as Lane).priority === priority; from++) {
      const lane = lanes[from] as Lane;
      const jobs = roomFor(turn, lane) ? waitingJobs(turn.state, lane) : [];
      if (jobs.length > 0) many++;
      for (const job of jobs) if (job !== head) candidates.push({ lane, job });
      failed.set(lane, { anywhere: Infinity, besides: Infinity });
    }
    if (byEstimate) candidates.sort((a, b) => estimateMs(a.job.spec) - estimateMs(b.job.spec) || a.job.id - b.job.id);
    else if (many > 1) candidates.sort((a, b) => a.job.id - b.job.id);
    for (const { lane, job } of candidates) placeBehind(turn, head, job, failed.get(lane) as Failed);
  }
}

/** No waiting task of such a lane fits where no node of its kind has a free slot. */
function roomFor(turn: Turn, lane: Lane): boolean {
  const job = headOf(turn.state, lane);
  return job !== undefined && turn.placement.openTo(policyFor(turn, job.spec), job.spec) > 0;
}

/** CPUs for which there was no room: on any node, and on any but the one with the reservation. */
interface Failed {
  anywhere: number;
  besides: number;
}

/** Places tasks of a job that is not first while they do not delay the first. */
function placeBehind(turn: Turn, head: JobRecord, job: JobRecord, failed: Failed): void {
  const { spec } = job;
  if (spec.cpus >= failed.anywhere) return;
  const policy = policyFor(turn, spec);
  // Room of more kinds than one is not in one order: what failed there says nothing about others.
  const ordered = spec.memoryBytes === 0 && Object.keys(spec.resources).length === 0;
  for (let ordinal = nextWaiting(job); ordinal !== -1 && !atLimit(job); ordinal = nextWaiting(job)) {
    const task = dispatchOf(job, ordinal);
    let node = turn.placement.choose(policy, task);
    if (node === undefined) {
      if (ordered) failed.anywhere = Math.min(failed.anywhere, spec.cpus);
      return;
    }
    const reserved = turn.reservations.of(head.spec, turn.at);
    if (reserved !== undefined && node.place === reserved.place && delays(reserved, spec, turn.at)) {
      if (spec.cpus >= failed.besides) return;
      node = turn.placement.choose(policy, { ...task, except: reserved.place });
      if (node === undefined) {
        if (ordered) failed.besides = Math.min(failed.besides, spec.cpus);
        return;
      }
    }
    assign(turn, task, node);
  }
}

/** How long a task may take at most; Infinity where nobody said. */
function estimateMs({ timeoutMs }: JobSpec): number {
  return timeoutMs ?? Number.MAX_VALUE;
}
