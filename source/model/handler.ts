/** What a file of handlers exports, as its author sees it. */
import type { Json } from './shape.ts';

/** What a handler is told beside its input, and what it can say while it works. */
export interface HandlerContext {
  /** Aborted when the task is cancelled, has run longer than its `--timeout`, or its node stops; 10 s later its process is killed. */
  readonly signal: AbortSignal;
  /** Says how far it is: a share from 0 to 1, and a few words. Costs next to nothing: what comes too often is left out. */
  progress(share: number, note?: string): void;
  /** Writes a line to the task's stdout, as `console.log` does; `log.error` to its stderr. Waits while nobody takes what was written. */
  readonly log: Log;
  /** 1 at the first dispatch of the task, and greater at each that follows. */
  readonly attempt: number;
  /** `7.12` */
  readonly task: string;
  /** The task's number in its job. */
  readonly index: number;
  /** The name of the node that it runs on. */
  readonly node: string;
}

/** Takes what `console.log` takes. */
export interface Log {
  (...values: unknown[]): void;
  error(...values: unknown[]): void;
}

/**
 * A JavaScript task: takes the task's input, gives its result, both JSON. What it throws fails the task. `undefined`
 * counts as null.
 */
export type Handler<Input = Json, Result = Json | undefined> = (
  input: Input,
  context: HandlerContext,
) => Result | Promise<Result>;
