/** What a machine does with tasks: those that wait for a slot, those that run, and the ends that are kept until they are settled. */
import { type Attempt, attemptId, type Outcome } from '../../model/node.ts';
import type { Random } from '../random.ts';
import { success } from '../synthetic.ts';
import type { Order, Report } from './virtual-connection.ts';
import type { VirtualTime } from './virtual-time.ts';

export type Assign = Extract<Order, { kind: 'assign' }>;

export interface VirtualExecutor {
  /** Tasks that run, and tasks that wait for a slot. */
  readonly running: number;
  readonly waiting: number;
  /** CPUs of what runs. */
  readonly usedCpus: number;
  assign(task: Assign): void;
  recall(attempt: Attempt): void;
  stop(attempt: Attempt): void;
  settle(attempt: Attempt): void;
  /** What it has, as it says when it joins; and the ends that are on its disk. */
  holding(): { running: Attempt[]; waiting: Attempt[]; ended: Outcome[] };
  /** The machine goes away: what was not on its disk is gone. */
  lose(): void;
}

/** How a machine works; it may change. */
export interface Manner {
  /** A task takes so many times as long as it should. */
  slowness: number;
  lying: boolean;
  /** The share of ends that it tells twice. */
  toldTwice: number;
}

export interface ExecutorOptions {
  name: string;
  time: VirtualTime;
  random: Random;
  slots: number;
  /** How much more than it can run at once it may be given. */
  aheadSlots: number;
  manner: Manner;
  /** Does something after so long, unless the machine goes away before. */
  later(ms: number, deed: () => void): void;
  say(report: Report): void;
  /** A task takes its machine down. */
  poisoned(): void;
  count(what: 'told twice'): void;
  /** An attempt began. */
  began(attempt: Attempt, noRetry: boolean, node: string): void;
  /** An attempt ended well. */
  succeeded(attempt: Attempt): void;
}

interface Running {
  readonly task: Assign;
  readonly startedAt: number;
}

const spoolMs = 20;
const stopMs = 500;

/** Returns the executor of an idle machine. Throws where it is given what it must not be given (I4, I6). */
export function virtualExecutor(options: ExecutorOptions): VirtualExecutor {
  const { name, time, random, slots, manner, later, say } = options;
  let waiting: Assign[] = [];
  const running = new Map<string, Running>();
  const ended = new Map<string, { outcome: Outcome; durable: boolean }>();

  function usedCpus(): number {
    let sum = 0;
    for (const { task } of running.values()) sum += task.cpus;
    return sum;
  }

  function begin(): void {
    const [task] = waiting;
    if (task === undefined || usedCpus() + task.cpus > slots + 1e-9) return;
    waiting.shift();
    if (random.chance(0.01)) end(task.attempt, { outcome: 'unfit', started: false, exitCode: null });
    else {
      options.began(task.attempt, task.noRetry, name);
      running.set(idOf(task.attempt), { task, startedAt: time.now });
      // A short task may be told with its end alone; one that takes its node down must have been told to be blamed.
      if (task.poison || random.chance(0.8)) say({ kind: 'started', attempt: task.attempt });
      later(task.runMs * manner.slowness, () => finish(task));
    }
    begin();
  }

  function finish(task: Assign): void {
    if (!running.has(idOf(task.attempt))) return;
    if (task.poison) return options.poisoned();
    const failed = random.chance(0.1);
    end(task.attempt, { outcome: failed ? 'failed' : 'succeeded', exitCode: failed ? 1 : 0 });
  }

  function end(attempt: Attempt, given: Partial<Outcome>): void {
    const id = idOf(attempt);
    const runMs = manner.lying ? random.unit() * 1e7 : time.now - (running.get(id)?.startedAt ?? time.now);
    const kept = { outcome: { ...success(attempt, runMs), ...given }, durable: false };
    running.delete(id);
    ended.set(id, kept);
    if (kept.outcome.outcome === 'succeeded') options.succeeded(attempt);
    later(random.unit() * spoolMs, () => {
      kept.durable = true;
      say({ kind: 'outcome', outcome: kept.outcome });
      if (!random.chance(manner.toldTwice)) return;
      options.count('told twice');
      say({ kind: 'outcome', outcome: kept.outcome });
    });
    later(0, begin);
  }

  function takeBack(attempt: Attempt): boolean {
    const before = waiting.length;
    waiting = waiting.filter((task) => idOf(task.attempt) !== idOf(attempt));
    return waiting.length < before;
  }

  return {
    get running() {
      return running.size;
    },
    get waiting() {
      return waiting.length;
    },
    get usedCpus() {
      return usedCpus();
    },
    assign(task) {
      const id = idOf(task.attempt);
      if (running.has(id) || ended.has(id) || waiting.some((other) => idOf(other.attempt) === id))
        throw new Error(`I6: ${name} was given ${id} twice`);
      waiting.push(task);
      const cpus = waiting.reduce((sum, one) => sum + one.cpus, usedCpus());
      if (cpus > slots + options.aheadSlots + 1e-9)
        throw new Error(`I4: ${name} was given ${cpus} CPUs on ${slots} slots`);
      later(random.unit() * 20, begin);
    },
    recall(attempt) {
      const id = idOf(attempt);
      // Also what it never had: it was asked back before it was sent.
      if (takeBack(attempt) || !(running.has(id) || ended.has(id))) say({ kind: 'returned', attempt });
    },
    stop(attempt) {
      const id = idOf(attempt);
      if (takeBack(attempt)) end(attempt, { outcome: 'stopped', started: false, exitCode: null });
      else if (running.has(id))
        later(random.unit() * stopMs, () => {
          if (running.has(id)) end(attempt, { outcome: 'stopped', exitCode: null });
        });
      else if (!ended.has(id)) say({ kind: 'returned', attempt });
    },
    settle: (attempt) => void ended.delete(idOf(attempt)),
    holding() {
      const kept = [...ended.values()];
      // Ended, not yet on the disk: to the outside it still runs.
      const unspooled = kept.filter(({ durable }) => !durable).map(({ outcome }) => keyOf(outcome));
      return {
        running: [...[...running.values()].map(({ task }) => task.attempt), ...unspooled],
        waiting: waiting.map(({ attempt }) => attempt),
        ended: kept.filter(({ durable }) => durable).map(({ outcome }) => outcome),
      };
    },
    lose() {
      running.clear();
      waiting = [];
      for (const [id, { durable }] of ended) if (!durable) ended.delete(id);
    },
  };
}

function idOf({ job, ordinal, attempt }: Attempt): string {
  return attemptId(job, ordinal, attempt);
}

function keyOf({ job, ordinal, attempt }: Attempt): Attempt {
  return { job, ordinal, attempt };
}
