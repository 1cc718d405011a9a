/** A coordinator in memory: the whole agent is driven by messages, and everything that it says is kept. */
import { type JobSpec, jobSpec, type Work } from '../../source/model/job.ts';
import { type Attempt, attemptId, type Outcome } from '../../source/model/node.ts';
import { type Agent, type AgentOptions, startAgent } from '../../source/node/agent.ts';
import type { Dial } from '../../source/node/link.ts';
import { decode, encode } from '../../source/wire/codec.ts';
import type { ConnectionEvents } from '../../source/wire/connection.ts';
import type { Message, MessageKind, MessageOf } from '../../source/wire/messages.ts';

export interface FakeCoordinator {
  readonly dial: Dial;
  /** Everything that was said on all connections, in order. */
  readonly heard: Message[];
  /** Connections so far. */
  readonly connections: number;
  /** What is said to a dial until it is null again: an error to reject with. */
  failWith: Error | null;
  /** Answer `join` by `joined`, `ended` by `settled`, `output` by `stored`. All true at first. */
  auto: { joined: boolean; settled: boolean; stored: boolean };
  backlogBytes: number;
  say(...messages: Message[]): void;
  /** Breaks the connection. */
  cut(reason?: string): void;
  drained(): void;
  of<K extends MessageKind>(kind: K): MessageOf<K>[];
  outcomes(): Outcome[];
  /** Output of an attempt, joined by offset; throws on a gap or a contradiction. */
  output(of: Attempt, stream: 1 | 2): Buffer;
}

export function fakeCoordinator(): FakeCoordinator {
  let events: ConnectionEvents | null = null;
  let connections = 0;
  const heard: Message[] = [];

  function take(message: Message): void {
    // Over the real codec: nothing may travel that the protocol does not allow.
    const [copy] = decode(Buffer.from(encode([message])).subarray(0)) as [Message];
    heard.push(copy);
    if (copy.kind === 'join' && fake.auto.joined)
      fake.say({ kind: 'joined', name: copy.name, throttle: copy.info.throttle, ticketKey: null, callerKey: null });
    if (copy.kind === 'heartbeat') fake.say({ kind: 'beat', seq: copy.seq });
    if (copy.kind === 'ended' && fake.auto.settled)
      fake.say({
        kind: 'settled',
        attempts: copy.outcomes.map(({ job, ordinal, attempt }) => ({ job, ordinal, attempt })),
      });
    if (copy.kind === 'output' && fake.auto.stored) {
      const { job, ordinal, attempt, stream, offset, data } = copy;
      fake.say({ kind: 'stored', job, ordinal, attempt, stream, offset: offset + data.length });
    }
  }

  const fake: FakeCoordinator = {
    async dial(options) {
      if (fake.failWith !== null) throw fake.failWith;
      connections++;
      events = options.events;
      let open = true;
      const mine = options.events;
      const end = (reason: string): void => {
        if (!open) return;
        open = false;
        if (events === mine) events = null;
        setImmediate(() => mine.closed(reason));
      };
      return {
        address: `memory:${options.port}`,
        send: (message) => {
          if (open) take(message);
        },
        get backlogBytes() {
          return fake.backlogBytes;
        },
        get open() {
          return open;
        },
        close: end,
        destroy: end,
      };
    },
    heard,
    get connections() {
      return connections;
    },
    failWith: null,
    auto: { joined: true, settled: true, stored: true },
    backlogBytes: 0,
    say(...messages) {
      const to = events;
      if (to === null) throw new Error('nobody is connected');
      setImmediate(() => {
        if (events !== to) return;
        to.heard?.();
        to.messages(messages);
      });
    },
    cut(reason = 'cut by the test') {
      const was = events;
      events = null;
      was?.closed(reason);
    },
    drained: () => events?.drained?.(),
    of: (kind) => heard.filter((message) => message.kind === kind) as never,
    outcomes: () => fake.of('ended').flatMap((message) => message.outcomes),
    output(of, stream) {
      let all = Buffer.alloc(0);
      for (const piece of fake.of('output')) {
        if (piece.stream !== stream || idOf(piece) !== idOf(of)) continue;
        if (piece.offset > all.length) throw new Error(`gap at ${all.length}: the next piece is at ${piece.offset}`);
        const overlap = all.length - piece.offset;
        const known = all.subarray(piece.offset, piece.offset + piece.data.length);
        if (!known.equals(piece.data.subarray(0, known.length))) throw new Error(`contradiction at ${piece.offset}`);
        all = Buffer.concat([all, piece.data.subarray(overlap)]);
      }
      return all;
    },
  };
  return fake;
}

const idOf = ({ job, ordinal, attempt }: Attempt): string => attemptId(job, ordinal, attempt);

/** An agent on a coordinator in memory, joined where it answers; to be ended by `await using`. */
export async function agentOn(
  fake: FakeCoordinator,
  given: Partial<AgentOptions> = {},
): Promise<Agent & AsyncDisposable & { logged: string[] }> {
  const logged: string[] = [];
  const agent = startAgent({
    coordinators: [{ host: 'memory', port: 1 }],
    name: 'n1',
    slots: 2,
    labels: {},
    resources: {},
    throttle: 1,
    cpuLimit: null,
    onCoordinatorLost: 'finish',
    stateDir: null,
    secret: null,
    version: 'test',
    log: (line) => logged.push(line),
    dial: fake.dial,
    graceMs: 300,
    leaveGraceMs: 300,
    ...given,
  });
  if (fake.failWith === null)
    await Promise.race([until(() => fake.of('join').length > 0), agent.ended.catch(() => {})]);
  return Object.assign(agent, {
    logged,
    async [Symbol.asyncDispose]() {
      agent.kill();
      await agent.ended.catch(() => {});
    },
  });
}

let jobs = 0;

/** Says `job` and `assign` for one task of a new job (or some, by `items`); returns the attempts. */
export function give(
  fake: FakeCoordinator,
  work: Partial<Work>,
  spec: Partial<JobSpec> = {},
  items: (string | null)[] = [null],
  attempt = 1,
): Attempt[] {
  const job = ++jobs;
  const full = jobSpec({ ...spec, work: { kind: 'command', argv: [], shell: false, task: '', input: null, ...work } });
  const tasks = items.map((item, ordinal) => ({
    ordinal,
    index: full.span.first + ordinal * full.span.step,
    attempt,
    item,
  }));
  fake.say({ kind: 'job', job, spec: full }, { kind: 'assign', seq: job, job, tasks });
  return tasks.map(({ ordinal, attempt }) => ({ job, ordinal, attempt }));
}

export const command = (...argv: string[]): Partial<Work> => ({ kind: 'command', argv });
export const shell = (text: string): Partial<Work> => ({ kind: 'command', argv: [text], shell: true });
export const task = (name: string, input: Work['input'] = null): Partial<Work> => ({ kind: 'task', task: name, input });

/** Waits until `what` returns something that is not false, null or undefined; returns that. */
export async function until<T>(what: () => T | false | null | undefined, timeoutMs = 8_000): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const value = what();
    if (value !== false && value !== null && value !== undefined) return value;
    if (performance.now() > end) throw new Error(`never became true: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Waits for the (first) outcome of an attempt. */
export function outcomeOf(fake: FakeCoordinator, attempt: Attempt | undefined, timeoutMs?: number): Promise<Outcome> {
  if (attempt === undefined) throw new Error('no attempt');
  return until(() => fake.outcomes().find((one) => idOf(one) === idOf(attempt)), timeoutMs);
}
