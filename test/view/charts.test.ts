import { describe, expect, test } from 'vitest';
import { cells } from '../../source/view/cells.ts';
import { bar, graph, plainBar, shade, sparkline } from '../../source/view/charts.ts';
import {
  clock,
  compact,
  counted,
  dateAndClock,
  duration,
  elapsed,
  grouped,
  percent,
  rate,
  size,
} from '../../source/view/format.ts';
import fc from '../arbitrary.ts';

describe('charts', () => {
  test('a bar resolves eighths of a cell', () => {
    expect(plainBar(0, 8, 'block')).toBe('        ');
    expect(plainBar(0.5, 8, 'block')).toBe('████    ');
    expect(plainBar(0.53, 8, 'block')).toBe('████▎   ');
    expect(plainBar(1, 8, 'block')).toBe('████████');
    expect(plainBar(7, 4, 'block')).toBe('████');
    expect(plainBar(Number.NaN, 4, 'block')).toBe('    ');
    expect(plainBar(0.5, 8, 'ascii')).toBe('####    ');
  });

  test('two shares fill exactly the width', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, min: -1, max: 2 }),
        fc.double({ noNaN: true, min: -1, max: 2 }),
        fc.nat(40),
        (a, b, width) => {
          for (const glyphs of ['block', 'ascii'] as const) {
            const parts = bar(a, b, width, glyphs);
            expect(cells(parts.first) + cells(parts.edge) + cells(parts.second) + parts.rest).toBe(width);
            expect(parts.rest).toBeGreaterThanOrEqual(0);
          }
        },
      ),
    );
  });

  test('a sparkline ends with the newest, and shows the least of something', () => {
    expect(sparkline([0, 4, 8], 3, 'block')).toBe(' ▄█');
    expect(sparkline([0, 0.001, 8], 3, 'block')).toBe(' ▁█');
    expect(sparkline([8], 3, 'block')).toBe('  █');
    expect(sparkline([1, 2, 3, 4, 5, 6, 7, 8], 2, 'block')).toBe('▇█');
    expect(sparkline([0, 1, 2, 3, 4, 4], 3, 'braille')).toBe('⢀⣴⣿');
    expect(sparkline([], 3, 'braille')).toBe('   ');
    expect(sparkline([50, 100], 2, 'ascii', 100)).toBe('=#');
    expect(sparkline([1, Number.POSITIVE_INFINITY], 2, 'block')).toBe('▁█');
  });

  test('a graph is its height and width, whatever the values', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double()),
        fc.integer({ min: 0, max: 20 }),
        fc.integer({ min: 1, max: 6 }),
        (values, width, height) => {
          for (const glyphs of ['braille', 'block', 'ascii'] as const) {
            const rows = graph(values, width, height, glyphs);
            expect(rows).toHaveLength(height);
            for (const row of rows) expect(cells(row)).toBe(width);
          }
        },
      ),
    );
  });

  test('a shade is never nothing', () => {
    expect(shade(0, 'block')).toBe('▁');
    expect(shade(1, 'block')).toBe('█');
  });
});

describe('formats', () => {
  test('numbers', () => {
    expect([0, 999, 1_000, 1_234_567].map(grouped)).toEqual(['0', '999', '1 000', '1 234 567']);
    expect([0, 9_999, 10_000, 123_456, 9_999_999, 2e12].map(compact)).toEqual([
      '0',
      '9999',
      '10.0k',
      '123k',
      '10.0M',
      '2.0T',
    ]);
    expect([0, 0.04, 12.56, 412.2, 18_230].map(rate)).toEqual(['0', '0.0', '12.6', '412', '18.2k']);
    expect([0.4, 99.6].map(percent)).toEqual(['0', '100']);
    expect(counted(1, 'task')).toBe('1 task');
    expect(counted(1_200, 'task')).toBe('1 200 tasks');
  });

  test('durations', () => {
    expect([0, 0.84, 340, 4_120, 45_400, 372_000, 11_040_000, 198_000_000, 9e10].map(duration)).toEqual([
      '0ms',
      '0.8ms',
      '340ms',
      '4.1s',
      '45s',
      '6m12s',
      '3h04m',
      '2d07h',
      '1041d',
    ]);
    expect([-5, 900, 59_999, 60_000].map(elapsed)).toEqual(['0s', '0s', '59s', '1m00s']);
  });

  test('sizes', () => {
    expect([0, 1_023, 1_024, 1.5 * 2 ** 20, 39 * 2 ** 30, 2 ** 60].map(size)).toEqual([
      '0 B',
      '1023 B',
      '1.0 KiB',
      '1.5 MiB',
      '39.0 GiB',
      '1024 PiB',
    ]);
  });

  test('times are those of the date arithmetic of JavaScript', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8e12 }), fc.integer({ min: -840, max: 840 }), (at, offset) => {
        const iso = new Date(at + offset * 60_000).toISOString();
        expect(clock(at, offset)).toBe(iso.slice(11, 19));
        expect(clock(at, offset, true)).toBe(iso.slice(11, 23));
        if (at > 1e9) expect(dateAndClock(at, offset)).toBe(`${iso.slice(0, 10)} ${iso.slice(11, 19)}`);
      }),
    );
    expect(() => clock(Number.MAX_VALUE, 0)).not.toThrow();
  });
});
