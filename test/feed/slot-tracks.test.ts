import { expect, test } from 'vitest';
import { type Ran, type SlotTracks, slotTracks } from '../../source/feed/slot-tracks.ts';

function tracked(): {
  tracks: SlotTracks;
  ran: Ran[];
  opened: number[];
  start: (key: string, at: number, cpus?: number) => void;
} {
  const ran: Ran[] = [];
  const opened: number[] = [];
  const tracks = slotTracks({ opened: (_, slot) => opened.push(slot), ran: (one) => ran.push(one) });
  const start = (key: string, at: number, cpus = 1): void =>
    tracks.start({ key, pid: 1, room: 2, cpus, id: { job: 1, name: key, attempt: 1 }, at });
  return { tracks, ran, opened, start };
}

const told = (ran: readonly Ran[]) => ran.map(({ id, slot, since, until }) => [id.name, slot, since, until]);
const end = (at: number, runMs: number | null = null) => ({ at, runMs, how: 'succeeded' });

test('a start that is told before the end that made room for it waits for that end', () => {
  const { tracks, ran, opened, start } = tracked();
  start('a', 0);
  start('b', 0);
  start('c', 100);
  start('d', 101);
  tracks.end('b', end(104, 98));
  tracks.end('a', end(110));
  tracks.end('c', end(150, 50));
  tracks.end('d', end(160, 40));
  expect(told(ran)).toEqual([
    ['b', 2, 0, 98],
    ['a', 1, 0, 110],
    ['c', 2, 100, 150],
    ['d', 1, 110, 141],
  ]);
  expect(opened).toEqual([1, 2]);
});

test('also where its own end comes before', () => {
  const { tracks, ran, start } = tracked();
  start('a', 0);
  start('b', 0);
  start('short', 50);
  tracks.end('short', end(60, 10));
  expect(tracks.has('short')).toBe(true);
  tracks.end('a', end(61, 49));
  expect(told(ran)).toEqual([
    ['a', 1, 0, 49],
    ['short', 1, 50, 60],
  ]);
  expect(tracks.has('short')).toBe(false);
});

test('tasks of half a CPU have four tracks, one of two CPUs has one to itself', () => {
  const { tracks, ran, opened, start } = tracked();
  for (const key of ['a', 'b', 'c', 'd']) start(key, 0, 0.5);
  expect(opened).toEqual([1, 2, 3, 4]);
  start('large', 5, 2);
  for (const key of ['a', 'b', 'c', 'd']) tracks.end(key, end(10));
  tracks.end('large', end(30));
  expect(told(ran).at(-1)).toEqual(['large', 1, 10, 30]);
});

test('what nobody saw the end of ends when it is said, each once', () => {
  const { tracks, ran, start } = tracked();
  for (const key of ['a', 'b', 'c', 'c']) start(key, 0);
  tracks.endAll(90, 'not recorded');
  expect(ran.map(({ id, end }) => [id.name, end])).toEqual([
    ['a', 'not recorded'],
    ['b', 'not recorded'],
    ['c', 'not recorded'],
  ]);
  tracks.endAll(95, 'still running');
  expect(ran).toHaveLength(3);
});
