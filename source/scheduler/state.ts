/**
 * Everything that follows from the facts: jobs, nodes, the waiting queue. `apply` is its only mutator; the same facts
 * give the same state, in a live coordinator, after recovery, in a replay and in a simulation.
 */
import type { FactOf } from '../model/fact.ts';
import type { DisciplineName, JobSpec, JobState, PolicyName } from '../model/job.ts';
import type { Health, Intent, NodeInfo, Sample } from '../model/node.ts';
import type { PassingMap } from '../model/passing-map.ts';
import { type ById, IdMap } from './id-map.ts';
import { type Learned, nothingLearned } from './learned.ts';
import { type KnownOrdinals, noOrdinals, type OrdinalHeap, ordinalHeap } from './ordinal-heap.ts';
import { type KnownOfOrdinals, nothingKnown, OrdinalMap } from './ordinal-map.ts';
import { type Counts, noCounts, TaskTable } from './task-table.ts';

/**
 * A million jobs are a million of these: what nearly all of them have alike (one task that is queued, none that came
 * back) is one for all, only to be read, until `own…` makes a job its own.
 */
export interface JobRecord {
  readonly id: number;
  readonly spec: JobSpec;
  readonly by: string;
  readonly submittedAt: number;
  /** Null until every task has ended. */
  endedAt: number | null;
  endState: JobState | null;
  /** Why those of its tasks that were cancelled or skipped together were; '' where none were. */
  closedWhy: string;
  counts: Readonly<Counts>;
  readonly tasks: TaskTable;
  /** Tasks from this ordinal on were never placed. */
  fresh: number;
  /** Placed before, and waiting again. */
  returned: KnownOrdinals;
  /** Waiting for their backoff: ordinal → not before. */
  delayed: KnownOfOrdinals<number>;
  /** Attempts of which nobody knows how they ended, because their nodes were lost: ordinal → attempts, ascending. */
  astray: KnownOfOrdinals<number[]>;
  /** Listed in its lane: it has, or had a moment ago, tasks that wait for room. */
  inLane: boolean;
  /** Jobs of `--after` that have not ended yet. */
  waitsFor: Set<number>;
  /** Ended tasks that had run, and how long together: tells whether tasks of this job are short. */
  ranCount: number;
  ranMs: number;
}

/** An attempt that takes room on a node, current or not. */
export interface Held {
  readonly job: number;
  readonly ordinal: number;
  readonly attempt: number;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly resources: Readonly<Record<string, number>>;
  /** What a late end says counts for nothing: the task ended, or has another attempt. */
  current: boolean;
  startedAt: number | null;
  /** When it was assigned (or adopted). */
  readonly assignedAt: number;
  /** The node's assignment counter when this one was made. */
  number: number;
  recalled: boolean;
  /** The node was asked to end it, and why. */
  stopping: string | null;
  /** Its task returns to the queue when it has stopped. */
  requeue: boolean;
  /** What it last said of how far it is; null: nothing (since the coordinator started). */
  progress: { share: number; note: string } | null;
}

export interface NodeState {
  readonly name: string;
  /** Order of joining, from 0: the index in `State.places`. */
  readonly place: number;
  incarnation: string;
  info: NodeInfo;
  address: string;
  joinedAt: number;
  connected: boolean;
  droppedAt: number | null;
  health: Health;
  healthAt: number;
  healthReason: string;
  intent: Intent;
  drained: boolean;
  /** The operator's reason, by whom and when. */
  reason: string;
  by: string;
  intentAt: number;
  deadline: number | null;
  overloaded: boolean;
  /** When it was found to be, last. */
  overloadedAt: number;
  throttle: number;
  sample: Sample | null;
  sampledAt: number | null;
  /** The assignment that the node had seen when it measured. */
  seen: number;
  /** Assignments on this connection. */
  assignments: number;
  /** By attemptId. */
  readonly held: PassingMap<string, Held>;
  usedCpus: number;
  usedMemoryBytes: number;
  readonly usedResources: Map<string, number>;
  /** Of what is held: placed after the sample; and of what the sample saw: all of it, and what has ended since. */
  unseenCpus: number;
  sampledCpus: number;
  endedCpus: number;
  running: number;
  assigned: number;
  succeeded: number;
  failed: number;
  /** Tasks that could not be started, in a row: a node that starts nothing is paused. */
  unfitInARow: number;
}

/** Jobs with waiting tasks of one kind of work that need the same kind of room, in order of arrival. */
export interface Lane {
  readonly priority: number;
  readonly kind: string;
  /** Null: of several kinds. */
  readonly work: string | null;
  /** Ascending ids from `head` on. Those that have nothing waiting are passed over. */
  jobs: number[];
  head: number;
}

export interface State {
  /** When the last fact was, samples left aside: the journal does not keep those, and gives the same state again. */
  at: number;
  startedAt: number;
  epoch: number;
  version: string;
  seed: number;
  policy: PolicyName;
  discipline: DisciplineName;
  cpuLimit: number;
  queuePaused: boolean;
  nextJob: number;
  /** What `nextJob` was when this coordinator began: a clock that was set back cannot tell which jobs came before. */
  firstJob: number;
  readonly jobs: ById<JobRecord>;
  /** `--key` → job. */
  readonly keys: Map<string, number>;
  /** job → jobs that wait for it. */
  readonly dependents: Map<number, number[]>;
  readonly nodes: Map<string, NodeState>;
  /** Nodes by place; a forgotten node leaves a hole. */
  readonly places: (NodeState | undefined)[];
  /** Highest priority first, then by kind of room and of work. */
  readonly lanes: Lane[];
  /** Jobs that no node could take, as the nodes are now: they hold nobody back, and are listed again when that changes. */
  readonly aside: Set<number>;
  /** Jobs that have tasks in backoff. */
  readonly delayedJobs: Set<number>;
  /** Over all jobs that are remembered. */
  readonly totals: Counts;
  /** Work that was begun again although it was not charged as a try. */
  reexecuted: number;
  /** Ends that came when they counted no more. */
  lateResults: number;
  requeued: number;
  /** Place of the node that was chosen last. */
  lastPlace: number;
  readonly learned: Learned;
  /** Who asked for what, the last ones: nothing is decided by it, but a snapshot must not take it away. */
  readonly acts: FactOf<'acted'>[];
}

/** So many requests are remembered in the state: some hundred KB. */
export const actsKept = 1_000;

/** Returns the state before the first fact. */
export function emptyState(): State {
  return {
    at: 0,
    startedAt: 0,
    epoch: 0,
    version: '',
    seed: 0,
    policy: 'least-load',
    discipline: 'fifo',
    cpuLimit: 80,
    queuePaused: false,
    nextJob: 1,
    firstJob: 1,
    jobs: new IdMap(),
    keys: new Map(),
    dependents: new Map(),
    nodes: new Map(),
    places: [],
    lanes: [],
    aside: new Set(),
    delayedJobs: new Set(),
    totals: noCounts(),
    reexecuted: 0,
    lateResults: 0,
    requeued: 0,
    lastPlace: -1,
    learned: nothingLearned(),
    acts: [],
  };
}

/** Of all jobs that wait for none: nothing is ever added to it. */
export const nobody: Set<number> = new Set();

/** Returns the record of a job whose tasks are all queued, or are as the table says, which it keeps. */
export function newJob(id: number, spec: JobSpec, by: string, at: number, tasks?: TaskTable): JobRecord {
  const { count } = spec.span;
  return {
    id,
    spec,
    by,
    submittedAt: at,
    endedAt: null,
    endState: null,
    closedWhy: '',
    counts: count === 1 ? oneQueued : { ...noCounts(), queued: count },
    tasks: tasks ?? new TaskTable(count),
    fresh: 0,
    returned: noOrdinals,
    delayed: nothingKnown,
    astray: nothingKnown,
    inLane: false,
    waitsFor: spec.after.length === 0 ? nobody : new Set(),
    ranCount: 0,
    ranMs: 0,
  };
}

const oneQueued: Readonly<Counts> = Object.freeze({ ...noCounts(), queued: 1 });

/** Returns the job's counts for changing. */
export function ownCounts(job: JobRecord): Counts {
  if (job.counts === oneQueued) job.counts = { ...oneQueued };
  return job.counts;
}

/** Returns the job's heap of tasks that returned to the queue for changing. */
export function ownReturned(job: JobRecord): OrdinalHeap {
  if (job.returned === noOrdinals) job.returned = ordinalHeap();
  return job.returned as OrdinalHeap;
}

/** Returns the instants that tasks of the job wait for for changing. */
export function ownDelayed(job: JobRecord): OrdinalMap<number> {
  if (job.delayed === nothingKnown) job.delayed = new OrdinalMap<number>();
  return job.delayed as OrdinalMap<number>;
}

/** Returns the attempts of which nobody knows how they ended for changing. */
export function ownAstray(job: JobRecord): OrdinalMap<number[]> {
  if (job.astray === nothingKnown) job.astray = new OrdinalMap<number[]>();
  return job.astray as OrdinalMap<number[]>;
}

/** Returns what a job says of itself: `queued` until something started, then `running` until all has ended. */
export function jobState(job: JobRecord): JobState {
  if (job.endState !== null) return job.endState;
  return job.counts.queued === job.spec.span.count ? 'queued' : 'running';
}

/** Returns the node that has the task, or had it last; undefined where it was never placed or the node is forgotten. */
export function nodeOf(state: State, job: JobRecord, ordinal: number): NodeState | undefined {
  return state.places[job.tasks.get(ordinal, 'place')];
}
