/** Time for the agent, so that tests can drive it. */
export interface Clock {
  /** ms of a monotonic clock; only differences mean anything. */
  now(): number;
  /** Calls `then` once after `ms`; returns what cancels it. */
  after(ms: number, then: () => void): () => void;
}

/** The longest that a timer of Node can wait. */
const longestTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  after(ms, then) {
    let timer: NodeJS.Timeout;
    const wait = (restMs: number): void => {
      if (restMs <= longestTimerMs) timer = setTimeout(then, restMs);
      else timer = setTimeout(wait, longestTimerMs, restMs - longestTimerMs);
    };
    wait(ms);
    return () => clearTimeout(timer);
  },
};

/** `250ms`, `5s`, `1.5s`: a duration as its user wrote it. */
export function durationText(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)}ms` : `${Number((ms / 1_000).toFixed(3))}s`;
}
