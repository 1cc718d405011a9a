/** The page of the comparison, and what is made for it of a result. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { expect, test } from 'vitest';
import { fullTables, shortTable } from '../bench/race/pages.ts';
import { plots } from '../bench/race/plots.ts';
import type { RowResult } from '../bench/race/row.ts';
import { type Bench, rowNames, suiteOptions } from '../bench/race/suite.ts';

const page = readFileSync(new URL('../../docs/benchmarks.md', import.meta.url), 'utf8');

test('docs/benchmarks.md runs the comparison with rows and flags that it has', () => {
  const lines = [...page.matchAll(/^npm run bench(?: -- ([^#&\n]*))?/gm)].map(([, args = '']) => args.trim());
  expect(lines.length).toBeGreaterThan(3);
  for (const line of lines) {
    const args = line.split(/\s+/).filter(Boolean);
    const { positionals } = parseArgs({ args, options: suiteOptions, allowPositionals: true });
    expect(rowNames).toEqual(expect.arrayContaining(positionals));
  }
});

const machine = { cpu: 'a CPU', cores: 2, memoryGiB: 24, system: 'linux', node: 'v24', load: 0.1, day: '2026-01-02' };
const spread = (median: number, low = median, high = median) => ({ median, low, high });
const row: RowResult = {
  ...{ id: 'w1', title: 'Tasks', work: 'What is done.', rounds: 3 },
  measures: [
    { name: 'rate', unit: 'tasks/s', better: 'more' },
    { name: 'took', unit: 'ms', better: 'less' },
  ],
  sides: [
    {
      name: 'lbtop',
      ours: true,
      tuned: 'as it comes',
      skipped: null,
      figures: { rate: spread(50_000, 40_000, 60_000), took: spread(2) },
    },
    { name: 'slow', ours: false, tuned: 'so', skipped: null, figures: { rate: spread(10_000), took: spread(1) } },
    { name: 'fast', ours: false, tuned: 'thus', skipped: null, figures: { rate: spread(100_000), took: spread(4) } },
    { name: 'nothing', ours: false, floor: true, tuned: 'no work', skipped: null, figures: { rate: spread(1e6) } },
    { name: 'absent', ours: false, tuned: '', skipped: 'not installed here: apt-get install absent', figures: {} },
  ],
  ratios: [
    { ours: 'lbtop', peer: 'slow', measure: 'rate', ...spread(5) },
    { ours: 'lbtop', peer: 'fast', measure: 'rate', ...spread(0.5, 0.4, 0.6) },
    { ours: 'lbtop', peer: 'nothing', measure: 'rate', ...spread(0.05) },
    { ours: 'lbtop', peer: 'slow', measure: 'took', ...spread(0.5) },
    { ours: 'lbtop', peer: 'fast', measure: 'took', ...spread(2) },
  ],
  goals: [
    { text: 'ahead of fast', value: 0.5, met: false },
    { text: 'ahead of absent', value: null, met: null },
  ],
  headlines: [
    ['lbtop', 'rate'],
    ['lbtop', 'took'],
  ],
};

test('the short table sets ours beside the best of the others, whichever way that falls', () => {
  const lines = shortTable({ machine, rows: [row] }).split('\n');
  expect(lines).toContain('| W1 Tasks: tasks/s | 50,000 | fast: 100,000 | 0.5 (0.4 to 0.6) |');
  expect(lines).toContain('| W1 Tasks: ms | 2 | slow: 1 | 0.5 |');
});

test('the full page has every side, its setting, every ratio, every aim, and who was left out', () => {
  const text = fullTables({ machine, rows: [row] });
  for (const wanted of [
    '| **lbtop** | 50,000 (40,000 to 60,000) | 2 |',
    '| lbtop : fast | 0.5 (0.4 to 0.6) | 2 |',
    '- ahead of fast: no, 0.5',
    '- ahead of absent: not measured',
    '- fast: thus',
    'Left out: absent: not installed here: apt-get install absent',
  ])
    expect(text).toContain(wanted);
});

test('a picture has a point for each measured size', () => {
  const sized = (count: string, cpu: number) => ({
    ...{ name: `lbtop, ${count} nodes`, ours: true, tuned: '', skipped: null },
    figures: { cpu: spread(cpu) },
  });
  const bench: Bench = {
    machine,
    rows: [{ ...row, id: 'w7', sides: [sized('100', 1), sized('1,000', 4), sized('7', 9)] }],
  };
  const drawn = plots(bench);
  expect(Object.keys(drawn)).toEqual(['nodes-heartbeats.svg']);
  expect(drawn['nodes-heartbeats.svg']?.match(/<circle/g)).toHaveLength(2);
});
