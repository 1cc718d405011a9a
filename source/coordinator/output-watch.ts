/** Who wants to know that a task of a job wrote something or ended; the ordinal is null where it may be any. */
type Listener = (ordinal: number | null) => void;

export interface OutputWatch {
  tell(job: number, ordinal: number | null): void;
  /** Returns the way to end it. */
  watch(job: number, listener: Listener): () => void;
}

/** Returns a watch that nobody keeps yet. */
export function outputWatch(): OutputWatch {
  const watchers = new Map<number, Set<Listener>>();
  return {
    tell(job, ordinal) {
      for (const listener of watchers.get(job) ?? []) listener(ordinal);
    },
    watch(job, listener) {
      let listeners = watchers.get(job);
      if (listeners === undefined) {
        listeners = new Set();
        watchers.set(job, listeners);
      }
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
        if (listeners.size === 0) watchers.delete(job);
      };
    },
  };
}
