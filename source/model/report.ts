/** What commands and the interface show: the JSON shapes of the contract, field for field, in its order. */
import { disciplineNames, jobStates, policyNames, taskStates } from './job.ts';
import { limits } from './limits.ts';
import { healths, intents } from './node.ts';
import { dict, flag, type Infer, json, list, nullable, optional, real, struct, text, word } from './shape.ts';

const count = real(0);
const name = text(limits.textLength);
const when = nullable(real(0));

export const statusShape = struct({
  version: name,
  uptimeMs: count,
  policy: word(policyNames),
  queue: word(disciplineNames),
  queuePaused: flag,
  nodes: dict(count, 16),
  slots: dict(count, 16),
  tasks: dict(count, 16),
  reexecuted: count,
  lateResults: count,
  throughput: dict(real(), 16),
  latencyMs: dict(nullable(real()), 16),
  journalBytes: count,
  rssBytes: count,
});
export type Status = Infer<typeof statusShape>;

export const nodeRowShape = struct({
  name,
  health: word(healths),
  intent: word(intents),
  drained: flag,
  reason: nullable(name),
  overloaded: flag,
  /** Percent of the whole machine; null before the first heartbeat. */
  cpu: nullable(real()),
  cpuOurs: nullable(real()),
  cores: count,
  cpuModel: name,
  memoryUsed: nullable(real()),
  memoryTotal: count,
  load1: nullable(real()),
  slots: count,
  assigned: count,
  running: count,
  succeeded: count,
  failed: count,
  throttle: real(),
  labels: dict(name, limits.labels),
  /** Time since the last heartbeat. */
  lastHeartbeatMs: nullable(real()),
  address: name,
  direct: nullable(name),
  version: name,
});
export type NodeRow = Infer<typeof nodeRowShape>;

export const jobRowShape = struct({
  job: count,
  name,
  state: word(jobStates),
  tasks: count,
  queued: count,
  assigned: count,
  running: count,
  succeeded: count,
  failed: count,
  cancelled: count,
  skipped: count,
  lost: count,
  submittedAt: count,
  endedAt: when,
  etaMs: nullable(real()),
});
export type JobRow = Infer<typeof jobRowShape>;

export const taskRowShape = struct({
  task: name,
  index: count,
  state: word(taskStates),
  node: nullable(name),
  attempt: count,
  exitCode: nullable(real()),
  queuedAt: count,
  startedAt: when,
  endedAt: when,
  error: nullable(name),
  /** What its last attempt used, in ms and bytes; null where it has not ended or that is not known. */
  runMs: nullable(real()),
  cpuMs: nullable(real()),
  peakBytes: nullable(real()),
  /** What a handler that runs last said of how far it is, 0–1, and its words; null where it said nothing. */
  progress: optional(nullable(real(0, 1)), null),
  note: optional(nullable(name), null),
});
export type TaskRow = Infer<typeof taskRowShape>;

export const resultRowShape = struct({
  task: name,
  index: count,
  state: word(taskStates),
  exitCode: nullable(real()),
  node: nullable(name),
  attempt: count,
  result: json(limits.inputDepth),
  stdout: nullable(text(limits.resultStreamBytes)),
  stderr: nullable(text(limits.resultStreamBytes)),
  error: nullable(name),
  runMs: nullable(real()),
  cpuMs: nullable(real()),
  truncated: flag,
  peakBytes: nullable(real()),
});
export type ResultRow = Infer<typeof resultRowShape>;

export const pickShape = struct({
  node: nullable(name),
  address: nullable(name),
  policy: word(policyNames),
  score: nullable(real()),
});
export type Pick = Infer<typeof pickShape>;

export const candidateShape = struct({
  node: name,
  score: nullable(real()),
  chosen: flag,
  excluded: nullable(name),
});

export const explanationShape = struct({
  task: name,
  state: word(taskStates),
  node: nullable(name),
  attempt: count,
  at: count,
  policy: word(policyNames),
  candidates: list(candidateShape, limits.nodes),
  /** Reason → how many nodes; 1 for a reason that is about the task or the queue (`taskReason`). */
  waiting: dict(count, 64),
});
export type Explanation = Infer<typeof explanationShape>;

/** Tells reasons about the task or the queue from those that count nodes. */
export const taskReason = /^(?:queue|waits|backoff|limit|behind|reserved|no) /;

/** A task that is at a node which would drain. */
const leavingTaskShape = struct({
  task: name,
  /** False: it would return to the queue at once. */
  running: flag,
  ranMs: count,
  /** How much longer it is expected to run; null where nothing is known of its kind, and for what has not started. */
  leftMs: nullable(real()),
  /** No other node that is there and active has what it needs: stopped or not started, it would wait. */
  stuck: flag,
});
export type LeavingTask = Infer<typeof leavingTaskShape>;

const leavingNodeShape = struct({
  node: name,
  running: count,
  /** Sent there, not started: they return to the queue. */
  assigned: count,
  /** How many of both could run on none of the nodes that remain. */
  stuck: count,
  /** Until nothing runs there any more; null where of a running task nothing is known. */
  leftMs: nullable(real()),
  /** Those that run first; not all where there are very many. */
  tasks: list(leavingTaskShape, limits.pageRows),
});
export type LeavingNode = Infer<typeof leavingNodeShape>;

/** What draining some nodes would do. */
export const drainPreviewShape = struct({
  nodes: list(leavingNodeShape, limits.nodes),
  /** Jobs with tasks that wait now and could run on none of the nodes that remain: the first of them. */
  stuckJobs: list(count, limits.pageRows),
  remaining: struct({ nodes: count, slots: count }),
});
export type DrainPreview = Infer<typeof drainPreviewShape>;

/** One line of `lbtop events`: a fact made readable. */
export const eventLineShape = struct({
  at: count,
  level: word(['info', 'warn', 'error']),
  /** A node's name, a task's id, `job 7` or `coordinator`. */
  subject: name,
  text: name,
});
export type EventLine = Infer<typeof eventLineShape>;

/** How it stands with a token. `rotated`: the secret that its key follows from is not accepted any more. */
export const tokenStates = ['valid', 'expired', 'revoked', 'rotated'] as const;

/** One line of `lbtop token list`. */
export const tokenRowShape = struct({
  id: name,
  role: name,
  name,
  state: word(tokenStates),
  createdAt: count,
  /** Null: until it is revoked. */
  expiresAt: nullable(count),
  revokedAt: nullable(count),
  /** Who made it. */
  by: name,
  /** Connections that it is used for now. */
  connections: count,
});
export type TokenRow = Infer<typeof tokenRowShape>;
