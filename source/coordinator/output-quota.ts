import type { Outputs } from './outputs.ts';

/**
 * Outputs of which each job keeps at most so many bytes: what comes beyond is counted and marked as cut, as a stream's own
 * quota does it. Counted from the coordinator's start on, what is said again after a broken connection too.
 */
export function quotaOutputs(outputs: Outputs, bytesPerJob: number): Outputs {
  const kept = new Map<number, number>();
  return {
    ...outputs,
    append(attempt, stream, offset, data, cut, stored) {
      const before = kept.get(attempt.job) ?? 0;
      const room = Math.min(data.length, bytesPerJob - before);
      if (room > 0) kept.set(attempt.job, before + room);
      outputs.append(attempt, stream, offset, data.subarray(0, room), data.length - room + cut, stored);
    },
    forget(job) {
      kept.delete(job);
      outputs.forget(job);
    },
  };
}
