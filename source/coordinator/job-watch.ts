/** Tells who waits for it that a job has ended, or a task of it. */
import type { Fact } from '../model/fact.ts';

export interface JobWatch {
  /** Called with facts when they are durable. */
  observe(facts: readonly Fact[]): void;
  /** Calls back each time the job ends (or is purged). Returns the way to stop that. */
  ended(job: number, listener: () => void): () => void;
}

/** Returns a watch over no job. */
export function jobWatch(): JobWatch {
  const listeners = new Map<number, Set<() => void>>();
  return {
    observe(facts) {
      if (listeners.size === 0) return;
      for (const fact of facts)
        if (fact.kind === 'job-ended' || fact.kind === 'job-purged')
          for (const listener of listeners.get(fact.job) ?? []) listener();
    },
    ended(job, listener) {
      let set = listeners.get(job);
      if (set === undefined) {
        set = new Set();
        listeners.set(job, set);
      }
      set.add(listener);
      return () => {
        set.delete(listener);
        if (set.size === 0) listeners.delete(job);
      };
    },
  };
}
