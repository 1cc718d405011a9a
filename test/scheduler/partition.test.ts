import { expect, test } from 'vitest';
import { attempt, expectFolded, type Fleet, fleet } from './fleet.ts';

function two(slots = 1): Fleet {
  const on = fleet('partition');
  on.join('a', { slots });
  on.join('b', { slots });
  return on;
}

/** The attempts that a node was asked for, told as given back. */
function giveBack(on: Fleet, said: readonly string[]): void {
  for (const line of said) {
    const [id, word, node] = line.split(' ') as [string, string, string];
    if (word === 'recalled') on.tell({ kind: 'returned', node, attempt: attempt(id) });
  }
}

function lengths(on: Fleet): number[] {
  return [...on.state.nodes.values()].map(({ held }) => held.size);
}

test('a job is split over the queues of the nodes at once, half to each of two', () => {
  const on = two();
  on.submit(100);
  expect(on.dispatch()).toHaveLength(100);
  expect(lengths(on)).toEqual([50, 50]);
  expectFolded(on);
});

test('moves half of the difference once it is over the threshold, and not before', () => {
  const on = two();
  on.submit(100);
  on.dispatch();
  for (let done = 0; done < 30; done++) on.end('b', `1.${2 * done + 1}#1`);
  expect(lengths(on)).toEqual([50, 20]);
  expect(on.pass(1_000, 'a', 'b')).toEqual([]);
  on.end('b', '1.61#1');
  const said = on.pass(250, 'a', 'b');
  expect(said).toHaveLength(15);
  // The ones that would have waited longest.
  expect(said[0]).toBe('1.98#1 recalled a');
  expect(on.pass(1_000, 'a', 'b')).toEqual([]);
  giveBack(on, said);
  expect(on.dispatch()).toHaveLength(15);
  expect(lengths(on)).toEqual([35, 34]);
  expect(on.state.reexecuted).toBe(0);
  expectFolded(on);
});

test('what has started stays, and what the other node could not run', () => {
  const on = fleet('partition');
  on.join('a', { slots: 40, labels: { disk: 'ssd' } });
  on.submit(40, { labels: { disk: 'ssd' } });
  on.submit(40);
  on.dispatch();
  for (let ordinal = 0; ordinal < 40; ordinal++) on.start('a', `2.${ordinal}#1`);
  on.join('b', { slots: 1 });
  expect(on.pass(500, 'a', 'b')).toEqual([]);
  on.join('c', { slots: 1, labels: { disk: 'ssd' } });
  // Half of 80 less 0; of both others b cannot take anything.
  expect(on.pass(250, 'a', 'b', 'c')).toHaveLength(40);
});

test('a node that joins gets its share, one that is paused gives all', () => {
  const on = two();
  on.submit(100);
  on.dispatch();
  on.join('c', { slots: 1 });
  giveBack(on, on.pass(250, 'a', 'b', 'c'));
  on.dispatch();
  const [a, b, c] = lengths(on) as [number, number, number];
  expect(Math.max(a, b, c) - Math.min(a, b, c)).toBeLessThanOrEqual(30);
  giveBack(on, on.tell({ kind: 'pause', node: 'a', reason: '', by: 'ana' }));
  on.dispatch();
  expect(lengths(on)[0]).toBe(0);
});

test('queues are bounded, and memory is never given twice', () => {
  const on = two();
  on.submit(5_000);
  expect(on.dispatch()).toHaveLength(2 * 1_025);
  const other = fleet('partition');
  other.join('a', { slots: 1, memoryTotal: 100 });
  other.submit(10, { memoryBytes: 40 });
  expect(other.dispatch()).toHaveLength(2);
});

test('with a discipline that makes reservations nothing waits at nodes', () => {
  const on = two();
  on.tell({ kind: 'set-policy', policy: 'partition', discipline: 'easy', by: 'ana' });
  on.submit(10);
  expect(on.dispatch()).toHaveLength(2);
  on.tell({ kind: 'set-policy', policy: 'partition', discipline: 'fifo', by: 'ana' });
  expect(on.dispatch()).toHaveLength(8);
});
