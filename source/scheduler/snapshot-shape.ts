/** The records of a snapshot, field for field. As with facts: codes are for ever, fields are only ever appended. */
import {
  attemptNumber,
  disciplineNames,
  instant,
  jobId,
  jobSpecShape,
  jobStates,
  nodeName,
  ordinal,
  policyNames,
  taskStates,
} from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { attemptKey, healths, intents, nodeInfoShape, sampleShape } from '../model/node.ts';
import {
  bytes,
  dict,
  flag,
  int,
  list,
  nullable,
  optional,
  real,
  type Shape,
  struct,
  text,
  type VariantOf,
  variants,
  word,
} from '../model/shape.ts';

/** Raised only where appending does not do: whoever does not know the version must not read on. */
export const snapshotVersion = 1;

const count = int(0, Number.MAX_SAFE_INTEGER);
const words = text(limits.textLength);

const held = struct({
  ...attemptKey,
  current: flag,
  assignedAt: instant,
  startedAt: nullable(instant),
  number: count,
  recalled: flag,
  stopping: nullable(words),
  requeue: flag,
  cpus: real(0),
  memoryBytes: real(0),
  resources: dict(real(0), limits.resources),
});

/** What a node reported last, and what we count on from there. */
const observed = struct({
  sample: nullable(sampleShape),
  sampledAt: nullable(instant),
  seen: count,
  sampledCpus: real(0),
  endedCpus: real(0),
});

export const snapshotRecords = variants({
  /** First, and once. */
  head: [
    1,
    {
      version: int(1, 65_535),
      at: instant,
      startedAt: instant,
      epoch: count,
      software: words,
      seed: count,
      policy: word(policyNames),
      discipline: word(disciplineNames),
      cpuLimit: real(1, 100),
      queuePaused: flag,
      nextJob: count,
      reexecuted: count,
      lateResults: count,
      requeued: count,
      lastPlace: int(-1, Number.MAX_SAFE_INTEGER),
      places: count,
      firstJob: optional(count, 1),
    },
  ],
  /** In order of place. */
  node: [
    2,
    {
      name: nodeName,
      place: count,
      incarnation: words,
      info: nodeInfoShape,
      address: words,
      joinedAt: instant,
      connected: flag,
      droppedAt: nullable(instant),
      health: word(healths),
      healthAt: instant,
      healthReason: words,
      intent: word(intents),
      drained: flag,
      reason: words,
      by: words,
      intentAt: instant,
      deadline: nullable(instant),
      overloaded: flag,
      throttle: real(0.05, 1),
      assignments: count,
      succeeded: count,
      failed: count,
      unfitInARow: count,
      held: list(held, Number.MAX_SAFE_INTEGER),
      observed: nullable(observed),
      overloadedAt: optional(instant, 0),
    },
  ],
  /** In order of id. */
  job: [
    3,
    {
      id: jobId,
      spec: jobSpecShape,
      by: words,
      submittedAt: instant,
      endedAt: nullable(instant),
      endState: nullable(word(jobStates)),
      ranCount: count,
      ranMs: real(0),
      waitsFor: list(jobId, limits.after),
      fresh: count,
      /** Runs of ordinals, both ends included. */
      returned: list(pair(ordinal, ordinal), limits.tasksPerJob),
      delayed: list(pair(ordinal, instant), limits.tasksPerJob),
      astray: list(pair(ordinal, list(attemptNumber, limits.attempts)), limits.tasksPerJob),
      /** The tasks that were never touched: their state, and since when they have ended. */
      rest: word(taskStates),
      restAt: nullable(instant),
      closedWhy: optional(words, ''),
    },
  ],
  /** Behind their job: what is known of up to 1,024 of its tasks, a row of `rowBytes` each. */
  chunk: [
    4,
    {
      job: jobId,
      number: count,
      rowBytes: int(1, 65_535),
      rows: bytes(limits.frameBytes),
      errors: list(pair(ordinal, words), limits.tasksPerJob),
    },
  ],
  /** What was learned of a kind of work, least recently met first. */
  durations: [5, { name: words, counts: list(pair(count, count), 65_535) }],
  /** What was learned of a node's speed. */
  speed: [6, { node: nodeName, counts: list(pair(count, count), 65_535) }],
  /** Who asked for what, oldest first. */
  acted: [7, { at: instant, by: words, role: words, proof: words, verb: words, about: words }],
});

export type SnapshotRecord = VariantOf<(typeof snapshotRecords)['kinds']>;
export type RecordOf<K extends SnapshotRecord['kind']> = Extract<SnapshotRecord, { kind: K }>;

/** Two values as a pair. */
function pair<A, B>(a: Shape<A>, b: Shape<B>): Shape<[A, B]> {
  const both = struct({ a, b });
  return {
    says: both.says,
    same: a.same && b.same,
    pack: ([first, second]) => both.pack({ a: first, b: second } as Parameters<typeof both.pack>[0]),
    unpack(raw) {
      const { a: first, b: second } = both.unpack(raw);
      return [first as A, second as B];
    },
  };
}
