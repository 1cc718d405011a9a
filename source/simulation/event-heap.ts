/**
 * The virtual clock: what is to happen, ordered by time, at equal times by kind, at equal kinds by number. A binary heap
 * over two arrays of numbers; nothing is allocated for an event.
 */
export interface EventHeap {
  readonly size: number;
  push(at: number, kind: number, number: number): void;
  /** Takes the next event out: its time, kind and number are then in `at`, `kind`, `number`. False where there is none. */
  pop(): boolean;
  readonly at: number;
  readonly kind: number;
  readonly number: number;
}

/** Kinds are below 2^20, numbers below 2^32: together they are exact in a double. */
const numbers = 0x1_0000_0000;

/** Returns a heap with nothing in it. */
export function eventHeap(): EventHeap {
  const times: number[] = [];
  const orders: number[] = [];
  let at = 0;
  let order = 0;

  const before = (i: number, time: number, rank: number) => {
    const other = times[i] as number;
    return other < time || (other === time && (orders[i] as number) < rank);
  };

  function put(i: number, time: number, rank: number): void {
    times[i] = time;
    orders[i] = rank;
  }

  return {
    get size() {
      return times.length;
    },
    get at() {
      return at;
    },
    get kind() {
      return Math.floor(order / numbers);
    },
    get number() {
      return order % numbers;
    },
    push(time, kind, number) {
      const rank = kind * numbers + number;
      let child = times.length;
      times.push(time);
      orders.push(rank);
      while (child > 0) {
        const parent = (child - 1) >> 1;
        if (before(parent, time, rank)) break;
        put(child, times[parent] as number, orders[parent] as number);
        child = parent;
      }
      put(child, time, rank);
    },
    pop() {
      if (times.length === 0) return false;
      at = times[0] as number;
      order = orders[0] as number;
      const time = times.pop() as number;
      const rank = orders.pop() as number;
      const { length } = times;
      if (length === 0) return true;
      let parent = 0;
      for (;;) {
        let child = 2 * parent + 1;
        if (child >= length) break;
        if (child + 1 < length && before(child + 1, times[child] as number, orders[child] as number)) child++;
        if (!before(child, time, rank)) break;
        put(parent, times[child] as number, orders[child] as number);
        parent = child;
      }
      put(parent, time, rank);
      return true;
    },
  };
}
