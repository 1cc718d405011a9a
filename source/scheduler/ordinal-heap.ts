/** What can be read of a heap. */
export interface KnownOrdinals {
  readonly size: number;
  peek(): number | undefined;
  /** In ascending order. */
  sorted(): number[];
}

/** A binary heap of numbers: the smallest comes first. Holds the tasks of a job that returned to the queue. */
export interface OrdinalHeap extends KnownOrdinals {
  push(ordinal: number): void;
  pop(): number | undefined;
}

/** Returns a heap of these numbers, which are in ascending order. */
export function ordinalHeap(ascending: readonly number[] = []): OrdinalHeap {
  return new BinaryHeap(ascending);
}

/** Many jobs have one: a class, because closures would cost each job half a kilobyte. */
class BinaryHeap implements OrdinalHeap {
  #items: number[];

  constructor(ascending: readonly number[]) {
    this.#items = ascending.slice();
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): number | undefined {
    return this.#items[0];
  }

  push(ordinal: number): void {
    const items = this.#items;
    let child = items.push(ordinal) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      if ((items[parent] as number) <= ordinal) break;
      items[child] = items[parent] as number;
      child = parent;
    }
    items[child] = ordinal;
  }

  pop(): number | undefined {
    const items = this.#items;
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
  }

  sorted(): number[] {
    return this.#items.toSorted((a, b) => a - b);
  }
}

/** A heap that stays empty. */
export const noOrdinals: KnownOrdinals = ordinalHeap();
