/** What clients ask of a coordinator: one row a verb. See messages.ts for how requests and answers travel. */
import { disciplineNames, jobSpecShape, nodeName, policyNames } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { attemptKey, attemptShape, outcomeShape } from '../model/node.ts';
import {
  drainPreviewShape,
  eventLineShape,
  explanationShape,
  jobRowShape,
  nodeRowShape,
  pickShape,
  resultRowShape,
  statusShape,
  taskRowShape,
  tokenRowShape,
} from '../model/report.ts';
import {
  bytes,
  flag,
  type Infer,
  int,
  list,
  nullable,
  optional,
  raw,
  real,
  type Shape,
  struct,
  text,
  word,
} from '../model/shape.ts';
import { roles } from './messages.ts';
import type { Permission } from './permission.ts';
import { ticketShape } from './ticket.ts';

const counter = int(0, Number.MAX_SAFE_INTEGER);
const job = int(1, Number.MAX_SAFE_INTEGER);
const nothing = struct({});
/** A task by the index that users see; null: the whole job. */
const index = nullable(counter);
const nodes = list(nodeName, limits.nodesPerRequest);
const reason = text(limits.reasonLength);

/** What `wait` tells of each job, again whenever it changed and at least once a second. */
const progressShape = list(jobRowShape, 10_000);

/** How far a stream of logs has come: of this attempt of this task, up to here. */
const logPlaceShape = struct({
  index: counter,
  attempt: counter,
  stdout: counter,
  stderr: counter,
  /** Whether it was told what was cut of them. */
  stdoutCut: flag,
  stderrCut: flag,
});
export type LogPlace = Infer<typeof logPlaceShape>;

interface Verb<A, R> {
  args: Shape<A>;
  /** The value of `reply`, or of each `item` where `streams`. */
  gives: Shape<R>;
  streams: boolean;
  /** Which roles may ask it, and how far they reach with it. */
  may: Permission;
  /** An operator's action, or one to a job that is there: the coordinator's log tells who asked for it. */
  acts: boolean;
}

type More = Partial<Pick<Verb<never, never>, 'streams' | 'acts'>>;

function verb<A, R>(args: Shape<A>, gives: Shape<R>, may: Permission, more: More = {}): Verb<A, R> {
  return { args, gives, may, streams: false, acts: false, ...more };
}

/** What everybody may know who is no node. */
const fleet: Permission = { submitter: 'all', operator: 'all', viewer: 'all' };
/** What there is to know of jobs. */
const ofJobs: Permission = { submitter: 'own', operator: 'all', viewer: 'all' };
/** What is done to jobs. */
const toJobs: Permission = { submitter: 'own', operator: 'all' };
/** The whole, jobs of everybody included. */
const whole: Permission = { operator: 'all', viewer: 'all' };
/** The same, where it holds what tasks run. */
const wholeMasked: Permission = { operator: 'all', viewer: 'masked' };
const operate: Permission = { operator: 'all' };

const streams = { streams: true } as const;
const acts = { acts: true } as const;

export const verbs = {
  /** Sends items ahead of the `submit` that uses them: lines, or JSON texts. `upload` is the client's number for them. */
  upload: verb(
    struct({ upload: counter, items: list(text(limits.itemBytes), limits.itemsPerUpload) }),
    nothing,
    toJobs,
  ),
  /**
   * Answered when the job is durable. `existing`: a job with this key was there already. `never`: why no node that is
   * known could ever take its tasks.
   */
  submit: verb(
    struct({ spec: jobSpecShape, upload: nullable(counter) }),
    struct({ job, tasks: counter, existing: flag, never: optional(nullable(text(limits.textLength)), null) }),
    toJobs,
  ),
  /** Streams rows of these jobs until all of them have ended. */
  wait: verb(struct({ jobs: list(job, 10_000) }), progressShape, ofJobs, streams),
  status: verb(nothing, statusShape, fleet),
  nodes: verb(nothing, list(nodeRowShape, limits.nodes), fleet),
  /** In order of id, from the id `from` on. */
  jobs: verb(struct({ from: counter, count: int(1, limits.pageRows) }), list(jobRowShape, limits.pageRows), ofJobs),
  /** Pages by ordinal; may be shorter than asked, but never empty before the end. */
  tasks: verb(
    struct({ job, from: counter, count: int(1, limits.pageRows) }),
    list(taskRowShape, limits.pageRows),
    ofJobs,
  ),
  /** Pages by ordinal; a page holds at most 4 MiB of output and so may be shorter than asked, but never empty before the end. */
  results: verb(
    struct({ job, from: counter, count: int(1, limits.pageRows) }),
    list(resultRowShape, limits.pageRows),
    ofJobs,
  ),
  /**
   * Streams the results of a job as its tasks end, each once, some at a time: in order of index, without the first `from` of
   * them, or in that of their ends.
   */
  follow: verb(
    struct({ job, order: word(['index', 'end']), from: optional(counter, 0) }),
    list(resultRowShape, limits.pageRows),
    ofJobs,
    streams,
  ),
  /**
   * Output in order of index (one task: as it comes). `follow`: until the tasks have ended. `tail`: at most that many bytes
   * first. `from`: goes on where another stream of the same job ended. Of a piece `next` is where its stream goes on.
   */
  logs: verb(
    struct({ job, index, follow: flag, tail: nullable(counter), from: optional(nullable(logPlaceShape), null) }),
    struct({
      index: counter,
      stream: int(1, 2),
      data: bytes(limits.outputPieceBytes),
      cut: counter,
      attempt: optional(counter, 0),
      next: optional(counter, 0),
    }),
    ofJobs,
    streams,
  ),
  /** Streams a ticket for each attempt of a job that was submitted as `direct`, with the node's `callerKey`, until the job has ended. */
  tickets: verb(
    struct({ job }),
    struct({ ...attemptKey, node: nodeName, address: text(limits.reasonLength), ticket: ticketShape, key: bytes(32) }),
    toJobs,
    streams,
  ),
  /** This ticket cannot be used: its task goes to the node the usual way. */
  'ticket-back': verb(attemptShape, nothing, toJobs),
  /** Asked of a node: runs the task of a ticket. Streams what it writes (1 stdout, 2 stderr) as it comes, and last its outcome. */
  redeem: verb(
    struct({ ticket: ticketShape }),
    struct({ stream: int(0, 2), data: bytes(limits.outputPieceBytes), outcome: nullable(outcomeShape) }),
    toJobs,
    streams,
  ),
  cancel: verb(struct({ job, index }), struct({ tasks: counter }), toJobs, acts),
  retry: verb(struct({ job, index, onlyFailed: flag }), struct({ tasks: counter }), toJobs, acts),
  purge: verb(struct({ job }), nothing, toJobs, acts),
  pause: verb(struct({ nodes, all: flag, reason }), struct({ nodes }), operate, acts),
  drain: verb(
    struct({ nodes, all: flag, reason, now: flag, deadlineMs: nullable(real(0)) }),
    struct({ nodes }),
    operate,
    acts,
  ),
  /** What `drain` of these nodes would do; nothing is done. */
  'drain-preview': verb(struct({ nodes, all: flag }), drainPreviewShape, whole),
  resume: verb(struct({ nodes, all: flag, reason }), struct({ nodes }), operate, acts),
  throttle: verb(struct({ nodes, all: flag, share: real(0.05, 1) }), struct({ nodes }), operate, acts),
  'pause-queue': verb(struct({ paused: flag, reason: optional(reason, '') }), nothing, operate, acts),
  /** With nulls it only shows. */
  policy: verb(
    struct({ policy: nullable(word(policyNames)), queue: nullable(word(disciplineNames)) }),
    struct({ policy: word(policyNames), queue: word(disciplineNames) }),
    { submitter: 'show', operator: 'all', viewer: 'show' },
    acts,
  ),
  pick: verb(nothing, pickShape, { submitter: 'all', operator: 'all' }),
  explain: verb(struct({ job, index: counter }), explanationShape, ofJobs),
  /** The last `last` events, then, with `follow`, what comes. */
  events: verb(struct({ last: int(0, limits.eventsKept), follow: flag }), eventLineShape, whole, streams),
  /** Streams windows for an interface (view/window.ts describes them); `look` changes what it looks at. */
  watch: verb(struct({ look: raw, rateHz: real(0.1, 30) }), raw, wholeMasked, streams),
  look: verb(struct({ watch: counter, look: raw }), nothing, wholeMasked),
  /** Streams what is kept of the session's past, up to now, as the bytes of a trace. */
  history: verb(nothing, bytes(limits.outputPieceBytes), operate, streams),
  /** Starts recording into a file on the coordinator's machine; null ends it. */
  record: verb(
    struct({ file: nullable(text(limits.textLength)) }),
    struct({ file: nullable(text(limits.textLength)) }),
    operate,
    acts,
  ),
  /**
   * Makes a token. `address` is where the coordinator listens, as others would name it. `ttlMs` null: it holds until it is
   * revoked.
   */
  'token-create': verb(
    struct({ role: word(roles), ttlMs: nullable(real(1)), name: nullable(nodeName) }),
    struct({
      id: text(limits.nameLength),
      token: text(limits.reasonLength),
      name: nodeName,
      expiresAt: nullable(counter),
      address: text(limits.reasonLength),
    }),
    operate,
    acts,
  ),
  /** All tokens, and those that ended not long ago. */
  'token-list': verb(nothing, list(tokenRowShape, limits.tokens), operate),
  /** By id, or all of a name. Their connections are closed. */
  'token-revoke': verb(
    struct({ token: text(limits.nameLength) }),
    struct({ tokens: list(text(limits.nameLength), limits.tokens) }),
    operate,
    acts,
  ),
  /** Makes a new secret in the coordinator's file; the one before, and what follows from it, holds for `periodMs` more. */
  'secret-rotate': verb(struct({ periodMs: real(0) }), struct({ until: counter }), operate, acts),
  /** Ends the coordinator; running tasks go on at their nodes. */
  shutdown: verb(struct({ reason }), nothing, operate, acts),
} as const;

export type Verbs = typeof verbs;
export type VerbName = keyof Verbs;
export type VerbArgs<V extends VerbName> = Infer<Verbs[V]['args']>;
export type VerbGives<V extends VerbName> = Infer<Verbs[V]['gives']>;
