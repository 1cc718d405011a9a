/**
 * A journal on a disk that loses what was not synced: one group commit under way at a time, and a snapshot of the state
 * now and then, as in the real one. Recovery is the last snapshot and the facts after it.
 */
import type { Fact } from '../../model/fact.ts';
import { apply } from '../../scheduler/apply.ts';
import { restoreSnapshot, type Snapshot, takeSnapshot } from '../../scheduler/snapshot.ts';
import { emptyState, type State } from '../../scheduler/state.ts';
import type { Random } from '../random.ts';
import type { Plant } from './planted.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface VirtualJournal {
  /** Everything written, durable or not. */
  readonly facts: readonly Fact[];
  /** Writes a batch; `then` is called when it and all before it are durable. */
  append(batch: readonly Fact[], then: () => void): void;
  /** Keeps a snapshot of the state that all facts so far lead to, where enough have come since the last one. */
  offer(state: State): void;
  /** Returns the state that the last snapshot and the facts after it lead to. */
  recover(): State;
  /** The machine dies: of what was not synced a part from the front may still be there. Returns how many facts are lost. */
  crash(): number;
}

interface Batch {
  readonly begin: number;
  /** Facts up to and with this batch. */
  readonly end: number;
  readonly then: () => void;
}

const factsASnapshot = 200;

/** `plant`: a bug to be found. */
export function virtualJournal(
  time: VirtualTime,
  random: Random,
  slowestMs: number,
  plant: Plant | null = null,
): VirtualJournal {
  const facts: Fact[] = [];
  /** Ascending. One of facts that a crash takes away is gone with them. */
  let snapshots: { readonly end: number; readonly snapshot: Snapshot }[] = [];
  let waiting: Batch[] = [];
  let underWay: Batch[] = [];
  let life = 0;

  function sync(): void {
    underWay = waiting;
    waiting = [];
    const begunIn = life;
    time.after(random.unit() * slowestMs, () => {
      if (life !== begunIn) return;
      const done = underWay;
      underWay = [];
      if (waiting.length > 0) sync();
      if (plant !== 'early words') for (const { then } of done) then();
    });
  }

  return {
    facts,
    append(batch, then) {
      const begin = facts.length;
      facts.push(...batch);
      waiting.push({ begin, end: facts.length, then });
      if (underWay.length === 0) sync();
      if (plant === 'early words') then();
    },
    offer(state) {
      if (facts.length - (snapshots.at(-1)?.end ?? 0) < factsASnapshot) return;
      const durable = underWay[0]?.begin ?? facts.length;
      // Of the durable ones only the last is ever read.
      const last = snapshots.findLastIndex(({ end }) => end <= durable);
      snapshots = [...snapshots.slice(Math.max(0, last)), { end: facts.length, snapshot: takeSnapshot(state) }];
    },
    recover() {
      const last = snapshots.at(-1);
      const state = last === undefined ? emptyState() : restoreSnapshot(last.snapshot);
      for (let at = last?.end ?? 0; at < facts.length; at++) apply(state, facts[at] as Fact);
      return state;
    },
    crash() {
      life++;
      const unsynced = [...underWay, ...waiting];
      underWay = [];
      waiting = [];
      const lost = unsynced[random.below(unsynced.length + 1)];
      const before = facts.length;
      // A batch that is cut in the middle fails its checksum and is gone as a whole.
      if (lost !== undefined) facts.length = lost.begin;
      if (plant === 'short journal') facts.length = Math.max(1, facts.length - 1);
      snapshots = snapshots.filter(({ end }) => end <= facts.length);
      return before - facts.length;
    },
  };
}
