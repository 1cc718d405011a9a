import { limits } from './limits.ts';
import {
  bytes,
  dict,
  flag,
  type Infer,
  int,
  json,
  list,
  nullable,
  optional,
  pattern,
  real,
  struct,
  text,
  word,
} from './shape.ts';

/** The states of a task. Their order is that of the contract and of the counters; stored states are indexes into it. */
export const taskStates = [
  'queued',
  'assigned',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'skipped',
  'lost',
] as const;
export type TaskState = (typeof taskStates)[number];

/** A task in one of these never changes again (except by `retry`). */
export const endStates = ['succeeded', 'failed', 'cancelled', 'skipped', 'lost'] as const;
export type EndState = (typeof endStates)[number];

const ends: ReadonlySet<string> = new Set(endStates);

export function isEndState(state: TaskState): state is EndState {
  return ends.has(state);
}

/** Index of a state in `taskStates`. */
export const stateCode = Object.fromEntries(taskStates.map((state, code) => [state, code])) as Record<
  TaskState,
  number
>;

export const jobStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export type JobState = (typeof jobStates)[number];

export const policyNames = [
  'first',
  'round-robin',
  'random',
  'least-load',
  'power-of-two',
  'fewest-running',
  'earliest-finish',
  'partition',
] as const;
export type PolicyName = (typeof policyNames)[number];

export const disciplineNames = ['fifo', 'easy', 'sjbf'] as const;
export type DisciplineName = (typeof disciplineNames)[number];

/** Task names that every node knows without handlers. */
export const builtInTasks = ['sleep', 'sum-up', 'factorize', 'increment', 'noop'] as const;
export type BuiltInTask = (typeof builtInTasks)[number];
const builtIn: ReadonlySet<string> = new Set(builtInTasks);

/** Whether every node knows a task of that name. */
export function isBuiltIn(name: string): name is BuiltInTask {
  return builtIn.has(name);
}

export const jobId = int(1, Number.MAX_SAFE_INTEGER);
/** A task's place in its job, from 0 without gaps. What users see is the index: `indexOf(job, ordinal)`. */
export const ordinal = int(0, limits.tasksPerJob - 1);
export const attemptNumber = int(0, limits.attempts);
export const nodeName = pattern('letters, digits, dot, underscore, minus (1..64)', /^[A-Za-z0-9._-]{1,64}$/);
/** ms since the epoch, by the coordinator's clock, which never runs backwards. */
export const instant = real(0);
export const durationMs = real(0);

/** What to run. In `argv`, `{}` stands for the item and `{#}` for the index; the node fills them in. */
export const workShape = struct({
  kind: word(['command', 'task']),
  /** kind `command`: program and arguments; with `shell`, one string for `sh -c`. */
  argv: list(text(limits.argumentBytes), limits.arguments),
  shell: flag,
  /** kind `task`: a built-in task or a handler by name, with its input (items, where there are any, replace it). */
  task: text(limits.nameLength),
  input: json(limits.inputDepth),
});
export type Work = Infer<typeof workShape>;

/** Which tasks a submission makes. `count` tasks; the index of ordinal i is `first + i * step`. */
export const spanShape = struct({
  count: int(1, limits.tasksPerJob),
  first: int(0, Number.MAX_SAFE_INTEGER),
  step: int(1, Number.MAX_SAFE_INTEGER),
});
export type Span = Infer<typeof spanShape>;

/** What one submission asks for, without its items: sent, journalled and kept as it is. */
export const jobSpecShape = struct({
  name: text(limits.reasonLength),
  work: workShape,
  span: spanShape,
  /** `none`: the span says all. `lines`, `json`: one item a task, each a line or a JSON text. */
  items: word(['none', 'lines', 'json']),
  cpus: real(0.01, 65_536),
  memoryBytes: real(0),
  resources: dict(real(0), limits.resources),
  labels: dict(text(limits.reasonLength), limits.labels),
  priority: int(-limits.priority, limits.priority),
  retries: int(0, limits.attempts),
  backoffMs: durationMs,
  noRetry: flag,
  timeoutMs: nullable(durationMs),
  after: list(jobId, limits.after),
  maxFails: nullable(int(0, limits.tasksPerJob)),
  limit: nullable(int(1, limits.tasksPerJob)),
  key: nullable(text(limits.keyLength)),
  env: dict(text(limits.argumentBytes), limits.environment),
  cwd: nullable(text(limits.textLength)),
  stdin: nullable(bytes(limits.stdinBytes)),
  /** Appended later: absent in older journals. */
  backoffFactor: optional(real(1, 10), 2),
  /** Its client takes its tasks to the nodes itself: only those that listen get any. */
  direct: optional(flag, false),
});
export type JobSpec = Infer<typeof jobSpecShape>;

/** The index that users see. */
export function indexOf(span: Span, ordinal: number): number {
  return span.first + ordinal * span.step;
}

/** The ordinal of a user's index, or -1 where the job has no such task. */
export function ordinalOf(span: Span, index: number): number {
  const offset = index - span.first;
  if (offset < 0 || offset % span.step !== 0) return -1;
  const ordinal = offset / span.step;
  return ordinal < span.count ? ordinal : -1;
}

/** `7.12` */
export function taskId(job: number, index: number): string {
  return `${job}.${index}`;
}

/** Fills in what a submission leaves out; `work` and `span` it must say. */
export function jobSpec(given: Partial<JobSpec> & { work: Work }): JobSpec {
  return {
    name: '',
    span: { count: 1, first: 0, step: 1 },
    items: 'none',
    cpus: 1,
    memoryBytes: 0,
    resources: {},
    labels: {},
    priority: 0,
    retries: 0,
    backoffMs: 1_000,
    noRetry: false,
    timeoutMs: null,
    after: [],
    maxFails: null,
    limit: null,
    key: null,
    env: {},
    cwd: null,
    stdin: null,
    backoffFactor: 2,
    direct: false,
    ...given,
  };
}
