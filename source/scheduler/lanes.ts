/**
 * The waiting queue. Jobs stand in lanes: one lane for each priority, kind of room and kind of work. Within a lane the
 * order is that of arrival. A job is one entry however many tasks it has; a task that returns to the queue keeps its job's
 * place.
 */
import type { JobSpec } from '../model/job.ts';
import { handlerOf } from './admission.ts';
import { kindOfWork } from './learned.ts';
import { type JobRecord, type Lane, ownReturned, type State } from './state.ts';

/** With so many lanes, work of kinds that have none stands in one together: lanes are gone through one by one. */
const lanesByWork = 256;

/** Kept by spec, for those that take long to say: it is asked for with every decision. */
const kinds = new WeakMap<JobSpec, string>();
/** Of the others, by what they need. */
const plainKinds = new Map<string | null, [string, string]>();
const plainKindsKept = 10_000;

/** Tasks with the same kind compete for the same room: the names of what they need, not how much of it. */
export function kindOfRoom(spec: JobSpec): string {
  if (isEmpty(spec.labels) && isEmpty(spec.resources) && !spec.direct) return plainKind(spec);
  let kind = kinds.get(spec);
  if (kind === undefined) {
    const labels = Object.entries(spec.labels).map(([key, value]) => `${key}=${value}`);
    kind = kindNamed(
      labels.sort(),
      Object.keys(spec.resources).sort(),
      handlerOf(spec),
      spec.memoryBytes > 0,
      spec.direct,
    );
    kinds.set(spec, kind);
  }
  return kind;
}

/** An entry of a WeakMap for each of a million jobs costs more than all else about them. */
function plainKind(spec: JobSpec): string {
  const handler = handlerOf(spec);
  let pair = plainKinds.get(handler);
  if (pair === undefined) {
    pair = [kindNamed([], [], handler, false), kindNamed([], [], handler, true)];
    if (plainKinds.size >= plainKindsKept) plainKinds.clear();
    plainKinds.set(handler, pair);
  }
  return pair[spec.memoryBytes > 0 ? 1 : 0];
}

function kindNamed(
  labels: string[],
  resources: string[],
  handler: string | null,
  memory: boolean,
  direct = false,
): string {
  return JSON.stringify([labels, resources, handler, memory, direct]);
}

function isEmpty(named: Readonly<Record<string, unknown>>): boolean {
  for (const _ in named) return false;
  return true;
}

/** Lists a job that has waiting tasks in its lane; nothing happens where it is listed or waits for other jobs. */
export function enqueueJob(state: State, job: JobRecord): void {
  if (job.inLane || job.waitsFor.size > 0 || job.endedAt !== null || nextWaiting(job) === -1) return;
  job.inLane = true;
  const lane = laneOf(state, job);
  const { jobs, head } = lane;
  if (jobs.length === head || (jobs[jobs.length - 1] as number) < job.id) {
    jobs.push(job.id);
    return;
  }
  let low = head;
  let high = jobs.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((jobs[middle] as number) < job.id) low = middle + 1;
    else high = middle;
  }
  if (low === head && head > 0) jobs[--lane.head] = job.id;
  else jobs.splice(low, 0, job.id);
}

/** Lists again what no node could take until now: the nodes have changed. */
export function relistAside(state: State): void {
  if (state.aside.size === 0) return;
  for (const id of [...state.aside].sort((a, b) => a - b)) {
    const job = state.jobs.get(id);
    if (job !== undefined) enqueueJob(state, job);
  }
  state.aside.clear();
}

/** Returns the ordinal of the job's first task that waits for room, or -1. Returned tasks come before fresh ones. */
export function nextWaiting(job: JobRecord): number {
  for (let first = job.returned.peek(); first !== undefined; first = job.returned.peek()) {
    if (job.tasks.state(first) === 'queued' && !job.delayed.has(first)) return first;
    ownReturned(job).pop();
  }
  while (job.fresh < job.spec.span.count) {
    if (job.tasks.state(job.fresh) === 'queued' && !job.delayed.has(job.fresh)) return job.fresh;
    job.fresh++;
  }
  return -1;
}

/**
 * Returns which of the job's tasks have returned to the queue and wait for room, in ascending order, and from which
 * ordinal on none was placed: what `nextWaiting` goes by, without what it has not passed over yet.
 */
export function waitingAgain({ tasks, delayed, returned, fresh }: JobRecord): { returned: number[]; fresh: number } {
  const waits = (ordinal: number) => tasks.state(ordinal) === 'queued' && !delayed.has(ordinal);
  const again = new Set(returned.sorted().filter(waits));
  let first = fresh;
  while (first < tasks.count && (!waits(first) || again.has(first))) first++;
  return { returned: [...again], fresh: first };
}

/** Returns the first job of the lane that has something waiting; drops those before it that have nothing. */
export function headOf(state: State, lane: Lane): JobRecord | undefined {
  for (; lane.head < lane.jobs.length; lane.head++) {
    const job = state.jobs.get(lane.jobs[lane.head] as number);
    if (job?.inLane && nextWaiting(job) !== -1) return job;
    if (job !== undefined) job.inLane = false;
  }
  lane.jobs = [];
  lane.head = 0;
  return undefined;
}

/** Returns the jobs of a lane that have something waiting, in order; drops those from it that have nothing. */
export function waitingJobs(state: State, lane: Lane): JobRecord[] {
  const waiting: JobRecord[] = [];
  const { jobs, head } = lane;
  for (let at = head; at < jobs.length; at++) {
    const job = state.jobs.get(jobs[at] as number);
    if (job?.inLane && nextWaiting(job) !== -1) waiting.push(job);
    else if (job !== undefined) job.inLane = false;
  }
  if (head > 0 || waiting.length < jobs.length) {
    lane.jobs = waiting.map(({ id }) => id);
    lane.head = 0;
  }
  return waiting;
}

/** Takes lanes out in which nobody stands. */
export function dropEmptyLanes({ lanes }: State): void {
  for (let at = lanes.length - 1; at >= 0; at--) if ((lanes[at] as Lane).jobs.length === 0) lanes.splice(at, 1);
}

/** Takes the head of a lane out of it (its limit is reached, say); `enqueueJob` lists it again. */
export function leaveLane(lane: Lane, job: JobRecord): void {
  job.inLane = false;
  lane.head++;
  if (lane.head > 1_024 && lane.head * 2 > lane.jobs.length) {
    lane.jobs = lane.jobs.slice(lane.head);
    lane.head = 0;
  }
}

function laneOf(state: State, job: JobRecord): Lane {
  const { priority } = job.spec;
  const kind = kindOfRoom(job.spec);
  const { lanes } = state;
  const own = kindOfWork(job.spec);
  const found = findLane(lanes, priority, kind, own);
  if (found.lane !== undefined) return found.lane;
  const work = lanes.length < lanesByWork ? own : null;
  const { lane, at } = work === null ? findLane(lanes, priority, kind, null) : found;
  if (lane !== undefined) return lane;
  const added: Lane = { priority, kind, work, jobs: [], head: 0 };
  lanes.splice(at, 0, added);
  return added;
}

/** Returns the lane, or where it belongs. */
function findLane(
  lanes: readonly Lane[],
  priority: number,
  kind: string,
  work: string | null,
): { lane: Lane | undefined; at: number } {
  let at = 0;
  for (; at < lanes.length; at++) {
    const lane = lanes[at] as Lane;
    if (lane.priority > priority) continue;
    if (lane.priority < priority || lane.kind > kind) break;
    if (lane.kind < kind) continue;
    if (lane.work === work) return { lane, at };
    if ((lane.work ?? '') > (work ?? '')) break;
  }
  return { lane: undefined, at };
}
