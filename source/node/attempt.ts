/** One attempt on this node, from its assignment to the outcome that the coordinator has settled. */
import { limits } from '../model/limits.ts';
import { type Attempt, attemptId, type Outcome } from '../model/node.ts';
import type { HeldTask } from './held-task.ts';
import type { OutputStream } from './output.ts';
import type { RunEnd, Running } from './runners/runner.ts';

/** Who listens to an attempt beside the coordinator. */
export interface AttemptWatcher {
  /** A view that is valid during the call; false asks to read no more until `whenReady` was called. */
  output(stream: 1 | 2, chunk: Uint8Array, whenReady: () => void): boolean;
  /** Null: it was taken back before it began. */
  ended(outcome: Outcome | null): void;
}

export interface HeldAttempt {
  readonly id: string;
  readonly key: Attempt;
  phase: 'waiting' | 'running' | 'ended';
  /** Null only for what an earlier agent left in the spool, which has ended. */
  readonly task: HeldTask | null;
  /** ms of the clock. */
  startedAt: number;
  run: Running | null;
  /** stdout, stderr; none before the first of them is written to. */
  streams: OutputStream[];
  /** Why it was asked to end, and as what it then counts. */
  ending: { as: 'stopped' | 'timed-out'; why: string } | null;
  cancelTimeout: (() => void) | null;
  outcome: Outcome | null;
  watcher: AttemptWatcher | null;
  /** `started` has been said, or need not be. */
  startSaid: boolean;
  /** `ended` has been said on this connection. */
  endSaid: boolean;
}

export function waitingAttempt(task: HeldTask): HeldAttempt {
  return { ...blank(task), task, phase: 'waiting', outcome: null };
}

/** What an earlier agent had not got settled. */
export function endedAttempt(outcome: Outcome): HeldAttempt {
  return { ...blank(outcome), task: null, phase: 'ended', outcome, startSaid: true };
}

function blank({ job, ordinal, attempt }: Attempt) {
  return {
    id: attemptId(job, ordinal, attempt),
    key: { job, ordinal, attempt },
    startedAt: 0,
    run: null,
    streams: [],
    ending: null,
    cancelTimeout: null,
    watcher: null,
    startSaid: false,
    endSaid: false,
  };
}

/** Of a task that never began. */
export const noEnd = { exitCode: null, signal: null, result: null, cpuMs: 0, peakBytes: 0, started: false } as const;

/** Makes of how a run ended what is told of it; `now` is the clock's. */
export function outcomeOf(held: HeldAttempt, end: RunEnd, now: number): Outcome {
  const { ending } = held;
  const [stdout, stderr] = held.streams;
  const error = ending?.why ?? end.error;
  return {
    ...held.key,
    ...end,
    outcome: ending === null ? end.outcome : ending.as === 'stopped' ? 'stopped' : 'failed',
    result: ending === null ? end.result : null,
    error: error === null ? null : error.slice(0, limits.textLength),
    runMs: end.started ? Math.max(0, now - held.startedAt) : 0,
    stdoutBytes: stdout?.totalBytes ?? 0,
    stderrBytes: stderr?.totalBytes ?? 0,
  };
}
