/** Time that passes when something is to happen: deeds in order of their instants, at equal instants in order of asking. */
import { eventHeap } from '../event-heap.ts';

export interface VirtualTime {
  /** ms since the beginning. */
  readonly now: number;
  after(ms: number, deed: () => void): void;
  /** Lets time pass until `until`, or until `over` says so after a deed; returns whether it did. */
  pass(until: number, over?: () => boolean): boolean;
}

export function virtualTime(): VirtualTime {
  const heap = eventHeap();
  const deeds = new Map<number, () => void>();
  let now = 0;
  let asked = 0;
  return {
    get now() {
      return now;
    },
    after(ms, deed) {
      deeds.set(asked, deed);
      heap.push(now + ms, 0, asked++);
    },
    pass(until, over) {
      while (heap.pop()) {
        const { at, number } = heap;
        if (at > until) {
          heap.push(at, 0, number);
          break;
        }
        now = at;
        const deed = deeds.get(number);
        deeds.delete(number);
        deed?.();
        if (over?.()) return true;
      }
      now = Math.max(now, until);
      return false;
    },
  };
}
