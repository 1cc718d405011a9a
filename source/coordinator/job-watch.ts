/** Tells who waits for it that a job has ended, or a task of it. */
import type { Fact } from '../model/fact.ts';

export interface JobWatch {
  /** Called with facts when they are durable. */
  observe(facts: readonly Fact[]): void;
  /** Calls back each time the job ends (or is purged). Returns the way to stop that. */
  ended(job: number, listener: () => void): () => void;
  /** Calls back with the ordinal of each task that ends; null: many of them did. Returns the way to stop that. */
  taskEnded(job: number, listener: (ordinal: number | null) => void): () => void;
}

/** Returns a watch over no job. */
export function jobWatch(): JobWatch {
  const listeners = new Map<number, Set<() => void>>();
  const ofTasks = new Map<number, Set<(ordinal: number | null) => void>>();
  return {
    observe(facts) {
      if (listeners.size === 0 && ofTasks.size === 0) return;
      for (const fact of facts) {
        if (fact.kind === 'job-ended' || fact.kind === 'job-purged')
          for (const listener of listeners.get(fact.job) ?? []) listener();
        else if (fact.kind === 'ended' || fact.kind === 'job-closed')
          for (const listener of ofTasks.get(fact.job) ?? []) listener(fact.kind === 'ended' ? fact.ordinal : null);
      }
    },
    ended: (job, listener) => listen(listeners, job, listener),
    taskEnded: (job, listener) => listen(ofTasks, job, listener),
  };
}

function listen<L>(listeners: Map<number, Set<L>>, job: number, listener: L): () => void {
  let set = listeners.get(job);
  if (set === undefined) {
    set = new Set();
    listeners.set(job, set);
  }
  const mine = set;
  mine.add(listener);
  return () => {
    mine.delete(listener);
    if (mine.size === 0 && listeners.get(job) === mine) listeners.delete(job);
  };
}
