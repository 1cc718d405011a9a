/** A journal on a disk that loses what was not synced: one group commit under way at a time, as in the real one. */
import type { Fact } from '../../model/fact.ts';
import type { Random } from '../random.ts';
import type { Plant } from './planted.ts';
import type { VirtualTime } from './virtual-time.ts';

export interface VirtualJournal {
  /** Everything written, durable or not. */
  readonly facts: readonly Fact[];
  /** Writes a batch; `then` is called when it and all before it are durable. */
  append(batch: readonly Fact[], then: () => void): void;
  /** The machine dies: of what was not synced a part from the front may still be there. Returns how many facts are lost. */
  crash(): number;
}

interface Batch {
  readonly begin: number;
  /** Facts up to and with this batch. */
  readonly end: number;
  readonly then: () => void;
}

/** `plant`: a bug to be found. */
export function virtualJournal(
  time: VirtualTime,
  random: Random,
  slowestMs: number,
  plant: Plant | null = null,
): VirtualJournal {
  const facts: Fact[] = [];
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
      return before - facts.length;
    },
  };
}
