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
  /** By the number that the heap has; what is done leaves a hole. */
  const deeds: ((() => void) | undefined)[] = [];
  let now = 0;
  return {
    get now() {
      return now;
    },
    after(ms, deed) {
      heap.push(now + ms, 0, deeds.length);
      deeds.push(deed);
    },
    pass(until, over) {
      while (heap.pop()) {
        const { at, number } = heap;
        if (at > until) {
          heap.push(at, 0, number);
          break;
        }
        now = at;
        const deed = deeds[number];
        deeds[number] = undefined;
        deed?.();
        if (over?.()) return true;
      }
      now = Math.max(now, until);
      return false;
    },
  };
}
