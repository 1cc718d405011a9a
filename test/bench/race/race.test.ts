import { expect, test } from 'vitest';
import { race } from './race.ts';
import type { Figures, Row, Side } from './row.ts';

/** A side that does its rounds at once; notes when it was asked. */
function side(
  name: string,
  ours: boolean,
  figures: readonly Figures[],
  order: string[],
  missing: string | null = null,
): Side {
  return {
    name,
    ours,
    tuned: '',
    missing: () => missing,
    async start() {
      let round = 0;
      return {
        async round() {
          order.push(name);
          const next = figures[round++];
          if (next === undefined) throw new Error('out of breath');
          return next;
        },
        async stop() {
          order.push(`${name} stops`);
        },
      };
    },
  };
}

function row(sides: readonly Side[]): Row {
  return {
    id: 'w0',
    title: '',
    work: '',
    measures: [
      { name: 'rate', unit: '/s', better: 'more' },
      { name: 'took', unit: 'ms', better: 'less' },
    ],
    sides,
    headlines: [],
    goals: [
      { text: 'ahead', side: 'us', measure: 'rate', over: 'them', least: 1 },
      { text: 'quick', side: 'us', measure: 'took', most: 3 },
      { text: 'of nobody', side: 'us', measure: 'rate', over: 'who', least: 1 },
    ],
  };
}

const run = (of: Row, rounds: number) => race(of, { rounds, seconds: 1, log: () => {} });

test('sides take rounds in turn, the first does not count, and ratios are those within a round', async () => {
  const order: string[] = [];
  const us = side(
    'us',
    true,
    [
      { rate: 1, took: 9 },
      { rate: 10, took: 4 },
      { rate: 30, took: 2 },
      { rate: 20, took: 4 },
    ],
    order,
  );
  const them = side(
    'them',
    false,
    [
      { rate: 99, took: 1 },
      { rate: 5, took: 2 },
      { rate: 60, took: 4 },
      { rate: 20, took: 4 },
    ],
    order,
  );
  const result = await run(row([us, them]), 3);
  expect(order).toEqual(['us', 'them', 'them', 'us', 'us', 'them', 'them', 'us', 'us stops', 'them stops']);
  expect(result.sides.map(({ figures }) => figures.rate)).toEqual([
    { median: 20, low: 10, high: 30 },
    { median: 20, low: 5, high: 60 },
  ]);
  expect(result.ratios).toEqual([
    { ours: 'us', peer: 'them', measure: 'rate', median: 1, low: 0.5, high: 2 },
    // Half the time is twice as good.
    { ours: 'us', peer: 'them', measure: 'took', median: 1, low: 0.5, high: 2 },
  ]);
  expect(result.goals).toEqual([
    { text: 'ahead', value: 1, met: true },
    { text: 'quick', value: 4, met: false },
    { text: 'of nobody', value: null, met: null },
  ]);
});

test('a side that is missing or fails is said, and the others go on', async () => {
  const order: string[] = [];
  const figures = { rate: 2, took: 1 };
  const result = await run(
    row([
      side('us', true, [figures, figures, figures], order),
      side('them', false, [figures, figures], order),
      side('who', false, [], order, 'not installed here'),
    ]),
    2,
  );
  expect(result.sides.map(({ name, skipped }) => [name, skipped])).toEqual([
    ['us', null],
    ['them', 'it failed: out of breath'],
    ['who', 'not installed here'],
  ]);
  expect(result.sides[1]?.figures).toEqual({});
  expect(result.ratios).toEqual([]);
  expect(order.filter((what) => what.endsWith('stops')).sort()).toEqual(['them stops', 'us stops']);
});
