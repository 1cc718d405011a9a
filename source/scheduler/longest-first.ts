/**
 * The order of `earliest-finish`: of the waiting tasks of one priority the one that is expected to take longest goes first
 * (Graham, Bounds on Multiprocessing Timing Anomalies, 1969), to where it ends first. Where that is a busy node, because
 * it is faster and frees soon enough, the task waits and claims that slot; the next, shorter one may take what is idle.
 */
import type { JobSpec } from '../model/job.ts';
import { headOf, leaveLane, nextWaiting } from './lanes.ts';
import { expectedMsOfKind, speedClass, speedOf } from './learned.ts';
import { assign, atLimit, chooseNode, dispatchOf, setAside } from './place-task.ts';
import type { JobRecord, Lane, NodeState } from './state.ts';
import type { Turn } from './turn.ts';

/**
 * So many tasks may claim a slot in one dispatch: among few nodes as many as it takes to see the end of the list; in large
 * fleets, where one task weighs little, a handful.
 */
function claimsAtOnce(nodes: number): number {
  return Math.min(128, Math.max(2, Math.floor(2_048 / nodes)));
}

/** So many jobs of a lane are looked at to learn how many tasks a job has there. */
const jobsSampled = 16;
/** With so many times as much work behind it as a task takes on a slow node, that node cannot be the last to end. */
const deepBacklog = 2;

/** A lane of one kind of work, and what a task of it takes at speed 1. */
interface Known {
  readonly lane: Lane;
  readonly ms: number;
}

interface Course {
  /** Lanes that come after the one whose turn it is, in no order. */
  after: Known[];
  claimsLeft: number;
}

/** Returns how long tasks of a lane are expected to take; null where nobody knows, or where they are of several kinds. */
export function laneMs({ state }: Turn, { work }: Lane): number | null {
  return work === null ? null : expectedMsOfKind(state.learned, work);
}

/** Places tasks of lanes of one priority, the durations of which are known; takes the list over. */
export function placeLongestFirst(turn: Turn, lanes: Known[]): void {
  const course: Course = { after: lanes, claimsLeft: claimsAtOnce(turn.state.nodes.size) };
  // Where all slots are taken one lane is enough: only who needs the second sorts them.
  let sorted = false;
  for (let next = takeLongest(course.after); next !== undefined; ) {
    // As with `fifo`, later ones that need a kind of room of which there is none wait too.
    const { kind } = next.lane;
    if (!placeLane(turn, course, next)) course.after = course.after.filter(({ lane }) => lane.kind !== kind);
    if (!sorted) course.after.sort((a, b) => -inOrder(a, b));
    sorted = true;
    next = course.after.pop();
  }
  turn.busy.unclaim();
}

/** The longest first; of equally long ones that which came first. */
function inOrder(a: Known, b: Known): number {
  return b.ms - a.ms || firstOf(a.lane) - firstOf(b.lane);
}

function firstOf({ jobs, head }: Lane): number {
  return jobs[head] ?? Infinity;
}

function takeLongest(lanes: Known[]): Known | undefined {
  let longest = 0;
  for (let at = 1; at < lanes.length; at++) if (inOrder(lanes[at] as Known, lanes[longest] as Known) < 0) longest = at;
  const [taken] = lanes.splice(longest, 1);
  return taken;
}

/** Returns false where a task does not fit anywhere now. */
function placeLane(turn: Turn, course: Course, known: Known): boolean {
  const { lane } = known;
  for (let job = headOf(turn.state, lane); job !== undefined; job = headOf(turn.state, lane)) {
    const result = placeJob(turn, course, known, job);
    if (result === 'full') {
      if (turn.placement.someMightTake(job.spec)) return false;
      setAside(turn, lane, job);
    } else if (result === 'holds') return placeBehind(turn, course, known, job);
    else leaveLane(lane, job);
  }
  return true;
}

/** The first job of the lane waits for a faster node; those behind it are of the same kind and may be placed meanwhile. */
function placeBehind(turn: Turn, course: Course, known: Known, first: JobRecord): boolean {
  const { lane } = known;
  // Only as far as there are claims left: lanes may be long.
  for (let next = lane.head; next < lane.jobs.length && course.claimsLeft > 0; next++) {
    const job = turn.state.jobs.get(lane.jobs[next] as number);
    if (job === undefined || job === first) continue;
    if (placeJob(turn, course, known, job) === 'full') return false;
  }
  return true;
}

/**
 * Places tasks of a job. `done`: nothing of it waits any more, or its limit is reached; `holds`: what is left waits for a
 * faster node; `full`: what is left fits nowhere.
 */
function placeJob(turn: Turn, course: Course, known: Known, job: JobRecord): 'done' | 'holds' | 'full' {
  let claimed = 0;
  for (let ordinal = nextWaiting(job); ordinal !== -1; ordinal = nextWaiting(job)) {
    if (claimed > 0 && (claimed >= job.counts.queued - job.delayed.size || claimed + underWay(job) >= limitOf(job)))
      return 'holds';
    if (atLimit(job)) return 'done';
    const task = dispatchOf(job, ordinal);
    const node = chooseNode(turn, job, task, true);
    if (node === undefined) return claimed > 0 ? 'holds' : 'full';
    const choice = idleOrBusy(turn, course, known, node, job.spec);
    if (choice === 'wait') return 'holds';
    if (choice === 'claim') claimed++;
    else assign(turn, task, node);
  }
  return claimed > 0 ? 'holds' : 'done';
}

function underWay({ counts }: JobRecord): number {
  return counts.assigned + counts.running;
}

function limitOf({ spec }: JobRecord): number {
  return spec.limit ?? Infinity;
}

/** Whether a task takes the idle node, claims a slot of a busy one where it ends sooner, or waits without a claim. */
function idleOrBusy(
  turn: Turn,
  course: Course,
  known: Known,
  node: NodeState,
  spec: JobSpec,
): 'take' | 'claim' | 'wait' {
  // Tasks of several CPUs need several slots to be free at once: what is expected of a single one says little.
  if (spec.cpus > 1) return 'take';
  const { learned } = turn.state;
  const { ms } = known;
  const runMs = ms / speedOf(learned, node.name);
  const speed = turn.busy.totalSpeed(turn.at);
  const backlogMs = (behindMs(turn, course, known, ms + deepBacklog * runMs * speed) - ms) / speed;
  if (backlogMs >= deepBacklog * runMs) return 'take';
  const slot = turn.busy.soonest(spec, ms, speedClass(learned, node.name), turn.at);
  if (slot === undefined || slot.finishAt >= turn.at + runMs) return 'take';
  if (course.claimsLeft-- <= 0) return backlogMs >= runMs ? 'take' : 'wait';
  turn.busy.claim(slot, turn.at);
  return 'claim';
}

/**
 * Work that waits in a lane and in those after it, in ms at speed 1, estimated from a few jobs of each. Counted only until
 * it is `enough`: mostly the first lane is.
 */
function behindMs(turn: Turn, { after }: Course, { lane, ms }: Known, enough: number): number {
  let sum = ms * tasksIn(turn, lane);
  for (let at = 0; at < after.length && sum < enough; at++) {
    const one = after[at] as Known;
    sum += one.ms * tasksIn(turn, one.lane);
  }
  return sum;
}

function tasksIn({ state }: Turn, { jobs, head }: Lane): number {
  const sampled = Math.min(jobsSampled, jobs.length - head);
  let tasks = 0;
  for (let one = head; one < head + sampled; one++) tasks += state.jobs.get(jobs[one] as number)?.counts.queued ?? 0;
  return sampled === 0 ? 0 : (tasks * (jobs.length - head)) / sampled;
}
