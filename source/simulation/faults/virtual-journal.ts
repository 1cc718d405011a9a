/**
 * A journal on a disk that loses what was not synced when the machine dies, and what was not written when only its process
 * does. One sync is under way at a time, and a snapshot of the state is taken now and then, as in the real one. Recovery is
 * the last snapshot and the facts after it.
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
  /** Writes a batch; `written` is called when it and all before it survive the process, `durable` when they survive the machine. */
  append(batch: readonly Fact[], written: () => void, durable: () => void): void;
  /** Calls once, when a crash costs most: while what is appended next is on its way to the disk, or the next work is written. */
  nextUnderWay(to: 'memory' | 'disk', then: () => void): void;
  /** Keeps a snapshot of the state that all facts so far lead to, where enough have come since the last one. */
  offer(state: State): void;
  /** Returns the state that the last snapshot and the facts after it lead to. */
  recover(): State;
  /** The process dies, or the machine: of what does not survive that a part from the front may still be there. Returns what is lost. */
  crash(of: 'process' | 'machine'): readonly Fact[];
}

interface Batch {
  readonly begin: number;
  /** Facts up to and with this batch. */
  readonly end: number;
  written: boolean;
  readonly durable: () => void;
}

const factsASnapshot = 200;
/** Of the time that the disk takes at most: from an append to its end in the memory of the machine. */
const writeShare = 0.1;

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
  const slowestWriteMs = slowestMs * writeShare;
  let watcher: { readonly to: 'memory' | 'disk'; readonly then: () => void } | null = null;
  let writtenAt = 0;
  let unwritten: Batch[] = [];
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
      if (plant !== 'early words') for (const { durable } of done) durable();
    });
  }

  return {
    facts,
    append(batch, written, durable) {
      const begunIn = life;
      const begin = facts.length;
      facts.push(...batch);
      const one: Batch = { begin, end: facts.length, written: false, durable };
      // In order, as one thread does it.
      writtenAt = Math.max(writtenAt, time.now + random.unit() * slowestWriteMs);
      time.after(writtenAt - time.now, () => {
        if (life !== begunIn) return;
        one.written = true;
        waiting.push(one);
        if (plant !== 'early words') written();
        if (underWay.length === 0) sync();
      });
      unwritten = unwritten.filter((batch) => !batch.written);
      unwritten.push(one);
      if (watcher?.to === 'disk' || (watcher !== null && batch.some(({ kind }) => kind === 'assigned'))) {
        time.after(random.unit() * (watcher.to === 'disk' ? slowestMs : slowestWriteMs), watcher.then);
        watcher = null;
      }
      if (plant !== 'early words') return;
      written();
      durable();
    },
    offer(state) {
      if (facts.length - (snapshots.at(-1)?.end ?? 0) < factsASnapshot) return;
      const durable = underWay[0]?.begin ?? waiting[0]?.begin ?? unwritten[0]?.begin ?? facts.length;
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
    nextUnderWay(to, then) {
      watcher = { to, then };
    },
    crash(of) {
      life++;
      const lasting = unwritten.filter((batch) => !batch.written);
      unwritten = [];
      const unsynced = of === 'process' ? lasting : [...underWay, ...waiting, ...lasting];
      underWay = [];
      waiting = [];
      const lost = unsynced[random.below(unsynced.length + 1)];
      // A batch that is cut in the middle fails its checksum and is gone as a whole.
      const left = lost === undefined ? facts.length : lost.begin;
      const gone = facts.splice(plant === 'short journal' ? Math.max(1, left - 1) : left);
      snapshots = snapshots.filter(({ end }) => end <= facts.length);
      return gone;
    },
  };
}
