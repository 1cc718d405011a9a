/** What carries out a task. The executor knows tasks through this and nothing else. */
import type { Outcome } from '../../model/node.ts';
import type { HeldTask } from '../held-task.ts';

/** 1 stdout, 2 stderr. */
export type StreamNumber = 1 | 2;

/** How a task ended by itself. `cpuMs` and `peakBytes` are 0 where they are not known. */
export type RunEnd = Pick<
  Outcome,
  'outcome' | 'exitCode' | 'signal' | 'error' | 'result' | 'cpuMs' | 'peakBytes' | 'started'
>;

/** What a runner tells. Any of these may be called before `start` has returned. */
export interface RunEvents {
  /** It runs now, under this process group (null: none of its own). */
  started(group: number | null): void;
  /** Bytes that it wrote, a view that is valid during the call; false asks to read no more until `resume`. */
  output(stream: StreamNumber, chunk: Uint8Array): boolean;
  /** How far it is, 0–1, in its own words; handlers only. */
  progress(share: number, note: string): void;
  /** Once, last. */
  ended(end: RunEnd): void;
}

/** A task that was started. */
export interface Running {
  /**
   * Asks it to end, and forces it to after `graceMs`. A second call may only shorten that time. Answers false where it
   * has ended by itself already: its true end follows, or has been told.
   */
  stop(graceMs: number): boolean;
  /** Goes on reading a stream. */
  resume(stream: StreamNumber): void;
  /** Holds it, and lets it go on: the duty cycle's. Nothing after `stop`. */
  hold(): void;
  release(): void;
}

export interface Runner {
  /** Starts a task. Never throws: what goes wrong is an end. */
  start(task: HeldTask, events: RunEvents): Running;
  /** Ends what it keeps for itself (helpers, workers). Tasks are to be stopped before. */
  close(): void;
}

/** An end with nothing known but what is given. */
export function runEnd(given: Partial<RunEnd> & Pick<RunEnd, 'outcome'>): RunEnd {
  return { exitCode: null, signal: null, error: null, result: null, cpuMs: 0, peakBytes: 0, started: true, ...given };
}
