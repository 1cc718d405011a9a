/** Messages for tests: an arbitrary for every kind. A kind without one does not compile. */

import type { JobSpec } from '../../source/model/job.ts';
import { limits } from '../../source/model/limits.ts';
import type { NodeInfo, Outcome, Sample } from '../../source/model/node.ts';
import type { Message, MessageKind, MessageOf } from '../../source/wire/messages.ts';
import fc, { type Arbitrary } from '../arbitrary.ts';

/** -0 and 0 are the same number on the wire. */
const real = (min = 0, max = Number.MAX_VALUE) =>
  fc.double({ min, max, noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
const counter = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const text = (max = 40) => fc.string({ unit: 'binary', maxLength: Math.floor(max / 2) });
const maybe = <T>(arbitrary: Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const binary = (max = 200) => fc.uint8Array({ maxLength: max }).map((bytes) => new Uint8Array(bytes));
const list = <T>(arbitrary: Arbitrary<T>, maxLength = 5) => fc.array(arbitrary, { maxLength });
const dict = <T>(arbitrary: Arbitrary<T>) =>
  fc.dictionary(
    text(20).filter((key) => key !== '__proto__'),
    arbitrary,
    { maxKeys: 4, noNullPrototype: true },
  );
const name = fc.stringMatching(/^[A-Za-z0-9._-]{1,64}$/);

const attempt = fc.record({ job: id, ordinal: fc.nat(limits.tasksPerJob - 1), attempt: fc.nat(limits.attempts) });
const attempts = list(attempt);
const stream = fc.constantFrom(1, 2);
const code = fc.constantFrom('usage', 'unreachable', 'refused', 'failed');

const info: Arbitrary<NodeInfo> = fc.record({
  cores: fc.integer({ min: 1, max: 65_536 }),
  cpuModel: text(),
  memoryTotal: real(),
  slots: fc.integer({ min: 1, max: limits.slots }),
  labels: dict(text()),
  resources: dict(real()),
  handlers: list(text()),
  throttle: real(0.05, 1),
  cpuLimit: maybe(real(1, 100)),
  listen: maybe(text()),
  host: text(),
  platform: text(),
  version: text(),
  pid: id,
});

export const sample: Arbitrary<Sample> = fc.record({
  cpu: real(0, 100),
  cpuOurs: real(0, 100),
  memoryUsed: real(),
  memoryOurs: real(),
  load1: real(0, 1e6),
  running: fc.nat(limits.slots),
  waiting: fc.nat(limits.slots),
});

const outcome: Arbitrary<Outcome> = fc.record({
  job: id,
  ordinal: fc.nat(limits.tasksPerJob - 1),
  attempt: fc.nat(limits.attempts),
  outcome: fc.constantFrom('succeeded', 'failed', 'stopped', 'unfit'),
  exitCode: maybe(fc.nat(0xffff_ffff)),
  signal: maybe(text()),
  error: maybe(text(200)),
  result: maybe(text(2_000)),
  runMs: real(),
  cpuMs: real(),
  peakBytes: real(),
  stdoutBytes: real(),
  stderrBytes: real(),
  started: fc.boolean(),
});

const json = fc
  .jsonValue({ maxDepth: 4 })
  .filter((value) => !JSON.stringify(value).includes('__proto__'))
  .map((value) => JSON.parse(JSON.stringify(value)));

export const spec: Arbitrary<JobSpec> = fc.record({
  name: text(),
  work: fc.record({
    kind: fc.constantFrom('command', 'task'),
    argv: list(text(200)),
    shell: fc.boolean(),
    task: text(),
    input: json,
  }),
  span: fc.record({ count: fc.integer({ min: 1, max: limits.tasksPerJob }), first: counter, step: id }),
  items: fc.constantFrom('none', 'lines', 'json'),
  cpus: real(0.01, 65_536),
  memoryBytes: real(),
  resources: dict(real()),
  labels: dict(text()),
  priority: fc.integer({ min: -limits.priority, max: limits.priority }),
  retries: fc.nat(limits.attempts),
  backoffMs: real(),
  noRetry: fc.boolean(),
  timeoutMs: maybe(real()),
  after: list(id),
  maxFails: maybe(fc.nat(limits.tasksPerJob)),
  limit: maybe(fc.integer({ min: 1, max: limits.tasksPerJob })),
  key: maybe(text()),
  env: dict(text()),
  cwd: maybe(text()),
  stdin: maybe(binary()),
  backoffFactor: real(1, 10),
  direct: fc.boolean(),
});

const version = fc.nat(65_535);
const raw = fc.oneof(json, binary(), list(json));

/** The fields of each kind. */
const fields: { [K in MessageKind]: Arbitrary<Omit<MessageOf<K>, 'kind'>> } = {
  hello: fc.record({
    protocol: text(16),
    min: version,
    max: version,
    role: fc.constantFrom('node', 'submitter', 'operator', 'viewer'),
    who: text(),
    version: text(),
  }),
  welcome: fc.record({ protocol: version, version: text(), at: real(), data: text() }),
  refuse: fc.record({ code, reason: text(200) }),
  bye: fc.record({ reason: text() }),
  join: fc.record({
    name,
    incarnation: text(),
    info,
    running: attempts,
    waiting: attempts,
    ended: attempts,
    joins: counter,
    receipt: maybe(text()),
    beatEvery: fc.integer({ min: 1, max: 60 }),
  }),
  heartbeat: fc.record({ seq: counter, seen: counter, sample }),
  started: fc.record({ attempts }),
  ended: fc.record({ outcomes: list(outcome) }),
  returned: fc.record({ attempts }),
  output: attempt.chain((key) =>
    fc.record({ stream, offset: counter, data: binary(5_000), cut: counter }).map((rest) => ({ ...key, ...rest })),
  ),
  progress: attempt.chain((key) => fc.record({ share: real(0, 1), note: text() }).map((rest) => ({ ...key, ...rest }))),
  leave: fc.record({ reason: text() }),
  leaving: fc.record({ reason: text() }),
  joined: fc.record({ name, throttle: real(0.05, 1), ticketKey: maybe(binary()), callerKey: maybe(binary(32)) }),
  beat: fc.record({ seq: counter }),
  job: fc.record({ job: id, spec }),
  assign: fc.record({
    seq: counter,
    job: id,
    tasks: list(
      fc.record({
        ordinal: fc.nat(limits.tasksPerJob - 1),
        index: counter,
        attempt: fc.nat(limits.attempts),
        item: maybe(text(200)),
      }),
    ),
  }),
  recall: fc.record({ attempts }),
  stop: fc.record({ attempts, why: text() }),
  settled: fc.record({ attempts }),
  stored: attempt.chain((key) => fc.record({ stream, offset: counter }).map((rest) => ({ ...key, ...rest }))),
  throttle: fc.record({ share: real(0.05, 1) }),
  forget: fc.record({ job: id }),
  receipt: fc.record({ receipt: text() }),
  request: fc.record({ id: counter, verb: text(32), args: raw }),
  reply: fc.record({ id: counter, value: raw }),
  fail: fc.record({ id: counter, code, message: text() }),
  item: fc.record({ id: counter, value: raw }),
  done: fc.record({ id: counter }),
  abandon: fc.record({ id: counter }),
  ready: fc.record({ id: counter, taken: counter }),
};

export const kinds = Object.keys(fields) as MessageKind[];

/** Messages of one kind. */
export function messageOf(kind: MessageKind): Arbitrary<Message> {
  return (fields[kind] as Arbitrary<object>).map((rest) => ({ kind, ...rest }) as Message);
}

/** Messages of any kind. */
export const anyMessage: Arbitrary<Message> = fc.oneof(...kinds.map(messageOf));

/** The same heartbeat always, numbered. */
export function heartbeat(seq: number): MessageOf<'heartbeat'> {
  return {
    kind: 'heartbeat',
    seq,
    seen: 7,
    sample: {
      cpu: 43.21,
      cpuOurs: 31.5,
      memoryUsed: 12_345_678_901,
      memoryOurs: 223_344_556,
      load1: 1.23,
      running: 8,
      waiting: 3,
    },
  };
}

/** Buffers become what they were before they travelled. */
export function withoutBuffers<T>(value: T): T {
  if (value instanceof Uint8Array) return new Uint8Array(value) as T;
  if (Array.isArray(value)) return value.map(withoutBuffers) as T;
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, withoutBuffers(one)])) as T;
  return value;
}
