/** Holds the attempts that the coordinator gave to this node and brings each to its end: the node's side of the protocol. */
import type { JobSpec } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { type Attempt, attemptId, type Outcome } from '../model/node.ts';
import { PassingMap } from '../model/passing-map.ts';
import type { AssignedTask, Message, MessageOf } from '../wire/messages.ts';
import { type AttemptWatcher, endedAttempt, type HeldAttempt, noEnd, outcomeOf, waitingAttempt } from './attempt.ts';
import { type AttemptRunOptions, attemptRuns } from './attempt-run.ts';
import type { Clock } from './clock.ts';
import type { HeldTask } from './held-task.ts';
import type { RunEnd, StreamNumber } from './runners/runner.ts';
import type { Spool } from './spool.ts';

export interface ExecutorOptions extends AttemptRunOptions {
  slots: number;
  spool: Spool;
  /** False while nothing new is to begin. */
  mayStart(): boolean;
  /** Is told each attempt that ended here, once. */
  ended?: ((outcome: Outcome) => void) | undefined;
  log(line: string): void;
}

/** What a node holds, as `join` says it. */
export interface Holding {
  running: Attempt[];
  waiting: Attempt[];
  ended: Attempt[];
}

/** A task that its client brought. */
export interface DirectTask {
  job: number;
  spec: JobSpec;
  /** As of the `assign` that it stands for. */
  seq: number;
  task: AssignedTask;
  watcher: AttemptWatcher;
}

export interface Executor {
  /** Takes what the coordinator says about work; ignores other messages. */
  handle(message: Message): void;
  /** Takes a task from its client; returns why not, or null. Each attempt is taken once, whichever way it comes. */
  takeDirectly(task: DirectTask): string | null;
  /** Whoever brought it does not listen any more. */
  unwatch(id: string): void;
  holding(): Holding;
  /** The last `assign` that came on this connection. */
  readonly seen: number;
  /** After `join` was said: says again what is not settled. */
  connected(): void;
  /** Starts what may start now. */
  fill(): void;
  /** What runs now, for the throttle and for those who look. */
  running(): Iterable<HeldAttempt>;
  readonly waiting: number;
  /** Ends everything: what waits is given back, what runs gets `graceMs`. Resolves when nothing runs. */
  stopAll(why: string, graceMs: number): Promise<void>;
  /** From now on what is assigned is given back. */
  close(): void;
  /** Outcomes that are not settled. */
  readonly unsettled: number;
}

/** Tasks are begun for so long, then others get their turn: each may need a process, a directory or a file of its own first. */
const beginMs = 5;

export function executor(options: ExecutorOptions): Executor {
  const { clock, reports, spool } = options;
  const runs = attemptRuns(options, { said: (held) => sayEnd(held), ended: finish });
  const specs = new Map<number, JobSpec>();
  /** In the order in which they came. */
  const waiting = new PassingMap<string, HeldAttempt>();
  const running = new PassingMap<string, HeldAttempt>();
  const ended = new PassingMap<string, HeldAttempt>();
  let free = options.slots;
  let seen = 0;
  let filling = false;
  /** Cancels the next turn's `fill`, where one is due. */
  let goOn: (() => void) | null = null;
  let closed = false;
  const whenIdle: (() => void)[] = [];
  const spent = spentTickets(clock);

  for (const { outcome, rests } of spool.ends) {
    const held = endedAttempt(outcome);
    held.streams = rests.map((rest, i) =>
      options.pump.stream(
        held.key,
        (i + 1) as StreamNumber,
        () => {}, // nobody writes any more
        () => sayEnd(held),
        rest,
      ),
    );
    ended.set(held.id, held);
  }

  function assign(message: MessageOf<'assign'>): void {
    seen = message.seq;
    const spec = specs.get(message.job);
    for (const { ordinal, index, attempt, item } of message.tasks) {
      const key = { job: message.job, ordinal, attempt };
      const id = attemptId(message.job, ordinal, attempt);
      const over = ended.get(id);
      if (over !== undefined) sayEnd(over, true);
      else if (spec === undefined || closed) reports.returned(key);
      else if (!waiting.has(id) && !running.has(id)) {
        if (spec.direct && !spent.add(id)) continue; // it came with its client, and has been settled
        const held = waitingAttempt({ ...key, index, item, spec });
        waiting.set(id, held);
      }
    }
    if (spec === undefined) options.log(`tasks of job ${message.job} came before the job: given back`);
    fill();
  }

  function takeDirectly({ job, spec, seq, task, watcher }: DirectTask): string | null {
    const id = attemptId(job, task.ordinal, task.attempt);
    if (closed) return 'this node stops: ask for another';
    if (running.has(id) || waiting.has(id) || ended.has(id) || !spent.add(id))
      return 'this ticket has been used already, or its task was taken back';
    seen = Math.max(seen, seq);
    const held = waitingAttempt({ job, ...task, spec });
    held.watcher = watcher;
    waiting.set(id, held);
    fill();
    return null;
  }

  function fill(): void {
    if (filling) return;
    filling = true;
    goOn?.();
    goOn = null;
    const until = clock.now() + beginMs;
    for (const held of waiting.values()) {
      if (!options.mayStart()) break;
      if (clock.now() > until) {
        goOn ??= clock.after(0, fill);
        break;
      }
      const { task } = held;
      if (task === null) continue;
      const { cpus } = task.spec;
      if (cpus > options.slots) tooLarge(held, cpus);
      else if (cpus > free) break;
      else begin(held, task);
    }
    filling = false;
  }

  function begin(held: HeldAttempt, task: HeldTask): void {
    waiting.delete(held.id);
    running.set(held.id, held);
    free = rounded(free - task.spec.cpus);
    runs.begin(held, task);
  }

  function finish(held: HeldAttempt, task: HeldTask, end: RunEnd): void {
    running.delete(held.id);
    ended.set(held.id, held);
    free = rounded(free + task.spec.cpus);
    held.outcome = outcomeOf(held, end, clock.now());
    keep(held, held.outcome);
    sayEnd(held);
    held.watcher?.ended(held.outcome);
    fill();
    if (running.size === 0) for (const then of whenIdle.splice(0)) then();
  }

  function tooLarge(held: HeldAttempt, cpus: number): void {
    waiting.delete(held.id);
    held.phase = 'ended';
    ended.set(held.id, held);
    const error = `needs ${cpus} slots, this node has ${options.slots}`;
    held.outcome = outcomeOf(held, { ...noEnd, outcome: 'unfit', error }, clock.now());
    keep(held, held.outcome);
    sayEnd(held);
    held.watcher?.ended(held.outcome);
  }

  function keep(held: HeldAttempt, outcome: Outcome): void {
    options.ended?.(outcome);
    spool.keep(
      outcome,
      held.streams.map((one) => one.rest()),
    );
  }

  /** Says `ended` when all output has been said before it. */
  function sayEnd(held: HeldAttempt, again = false): void {
    if (held.outcome === null || (held.endSaid && !again)) return;
    if (held.streams.every((one) => one.said)) reports.ended(held);
  }

  function recall(attempts: Attempt[]): void {
    for (const key of attempts) {
      const id = attemptId(key.job, key.ordinal, key.attempt);
      if (running.has(id) || ended.has(id)) continue;
      takeBack(id);
      reports.returned(key);
    }
    fill();
  }

  function takeBack(id: string): void {
    waiting.get(id)?.watcher?.ended(null);
    waiting.delete(id);
    spent.add(id); // its ticket may still be on its way
  }

  function stop({ attempts, why }: MessageOf<'stop'>): void {
    for (const key of attempts) {
      const id = attemptId(key.job, key.ordinal, key.attempt);
      const current = running.get(id);
      const over = ended.get(id);
      if (current !== undefined) runs.ask(current, { as: 'stopped', why });
      else if (over !== undefined) sayEnd(over, true);
      else {
        takeBack(id);
        reports.returned(key);
      }
    }
    fill();
  }

  function settled(attempts: Attempt[]): void {
    for (const { job, ordinal, attempt } of attempts) {
      const id = attemptId(job, ordinal, attempt);
      if (ended.delete(id)) spool.settle({ job, ordinal, attempt });
    }
  }

  function stored({ job, ordinal, attempt, stream, offset }: MessageOf<'stored'>): void {
    const id = attemptId(job, ordinal, attempt);
    const held = running.get(id) ?? ended.get(id);
    held?.streams[stream - 1]?.stored(offset);
  }

  return {
    handle(message) {
      switch (message.kind) {
        case 'job':
          specs.set(message.job, ownSpec(message.spec));
          break;
        case 'forget':
          specs.delete(message.job);
          break;
        case 'assign':
          assign(message);
          break;
        case 'recall':
          recall(message.attempts);
          break;
        case 'stop':
          stop(message);
          break;
        case 'settled':
          settled(message.attempts);
          break;
        case 'stored':
          stored(message);
          break;
      }
    },
    takeDirectly,
    unwatch(id) {
      const held = running.get(id) ?? waiting.get(id);
      if (held !== undefined) held.watcher = null;
    },
    holding: () => ({ running: keysOf(running), waiting: keysOf(waiting), ended: keysOf(ended) }),
    get seen() {
      return seen;
    },
    connected() {
      seen = 0;
      specs.clear();
      reports.clear();
      for (const held of [...running.values(), ...ended.values()]) {
        held.startSaid = true;
        held.endSaid = false;
        for (const one of held.streams) one.rewind();
        for (const one of held.streams) one.pump();
        sayEnd(held);
      }
      fill();
    },
    fill,
    running: () => running.values(),
    get waiting() {
      return waiting.size;
    },
    async stopAll(why, graceMs) {
      for (const { key, watcher } of waiting.values()) {
        reports.returned(key);
        watcher?.ended(null);
      }
      waiting.clear();
      const idle = running.size === 0 ? null : new Promise<void>((resolve) => whenIdle.push(resolve));
      for (const held of [...running.values()]) runs.ask(held, { as: 'stopped', why }, graceMs);
      await idle;
    },
    close() {
      closed = true;
    },
    get unsettled() {
      return ended.size;
    },
  };
}

/** Ids of attempts whose tickets are not taken (any more), for longer than a ticket lives. */
function spentTickets(clock: Clock): { add(id: string): boolean } {
  const times = new Map<string, number>();
  return {
    /** Answers false where it was there already. */
    add(id) {
      const now = clock.now();
      for (const [old, at] of times) {
        if (now - at < 10 * limits.ticketMs) break;
        times.delete(old);
      }
      if (times.has(id)) return false;
      times.set(id, now);
      return true;
    },
  };
}

/** Binary fields of messages are views of what will be something else. */
function ownSpec(spec: JobSpec): JobSpec {
  return spec.stdin === null ? spec : { ...spec, stdin: Uint8Array.from(spec.stdin) };
}

function keysOf(attempts: PassingMap<string, HeldAttempt>): Attempt[] {
  return Array.from(attempts.values(), (held) => held.key);
}

/** Sums of fractions of slots come back to what they were. */
function rounded(slots: number): number {
  return Math.round(slots * 1e6) / 1e6;
}
