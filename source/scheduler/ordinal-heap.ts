/** A binary heap of numbers: the smallest comes first. Holds the tasks of a job that returned to the queue. */
export interface OrdinalHeap {
  readonly size: number;
  peek(): number | undefined;
  push(ordinal: number): void;
  pop(): number | undefined;
  clear(): void;
  /** In ascending order. */
  sorted(): number[];
}

/** Returns a heap of these numbers, which are in ascending order. */
export function ordinalHeap(ascending: readonly number[] = []): OrdinalHeap {
  let items = [...ascending];
  return {
    get size() {
      return items.length;
    },
    peek: () => items[0],
    push(ordinal) {
      let child = items.push(ordinal) - 1;
      while (child > 0) {
        const parent = (child - 1) >> 1;
        if ((items[parent] as number) <= ordinal) break;
        items[child] = items[parent] as number;
        child = parent;
      }
      items[child] = ordinal;
    },
    pop() {
      const first = items[0];
      const last = items.pop();
      if (first === undefined || last === undefined || items.length === 0) return first;
      let parent = 0;
      for (;;) {
        let child = 2 * parent + 1;
        if (child >= items.length) break;
        if (child + 1 < items.length && (items[child + 1] as number) < (items[child] as number)) child++;
        if ((items[child] as number) >= last) break;
        items[parent] = items[child] as number;
        parent = child;
      }
      items[parent] = last;
      return first;
    },
    clear() {
      items = [];
    },
    sorted: () => [...items].sort((a, b) => a - b),
  };
}
