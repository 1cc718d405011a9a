/** Bars, sparklines and graphs as text: pure functions of numbers, in three sets of glyphs. */
import { type SafeText, vouched } from './safe-text.ts';

/** Braille has the finest graphs, blocks are in nearly every font, ASCII is everywhere. */
export type GlyphSet = 'braille' | 'block' | 'ascii';

const eighthsAcross = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
const eighthsUp = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const asciiUp = [' ', '.', ':', '-', '=', '+', '*', '#', '#'];
/** Dots of the left and the right column of a braille cell, from the bottom up. */
const brailleLeft = [0x40, 0x04, 0x02, 0x01];
const brailleRight = [0x80, 0x20, 0x10, 0x08];

/** The parts of a bar, for a caller that colours each. Their cells add up to the width. */
export interface Bar {
  /** Full cells of the first value. */
  first: SafeText;
  /** The cell that the first value ends in; '' where it ends between two cells. */
  edge: SafeText;
  /** Cells of the second value after the edge. */
  second: SafeText;
  /** Cells that nothing fills. */
  rest: number;
  /** The edge cell is behind its glyph the second value's. */
  edgeOnSecond: boolean;
}

/**
 * A bar of `width` cells for two shares (0–1) of one whole, the second drawn after the first.
 * Blocks resolve an eighth of a cell; ASCII draws `#` and `-`.
 */
export function bar(first: number, second: number, width: number, glyphs: GlyphSet): Bar {
  const start = clamp(first) * width;
  const end = Math.min(1, clamp(first) + clamp(second)) * width;
  if (glyphs === 'ascii') {
    const whole = Math.round(start);
    const upTo = Math.max(whole, Math.round(end));
    return {
      first: vouched('#'.repeat(whole)),
      edge: vouched(''),
      second: vouched('-'.repeat(upTo - whole)),
      rest: width - upTo,
      edgeOnSecond: false,
    };
  }
  const eighths = Math.round(start * 8);
  const whole = eighths >> 3;
  const edge = eighthsAcross[eighths & 7] as string;
  const used = whole + (edge === '' ? 0 : 1);
  const upTo = Math.max(used, Math.round(end));
  return {
    first: vouched('█'.repeat(whole)),
    edge: vouched(edge),
    second: vouched('█'.repeat(upTo - used)),
    rest: width - upTo,
    edgeOnSecond: end - start >= 0.5 && upTo > used,
  };
}

/** A bar of one share as plain text of exactly `width` cells. */
export function plainBar(share: number, width: number, glyphs: GlyphSet, rest = ' '): SafeText {
  const parts = bar(share, 0, width, glyphs);
  return vouched(parts.first + parts.edge + rest.repeat(parts.rest));
}

/**
 * One row of `width` cells; the newest value is the rightmost. Braille holds two values a cell.
 * `top` is the value that fills a cell; by default the largest.
 */
export function sparkline(values: ArrayLike<number>, width: number, glyphs: GlyphSet, top?: number): SafeText {
  return graph(values, width, 1, glyphs, top)[0] ?? vouched('');
}

/** An area graph of `height` rows (the upmost first) of `width` cells; the newest value is the rightmost. */
export function graph(
  values: ArrayLike<number>,
  width: number,
  height: number,
  glyphs: GlyphSet,
  top?: number,
): SafeText[] {
  const perCell = glyphs === 'braille' ? 2 : 1;
  const columns = width * perCell;
  const first = values.length - columns;
  const most = top ?? largest(values, Math.max(0, first));
  const steps = glyphs === 'braille' ? 4 : 8;
  /** Height of a column in steps; what is not zero shows at least one. */
  const level = (column: number): number => {
    const value = values[first + column];
    if (value === undefined || !(value > 0) || most <= 0) return 0;
    const share = value >= most ? 1 : value / most; // also where both are infinite
    return Math.max(1, Math.round(share * height * steps));
  };
  const rows: SafeText[] = [];
  for (let row = height - 1; row >= 0; row--) {
    let line = '';
    for (let cell = 0; cell < width; cell++) {
      if (glyphs === 'braille') {
        const dots =
          brailleColumn(level(2 * cell) - row * 4, brailleLeft) +
          brailleColumn(level(2 * cell + 1) - row * 4, brailleRight);
        line += dots === 0 ? ' ' : String.fromCodePoint(0x2800 + dots);
      } else {
        const filled = Math.max(0, Math.min(8, level(cell) - row * 8));
        line += (glyphs === 'ascii' ? asciiUp : eighthsUp)[filled];
      }
    }
    rows.push(vouched(line));
  }
  return rows;
}

/** One cell for a share (0–1), for maps of many. */
export function shade(share: number, glyphs: GlyphSet): SafeText {
  const step = Math.round(clamp(share) * 8);
  return vouched((glyphs === 'ascii' ? asciiUp : eighthsUp)[Math.max(1, step)] as string);
}

function brailleColumn(filled: number, dots: readonly number[]): number {
  let sum = 0;
  for (let dot = 0; dot < Math.min(4, filled); dot++) sum += dots[dot] as number;
  return sum;
}

function largest(values: ArrayLike<number>, from: number): number {
  let most = 0;
  for (let i = from; i < values.length; i++) if ((values[i] as number) > most) most = values[i] as number;
  return most;
}

function clamp(share: number): number {
  return share > 0 ? Math.min(1, share) : 0;
}
