/** The throttle: what a node's tasks may run of each tenth of a second; the rest of it they are held. */
import type { Clock } from './clock.ts';

/** Something that can be held and let go on. */
export interface Holdable {
  hold(): void;
  release(): void;
}

export interface DutyCycle {
  /** 0.05–1; 1: nothing is ever held. */
  readonly share: number;
  set(share: number): void;
  /** Lets everything go on, and stops. */
  close(): void;
}

const periodMs = 100;

/** `targets` is asked at each turn: what runs then. */
export function dutyCycle(clock: Clock, targets: () => Iterable<Holdable>): DutyCycle {
  let share = 1;
  let cancel: (() => void) | null = null;

  function run(): void {
    for (const one of targets()) one.release();
    cancel = share < 1 ? clock.after(periodMs * share, hold) : null;
  }

  function hold(): void {
    for (const one of targets()) one.hold();
    cancel = clock.after(periodMs * (1 - share), run);
  }

  return {
    get share() {
      return share;
    },
    set(wanted) {
      share = Math.min(1, Math.max(0.05, wanted));
      cancel?.();
      run();
    },
    close() {
      share = 1;
      cancel?.();
      run();
    },
  };
}
