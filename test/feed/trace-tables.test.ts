import { describe, expect, test } from 'vitest';
import { type PageReader, pageGatherer, unpackPages } from '../../source/feed/trace-pages.ts';
import { PagedTable, packTable, touchAll, touchRow, trackTable, unpackTable } from '../../source/feed/trace-tables.ts';
import { noCounts, TaskTable } from '../../source/scheduler/task-table.ts';
import { numbers } from './trace-session.ts';

/** A store of pages, and how many were read of it. */
function store() {
  const gatherer = pageGatherer();
  const blocks = new Map<number, unknown[]>();
  const read: PageReader = ({ block, place }) => {
    store.reads++;
    return blocks.get(block)?.[place];
  };
  const store = {
    gatherer,
    read,
    reads: 0,
    keep() {
      for (const { number, payload } of gatherer.take()) blocks.set(number, unpackPages(payload));
    },
  };
  return store;
}

describe('a table whose rows are read when they are needed', () => {
  test('is a table in every respect', () => {
    // A member that were not overridden would answer from an empty table. A snapshot is made of `chunks` and `rest`.
    const inherited = ['constructor', 'rest', 'snapshot'];
    const members = Object.getOwnPropertyNames(TaskTable.prototype).filter((name) => !inherited.includes(name));
    for (const name of members) expect(Object.hasOwn(PagedTable.prototype, name), name).toBe(true);
  });

  test('is the table that it was taken of, after any changes on both', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = numbers(seed);
      const count = 129 + Math.floor(random() * 5_000);
      const live = new TaskTable(count);
      const track = trackTable(live);
      const pages = store();
      const change = (table: TaskTable, ordinal: number, at: number): void => {
        table.setState(ordinal, 'running');
        table.set(ordinal, 'startedAt', at);
        table.set(ordinal, 'attempt', (table.get(ordinal, 'attempt') + 1) % 100);
        table.setError(ordinal, at % 3 === 0 ? `error ${at}` : null);
      };
      let packed: unknown = null;
      for (let keyframe = 0; keyframe < 4; keyframe++) {
        for (let i = 0; i < 30; i++) {
          const ordinal = Math.floor(random() * count);
          change(live, ordinal, i);
          touchRow(track, ordinal);
        }
        if (keyframe === 2 && seed % 2 === 0) {
          live.endQueued('cancelled', 77);
          touchAll(track);
        }
        packed = packTable(live, { ...noCounts(), ...live.countStates() }, track, pages.gatherer);
        pages.keep();
      }
      const { tasks, counts } = unpackTable(count, JSON.parse(JSON.stringify(packed)), pages.read);
      expect(pages.reads).toBe(0);
      expect(counts).toEqual(live.countStates());
      expect(tasks.rest).toEqual(live.rest);
      for (let i = 0; i < 20; i++) {
        const ordinal = Math.floor(random() * count);
        expect(tasks.state(ordinal)).toBe(live.state(ordinal));
        expect(tasks.get(ordinal, 'startedAt')).toBe(live.get(ordinal, 'startedAt'));
        expect(tasks.error(ordinal)).toBe(live.error(ordinal));
      }
      for (const table of [tasks, live]) {
        const again = numbers(seed + 99);
        for (let i = 0; i < 20; i++) change(table, Math.floor(again() * count), 1_000 + i);
      }
      expect(tasks.endQueued('skipped', 5)).toBe(live.endQueued('skipped', 5));
      expect(tasks.countStates()).toEqual(live.countStates());
      expect(tasks.chunks()).toEqual(live.chunks());
      expect(tasks.snapshot()).toEqual(live.snapshot());
    }
  });

  test('reads only the rows that are asked for', () => {
    const live = new TaskTable(100_000);
    for (let ordinal = 0; ordinal < 100_000; ordinal++) live.setState(ordinal, 'succeeded');
    const pages = store();
    const packed = packTable(live, { ...noCounts(), ...live.countStates() }, trackTable(live), pages.gatherer);
    pages.keep();
    const { tasks } = unpackTable(100_000, packed, pages.read);
    expect(tasks.state(50_000)).toBe('succeeded');
    expect(pages.reads).toBe(8);
  });

  test('whose rows cannot be read has those of tasks that nothing is known of', () => {
    const live = new TaskTable(1_000);
    live.setState(3, 'failed');
    const track = trackTable(live);
    const pages = store();
    const packed = packTable(live, { ...noCounts(), ...live.countStates() }, track, pages.gatherer);
    const { tasks } = unpackTable(1_000, packed, () => {
      throw new Error('damaged');
    });
    expect(tasks.state(3)).toBe('queued');
  });
});
