/**
 * The vocabulary of facts: what the scheduler decided or learned. One table serves the journal, the trace, the live
 * interface, replay, explanation and simulation. Codes are for ever; fields are only ever appended (as `optional`).
 *
 * Every fact has `at`, ms since the epoch by the coordinator's clock.
 */
import {
  attemptNumber,
  disciplineNames,
  durationMs,
  endStates,
  instant,
  jobId,
  jobSpecShape,
  jobStates,
  nodeName,
  ordinal,
  policyNames,
} from './job.ts';
import { limits } from './limits.ts';
import { healths, intents, nodeInfoShape, sampleShape } from './node.ts';
import { flag, int, nullable, optional, real, text, type VariantOf, variants, word } from './shape.ts';

const task = { at: instant, job: jobId, ordinal, attempt: attemptNumber } as const;
const node = { at: instant, node: nodeName } as const;
const reason = text(limits.reasonLength);
const who = text(limits.reasonLength);

/** Why a task went back to the queue. */
export const requeueReasons = [
  'node-lost',
  'recalled',
  'drained',
  'unfit',
  'retry',
  'retried',
  'transfer',
  'node-left',
] as const;

/** Facts that are only shown and recorded: they are old by the time that anybody recovers, and nothing is decided by them. */
const passing: ReadonlySet<string> = new Set(['sampled', 'progressed']);

/** Returns true for a fact that recovery needs. */
export function isLasting({ kind }: { kind: string }): boolean {
  return !passing.has(kind);
}

export const facts = variants({
  /** A coordinator took over this state (start, restart or takeover). `epoch` grows by one each time. */
  'session-started': [
    1,
    {
      at: instant,
      epoch: int(0, Number.MAX_SAFE_INTEGER),
      version: text(limits.nameLength),
      policy: word(policyNames),
      discipline: word(disciplineNames),
      cpuLimit: real(1, 100),
      seed: int(0, 0xffff_ffff),
    },
  ],
  'job-submitted': [2, { at: instant, job: jobId, spec: jobSpecShape, by: who }],
  assigned: [
    3,
    {
      ...task,
      node: nodeName,
      /** The node has it already, from before the end of the journal was lost: it goes on there. */
      adopted: optional(flag, false),
    },
  ],
  started: [4, { ...task, node: nodeName }],
  ended: [
    5,
    {
      ...task,
      state: word(endStates),
      node: nullable(nodeName),
      exitCode: nullable(int(0, 0xffff_ffff)),
      signal: nullable(text(limits.nameLength)),
      error: nullable(text(limits.textLength)),
      runMs: durationMs,
      cpuMs: durationMs,
      peakBytes: real(0),
    },
  ],
  requeued: [
    6,
    {
      ...task,
      node: nullable(nodeName),
      reason: word(requeueReasons),
      /** Counts against `--retries`. */
      charged: flag,
      /** Not to be placed before this instant. */
      notBefore: instant,
      error: nullable(text(limits.textLength)),
    },
  ],
  /** How far a handler says that it is, 0–1, in its own words: shown and recorded, not journalled. */
  progressed: [14, { ...task, node: nodeName, share: real(0, 1), note: reason }],
  /** A node was asked to give a task back that it has not started. */
  recalled: [7, { ...task, node: nodeName }],
  /** A node was asked to end an attempt. `requeue`: its task returns to the queue when it has ended. */
  'stop-asked': [8, { ...task, node: nodeName, why: reason, requeue: flag }],
  /** An attempt that is not the current one left its node: its room is free. `executed`: the work was done twice. */
  released: [9, { ...task, node: nodeName, executed: flag }],
  /** All tasks of the job that were queued ended at once: cancelled, or skipped for what they depended on. */
  'job-closed': [
    12,
    {
      at: instant,
      job: jobId,
      state: word(['cancelled', 'skipped']),
      reason,
      by: who,
      /** How many they were. */
      tasks: optional(int(0, limits.tasksPerJob), 0),
    },
  ],
  /** Tasks of the job whose backoff is over wait for room again. */
  due: [13, { at: instant, job: jobId }],
  'job-ended': [10, { at: instant, job: jobId, state: word(jobStates) }],
  'job-purged': [11, { at: instant, job: jobId }],
  'node-joined': [
    20,
    {
      ...node,
      incarnation: text(limits.nameLength),
      info: nodeInfoShape,
      address: text(limits.reasonLength),
      /** False where the same agent came back after its connection broke. */
      fresh: flag,
    },
  ],
  'node-health': [21, { ...node, health: word(healths), reason }],
  'node-dropped': [22, { ...node, reason }],
  'node-intent': [23, { ...node, intent: word(intents), reason, by: who, deadline: nullable(instant) }],
  'node-drained': [24, { ...node }],
  'node-overloaded': [25, { ...node, overloaded: flag, cpu: real(0, 100) }],
  'node-throttled': [26, { ...node, throttle: real(0.05, 1), by: who }],
  'node-forgotten': [27, { ...node }],
  /** A heartbeat: shown and recorded, not journalled. `seen`: the last assignment that the node had when it measured. */
  sampled: [28, { ...node, seen: int(0, Number.MAX_SAFE_INTEGER), sample: sampleShape }],
  'queue-paused': [40, { at: instant, paused: flag, by: who, reason: optional(reason, '') }],
  'policy-set': [41, { at: instant, policy: word(policyNames), discipline: word(disciplineNames), by: who }],
  'cpu-limit-set': [42, { at: instant, cpuLimit: real(1, 100), by: who }],
  /**
   * Somebody asked for something that changes anything, and it was done: kept for whoever asks later who it was. `proof`:
   * what proved it, e.g. `token 3fa9c1b2d4`; `about`: what was asked, as JSON. What it did are facts of their own.
   */
  acted: [
    43,
    {
      at: instant,
      by: who,
      role: text(limits.nameLength),
      proof: reason,
      verb: text(limits.nameLength),
      about: reason,
    },
  ],
});
export type Fact = VariantOf<(typeof facts)['kinds']>;
export type FactKind = Fact['kind'];
export type FactOf<K extends FactKind> = Extract<Fact, { kind: K }>;
