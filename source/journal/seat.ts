/** Who may write, within one process: the part of a store that `memory` and `local` have in common. */
import { newBell } from './bell.ts';
import type { Leader, Writer } from './store.ts';

/** A term under way. */
export interface Sitting {
  readonly leader: Leader;
  /** The last batch when it began. */
  readonly head: number;
  readonly lost: AbortSignal;
}

export interface Seat {
  campaign(me: Writer, signal?: AbortSignal): Promise<Sitting>;
  seize(seen: Leader, me: Writer): Promise<Sitting | null>;
  watch(onChange: (leader: Leader | null) => void): Disposable;
  /** Ends that term, if it is the one under way. */
  leave(epoch: number): void;
  /** Ends whatever term is under way. */
  clear(): void;
}

/** Returns an empty seat. `begin` makes a term durable: the fence against all before it. */
export function emptySeat(begin: (me: Writer) => Promise<{ epoch: number; head: number }>): Seat {
  const watchers = new Set<(leader: Leader | null) => void>();
  const freed = newBell();
  let current: { leader: Leader; over: AbortController } | null = null;
  /** One after the other: who comes second sees what the first did. */
  let turn: Promise<unknown> = Promise.resolve();

  function changed(): void {
    for (const watcher of watchers) watcher(current?.leader ?? null);
  }

  async function sit(me: Writer): Promise<Sitting> {
    const { epoch, head } = await begin(me);
    current?.over.abort();
    const over = new AbortController();
    const leader = { id: me.id, address: me.address, epoch };
    current = { leader, over };
    changed();
    return { leader, head, lost: over.signal };
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  }

  function clear(): void {
    if (current === null) return;
    current.over.abort();
    current = null;
    changed();
    freed.ring();
  }

  return {
    async campaign(me, signal) {
      for (;;) {
        const left = freed.next();
        signal?.throwIfAborted();
        const sitting = await inTurn(async () => (current === null && !signal?.aborted ? sit(me) : null));
        if (sitting !== null) return sitting;
        await freed.heard(left, signal);
      }
    },
    seize: (seen, me) => inTurn(async () => (current?.leader.epoch === seen.epoch ? sit(me) : null)),
    watch(onChange) {
      watchers.add(onChange);
      queueMicrotask(() => {
        if (watchers.has(onChange)) onChange(current?.leader ?? null);
      });
      return { [Symbol.dispose]: () => void watchers.delete(onChange) };
    },
    leave(epoch) {
      if (current?.leader.epoch === epoch) clear();
    },
    clear,
  };
}
