/**
 * What the scheduler was told, beside what it said: with both, whoever has a recording can ask the same scheduler again and
 * compare (`lbtop trace verify`). An input is an event of model/event.ts as a recording keeps it: what the facts that it led
 * to tell anyway is taken from them, so that a heartbeat costs a byte more and not its measurements once again.
 */
import type { Event, Holding } from '../model/event.ts';
import type { Fact } from '../model/fact.ts';
import { disciplineNames, instant, jobId, nodeName, ordinal, policyNames } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { attemptKey, attemptShape, outcomeShape } from '../model/node.ts';
import {
  flag,
  type Infer,
  int,
  list,
  nullable,
  real,
  ShapeError,
  struct,
  text,
  type VariantOf,
  variants,
  word,
} from '../model/shape.ts';
import { packValue, unpackValue } from '../wire/codec.ts';
import { batchBytes } from '../wire/variant-bytes.ts';

const at = { at: instant } as const;
const node = { at: instant, node: nodeName } as const;
const reason = text(limits.reasonLength);
const by = text(limits.reasonLength);
const attempts = list(attemptShape, limits.slots * 2);
const target = { at: instant, job: jobId, ordinal: nullable(ordinal) } as const;
const seen = struct({ node: nodeName, heardAt: nullable(instant), leaving: flag });

/** Codes are for ever; fields are only ever appended (as `optional`). */
export const inputs = variants({
  session: [
    1,
    {
      ...at,
      version: text(limits.nameLength),
      policy: nullable(word(policyNames)),
      discipline: nullable(word(disciplineNames)),
      cpuLimit: nullable(real(1, 100)),
      seed: int(0, 0xffff_ffff),
    },
  ],
  tick: [2, { ...at, stalled: flag }],
  dispatch: [3, at],
  /** A submission that was taken: the next fact, `job-submitted`, has it. */
  submitted: [4, at],
  /** A node that joined: the next fact, `node-joined`, has the rest. */
  joined: [5, { ...at, running: attempts, waiting: attempts, ended: attempts }],
  /** A heartbeat: the next fact of kind `sampled` has it. */
  beat: [6, at],
  heard: [7, node],
  dropped: [8, { ...node, reason }],
  leave: [9, node],
  leaving: [25, { ...node, reason }],
  /** A start that counted: the next fact, `started`, has it. */
  began: [10, at],
  /** How far a task says it is: the next fact, `progressed`, has it. */
  told: [26, at],
  /** An end as it was told, without its result. */
  outcome: [11, { ...node, outcome: outcomeShape }],
  /** An end that was taken as it was told: the next fact, `ended`, has it. */
  done: [12, at],
  returned: [13, { ...node, ...attemptKey }],
  cancel: [14, { ...target, by }],
  retry: [15, { ...target, onlyFailed: flag, by }],
  purge: [16, { ...at, job: jobId }],
  pause: [17, { ...node, reason, by }],
  drain: [18, { ...node, now: flag, deadline: nullable(instant), reason, by }],
  resume: [19, { ...node, reason, by }],
  throttle: [20, { ...node, throttle: real(0.05, 1), by }],
  forget: [21, node],
  'pause-queue': [22, { ...at, paused: flag, reason, by }],
  'set-policy': [23, { ...at, policy: word(policyNames), discipline: nullable(word(disciplineNames)), by }],
  'set-cpu-limit': [24, { ...at, cpuLimit: real(1, 100), by }],
  /** Something that somebody asked for was done: the next fact, `acted`, has it. */
  acted: [27, at],
});
export type Input = VariantOf<(typeof inputs)['kinds']>;

/** What the scheduler had seen of a node that no state has: when it was heard last, and that it begins to stop. */
export type Seen = Infer<typeof seen>;

/** The inputs of a stretch of a session. */
export interface Inputs {
  /**
   * Set where a scheduler that was made anew from the keyframe before goes on from there: what it had seen of nodes.
   * Null: it is the one that had the inputs before.
   */
  start: Seen[] | null;
  inputs: Input[];
}

const bytes = batchBytes(inputs);

/** Returns the payload of a block of inputs: `[start, batch]`, `batch` as wire/variant-bytes.ts says. */
export function packInputs({ start, inputs }: Inputs): Buffer {
  return packValue([start === null ? null : start.map(seen.pack), bytes.pack(inputs)]);
}

/** Returns what `packInputs` was given. Throws PlainError or ShapeError. */
export function unpackInputs(payload: Buffer): Inputs {
  const raw = unpackValue(payload);
  if (!Array.isArray(raw) || !(raw[1] instanceof Uint8Array)) throw new ShapeError('expected inputs');
  const batch = Buffer.from(raw[1].buffer, raw[1].byteOffset, raw[1].length);
  const start = raw[0] === null ? null : list(seen, limits.nodes).unpack(raw[0]);
  return { start, inputs: bytes.unpack(batch) };
}

/** Returns the input of an event that led to these facts; null where it led to nothing and left no trace anywhere. */
export function inputOf(event: Event, led: readonly Fact[]): Input | null {
  const { at } = event;
  switch (event.kind) {
    case 'submit':
      return led.length > 0 ? { kind: 'submitted', at } : null;
    case 'join': {
      const { running, waiting, ended } = event.holding;
      return { kind: 'joined', at, running: [...running], waiting: [...waiting], ended: [...ended] };
    }
    case 'heartbeat': {
      const told = led.some((fact) => fact.kind === 'sampled');
      return told ? { kind: 'beat', at } : { kind: 'heard', at, node: event.node };
    }
    case 'started':
      return led.length > 0 ? { kind: 'began', at } : null;
    case 'progress':
      return led.length > 0 ? { kind: 'told', at } : null;
    case 'outcome': {
      const { outcome, node } = event;
      const [first] = led;
      const plain = first?.kind === 'ended' && first.state === outcome.outcome && outcome.started;
      if (plain && first.node === node) return { kind: 'done', at };
      return { kind: 'outcome', at, node, outcome: { ...outcome, result: null } };
    }
    case 'returned':
      return { kind: 'returned', at, node: event.node, ...event.attempt };
    case 'act':
      return { kind: 'acted', at };
    case 'cancel':
    case 'retry': {
      const { target, ...rest } = event;
      return { ...rest, ...target } as Input;
    }
    default:
      return event;
  }
}

/** Returns the next fact of that kind that was recorded; throws where there is none. */
export type NextFact = <K extends Fact['kind']>(kind: K) => Extract<Fact, { kind: K }>;

/** Returns the event that an input stands for. `next` looks among the recorded facts from those that it led to on. */
export function eventOf(input: Input, next: NextFact): Event {
  const { at } = input;
  switch (input.kind) {
    case 'submitted': {
      const { spec, by } = next('job-submitted');
      return { kind: 'submit', at, spec, by };
    }
    case 'joined': {
      const { node, incarnation, info, address } = next('node-joined');
      const { running, waiting, ended } = input;
      const holding: Holding = { running, waiting, ended };
      return { kind: 'join', at, node, incarnation, info, address, holding };
    }
    case 'beat': {
      const { node, seen, sample } = next('sampled');
      return { kind: 'heartbeat', at, node, seen, sample };
    }
    case 'began': {
      const { node, job, ordinal, attempt } = next('started');
      return { kind: 'started', at, node, attempt: { job, ordinal, attempt } };
    }
    case 'acted':
      return { ...next('acted'), kind: 'act', at };
    case 'told': {
      const { node, job, ordinal, attempt, share, note } = next('progressed');
      return { kind: 'progress', at, node, attempt: { job, ordinal, attempt }, share, note };
    }
    case 'done': {
      const { node, state, job, ordinal, attempt, exitCode, signal, error, runMs, cpuMs, peakBytes } = next('ended');
      return {
        kind: 'outcome',
        at,
        node: node ?? '',
        outcome: {
          ...{ job, ordinal, attempt, exitCode, signal, error, runMs, cpuMs, peakBytes },
          outcome: state === 'succeeded' ? 'succeeded' : 'failed',
          result: null,
          stdoutBytes: 0,
          stderrBytes: 0,
          started: true,
        },
      };
    }
    case 'returned': {
      const { node, job, ordinal, attempt } = input;
      return { kind: 'returned', at, node, attempt: { job, ordinal, attempt } };
    }
    case 'cancel': {
      const { job, ordinal, by } = input;
      return { kind: 'cancel', at, target: { job, ordinal }, by };
    }
    case 'retry': {
      const { job, ordinal, onlyFailed, by } = input;
      return { kind: 'retry', at, target: { job, ordinal }, onlyFailed, by };
    }
    default:
      return input;
  }
}
