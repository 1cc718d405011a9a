/** Time as the scheduler sees it. */
export interface Clock {
  /** ms since the epoch. Never runs backwards, also not when somebody sets the machine's clock. */
  now(): number;
}

/** Returns a clock that starts at the machine's time (or at `notBefore`, where that is later) and then runs by the monotonic one. */
export function monotonicClock(notBefore = 0): Clock {
  const offset = Math.max(Date.now(), notBefore) - performance.now();
  // Whole tenths of ms: enough for every figure, and shorter in traces.
  return { now: () => Math.round((offset + performance.now()) * 10) / 10 };
}
