/**
 * A node as the protocol describes it, in a few lines: it keeps what it runs over broken connections, says each end until
 * it is settled, and may crash. What it was told and did is the truth that the scheduler's word is checked against.
 */
import type { Attempt, NodeInfo, Outcome } from '../../source/model/node.ts';
import { attemptId } from '../../source/model/node.ts';
import type { Dice } from './dice.ts';
import { outcome } from './fleet.ts';

/** What the coordinator says to a node. */
export type Order =
  | { kind: 'assign'; attempt: Attempt; number: number; cpus: number; noRetry: boolean }
  | { kind: 'recall' | 'stop' | 'settled'; attempt: Attempt };

/** What a node says. */
export type Report =
  | { kind: 'started' | 'returned'; attempt: Attempt }
  | { kind: 'outcome'; outcome: Outcome }
  | { kind: 'heartbeat'; seen: number; cpu: number };

interface Task {
  attempt: Attempt;
  cpus: number;
  noRetry: boolean;
  stopping: boolean;
  startedAt: number;
}

export class WorldNode {
  readonly name: string;
  readonly info: NodeInfo;
  /** Grows with each process. */
  process = 0;
  alive = true;
  /** It does not connect again before this instant. */
  awayUntil = 0;
  waiting: Task[] = [];
  running: Task[] = [];
  /** Not yet settled. */
  ended: Outcome[] = [];
  seen = 0;
  readonly #dice: Dice;
  /** Called when an attempt begins. */
  readonly #began: (attempt: Attempt, noRetry: boolean) => void;

  constructor(name: string, info: NodeInfo, dice: Dice, began: (attempt: Attempt, noRetry: boolean) => void) {
    this.name = name;
    this.info = info;
    this.#dice = dice;
    this.#began = began;
  }

  /** Takes an order; returns what it says to it. */
  take(order: Order): Report[] {
    const { attempt } = order;
    const same = (task: Task) => idOf(task.attempt) === idOf(attempt);
    const waiting = this.waiting.find(same);
    const running = this.running.find(same);
    const ended = this.ended.some((one) => idOf(one) === idOf(attempt));
    switch (order.kind) {
      case 'assign':
        if (waiting !== undefined || running !== undefined || ended)
          throw new Error(`${this.name} was given ${idOf(attempt)} twice`);
        this.seen = order.number;
        this.waiting.push({ ...order, stopping: false, startedAt: 0 });
        return [];
      case 'recall':
        if (waiting === undefined) return [];
        this.waiting = this.waiting.filter((task) => task !== waiting);
        return [{ kind: 'returned', attempt }];
      case 'stop':
        if (running !== undefined) running.stopping = true;
        else if (waiting !== undefined) {
          this.waiting = this.waiting.filter((task) => task !== waiting);
          return [this.#end(attempt, { outcome: 'stopped', started: false })];
        } else if (!ended) return [{ kind: 'returned', attempt }];
        return [];
      case 'settled':
        this.ended = this.ended.filter((one) => idOf(one) !== idOf(attempt));
        return [];
    }
  }

  /** Begins, or fails to begin, the next task that has room. */
  start(at: number): Report[] {
    const [task] = this.waiting;
    const used = this.running.reduce((sum, { cpus }) => sum + cpus, 0);
    if (task === undefined || used + task.cpus > this.info.slots) return [];
    this.waiting.shift();
    if (this.#dice.chance(0.02)) return [this.#end(task.attempt, { outcome: 'unfit', started: false })];
    this.#began(task.attempt, task.noRetry);
    task.startedAt = at;
    this.running.push(task);
    // A short task may be told with its end alone.
    return this.#dice.chance(0.3) ? [] : [{ kind: 'started', attempt: task.attempt }];
  }

  /** Something that runs ends. */
  finish(at: number): Report[] {
    if (this.running.length === 0) return [];
    const [task] = this.running.splice(this.#dice.below(this.running.length), 1) as [Task];
    const runMs = at - task.startedAt;
    if (task.stopping && this.#dice.chance(0.8)) return [this.#end(task.attempt, { outcome: 'stopped', runMs })];
    const failed = this.#dice.chance(0.1);
    return [this.#end(task.attempt, { outcome: failed ? 'failed' : 'succeeded', exitCode: failed ? 1 : 0, runMs })];
  }

  /** The process dies and another begins; ends that it had written down may still be there. */
  crash(): void {
    this.process++;
    this.running = [];
    this.waiting = [];
    if (this.#dice.chance(0.5)) this.ended = [];
  }

  #end(attempt: Attempt, given: Partial<Outcome>): Report {
    const end = outcome(idOf(attempt).replace(/\.(\d+)$/, '#$1'), given);
    this.ended.push(end);
    return { kind: 'outcome', outcome: end };
  }
}

export function idOf({ job, ordinal, attempt }: Attempt): string {
  return attemptId(job, ordinal, attempt);
}
