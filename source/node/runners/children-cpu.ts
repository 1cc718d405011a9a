/**
 * CPU time of children that child_process reaped: Node gives no rusage, but the agent's own /proc/self/stat counts the
 * time of all children that it has waited for. Exact (to a tick, 10 ms) where children end one at a time; where several
 * end in the same turn, the sum is exact and they share it.
 */
import { processStat } from '../process-stat.ts';

export interface ChildrenCpu {
  /** A child has just ended: calls back, in this turn, with its CPU time in ms; null where that is not known. */
  ended(then: (cpuMs: number | null) => void): void;
  /** Another child, that is no task, ended: what is measured in this turn would be wrong. */
  disturbed(): void;
}

export function childrenCpu(): ChildrenCpu {
  let before = processStat('self')?.childrenMs ?? null;
  let batch: ((cpuMs: number | null) => void)[] = [];
  let scheduled = false;
  let spoilt = false;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(settle);
  }

  function settle(): void {
    const told = batch;
    const now = processStat('self')?.childrenMs ?? null;
    const each = spoilt || now === null || before === null ? null : Math.max(0, now - before) / told.length;
    before = now;
    batch = [];
    spoilt = false;
    scheduled = false;
    for (const then of told) then(each);
  }

  return {
    ended(then) {
      batch.push(then);
      schedule();
    },
    disturbed() {
      spoilt = true;
      schedule();
    },
  };
}
