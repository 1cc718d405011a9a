import { attemptNumber, durationMs, jobId, ordinal } from './job.ts';
import { limits } from './limits.ts';
import { dict, flag, type Infer, int, list, nullable, real, struct, text, word } from './shape.ts';

/** Observed. */
export const healths = ['up', 'suspect', 'lost', 'left'] as const;
export type Health = (typeof healths)[number];

/** The operator's. `drained` is a fact of its own: nothing runs there any more. */
export const intents = ['active', 'paused', 'draining'] as const;
export type Intent = (typeof intents)[number];

/** What a node says of itself when it joins. Sizes in bytes. */
export const nodeInfoShape = struct({
  cores: int(1, 65_536),
  cpuModel: text(limits.reasonLength),
  memoryTotal: real(0),
  slots: int(1, limits.slots),
  labels: dict(text(limits.reasonLength), limits.labels),
  resources: dict(real(0), limits.resources),
  /** Names of its JavaScript handlers. */
  handlers: list(text(limits.nameLength), 1_024),
  throttle: real(0.05, 1),
  /** CPU percentage above which it wants nothing new; null: the coordinator's. */
  cpuLimit: nullable(real(1, 100)),
  /** Where it takes tasks directly, `host:port`; null: nowhere. */
  listen: nullable(text(limits.reasonLength)),
  host: text(limits.reasonLength),
  platform: text(limits.nameLength),
  version: text(limits.nameLength),
  pid: int(1, Number.MAX_SAFE_INTEGER),
});
export type NodeInfo = Infer<typeof nodeInfoShape>;

/** One heartbeat's measurements. CPU in percent (0–100) of the whole machine; `cpuOurs` is the tasks' share of it. */
export const sampleShape = struct({
  cpu: real(0, 100),
  cpuOurs: real(0, 100),
  memoryUsed: real(0),
  memoryOurs: real(0),
  load1: real(0, 1e6),
  /** Tasks running, and sent but not yet started, when it was measured. */
  running: int(0, limits.slots * 2),
  waiting: int(0, limits.slots * 2),
});
export type Sample = Infer<typeof sampleShape>;

/** Returns the sample as finely as anything is decided or recorded by it: CPU and load to 0.01, memory to 1 KiB. */
export function roundedSample(sample: Sample): Sample {
  return {
    ...sample,
    cpu: Math.round(sample.cpu * 100) / 100,
    cpuOurs: Math.round(sample.cpuOurs * 100) / 100,
    memoryUsed: Math.round(sample.memoryUsed / 1_024) * 1_024,
    memoryOurs: Math.round(sample.memoryOurs / 1_024) * 1_024,
    load1: Math.round(sample.load1 * 100) / 100,
  };
}

/** Names one dispatch of one task. */
export const attemptKey = { job: jobId, ordinal, attempt: attemptNumber } as const;
export const attemptShape = struct(attemptKey);
export type Attempt = Infer<typeof attemptShape>;

/** Returns the attempt alone, without what else an object carries. */
export function keyOf({ job, ordinal, attempt }: Attempt): Attempt {
  return { job, ordinal, attempt };
}

/** How a node says that an attempt ended. */
export const outcomeShape = struct({
  ...attemptKey,
  /** `stopped`: ended because the coordinator asked for it. `unfit`: this machine could not start it; not the task's fault. */
  outcome: word(['succeeded', 'failed', 'stopped', 'unfit']),
  exitCode: nullable(int(0, 0xffff_ffff)),
  signal: nullable(text(limits.nameLength)),
  /** What went wrong, for the user; null where nothing did. */
  error: nullable(text(limits.textLength)),
  /** JSON text of a built-in task's or handler's result. */
  result: nullable(text(limits.resultBytes)),
  runMs: durationMs,
  cpuMs: durationMs,
  peakBytes: real(0),
  stdoutBytes: real(0),
  stderrBytes: real(0),
  /** False where the process never began: such an end says nothing about the task. */
  started: flag,
});
export type Outcome = Infer<typeof outcomeShape>;

/** Numbers an attempt of a task for maps: unique for all tasks that a coordinator can hold at once. */
export function attemptId(job: number, ordinal: number, attempt: number): string {
  return `${job}.${ordinal}.${attempt}`;
}
