/** How many cells of a terminal a text takes, and texts made to take exactly so many. */
import { type SafeText, vouched } from './safe-text.ts';

const ascii = /^[\x20-\x7e]*$/;
/** Glyphs of our own screens and western letters: one cell each, nothing combining. */
const narrow =
  /^[\x20-\x7e\u00a1-\u02ff\u0370-\u0482\u048a-\u052f\u2010-\u2027\u2030-\u205e\u2190-\u2319\u2400-\u2426\u2460-\u25fc\u2800-\u28ff]*$/;

/** First and last code point of each range that takes two cells (Unicode 17, East Asian Width W and F). */
// biome-ignore format: a table
const wide = Uint32Array.of(
  0x1100, 0x115f, 0x231a, 0x231b, 0x2329, 0x232a, 0x23e9, 0x23ec, 0x23f0, 0x23f0, 0x23f3, 0x23f3, 0x25fd, 0x25fe,
  0x2614, 0x2615, 0x2630, 0x2637, 0x2648, 0x2653, 0x267f, 0x267f, 0x268a, 0x268f, 0x2693, 0x2693, 0x26a1, 0x26a1,
  0x26aa, 0x26ab, 0x26bd, 0x26be, 0x26c4, 0x26c5, 0x26ce, 0x26ce, 0x26d4, 0x26d4, 0x26ea, 0x26ea, 0x26f2, 0x26f3,
  0x26f5, 0x26f5, 0x26fa, 0x26fa, 0x26fd, 0x26fd, 0x2705, 0x2705, 0x270a, 0x270b, 0x2728, 0x2728, 0x274c, 0x274c,
  0x274e, 0x274e, 0x2753, 0x2755, 0x2757, 0x2757, 0x2795, 0x2797, 0x27b0, 0x27b0, 0x27bf, 0x27bf, 0x2b1b, 0x2b1c,
  0x2b50, 0x2b50, 0x2b55, 0x2b55, 0x2e80, 0x2e99, 0x2e9b, 0x2ef3, 0x2f00, 0x2fd5, 0x2ff0, 0x303e, 0x3041, 0x3096,
  0x3099, 0x30ff, 0x3105, 0x312f, 0x3131, 0x318e, 0x3190, 0x31e5, 0x31ef, 0x321e, 0x3220, 0x3247, 0x3250, 0xa48c,
  0xa490, 0xa4c6, 0xa960, 0xa97c, 0xac00, 0xd7a3, 0xf900, 0xfaff, 0xfe10, 0xfe19, 0xfe30, 0xfe52, 0xfe54, 0xfe66,
  0xfe68, 0xfe6b, 0xff01, 0xff60, 0xffe0, 0xffe6, 0x16fe0, 0x16fe4, 0x16ff0, 0x16ff6, 0x17000, 0x18cda, 0x18cff,
  0x18d20, 0x18d80, 0x18df2, 0x18e00, 0x19191, 0x191a0, 0x191d2, 0x1aff0, 0x1aff3, 0x1aff5, 0x1affb, 0x1affd,
  0x1affe, 0x1b000, 0x1b128, 0x1b132, 0x1b132, 0x1b150, 0x1b152, 0x1b155, 0x1b155, 0x1b164, 0x1b168, 0x1b170,
  0x1b2fb, 0x1d300, 0x1d356, 0x1d360, 0x1d376, 0x1f004, 0x1f004, 0x1f0cf, 0x1f0cf, 0x1f18e, 0x1f18e, 0x1f191,
  0x1f19a, 0x1f1ae, 0x1f1ae, 0x1f200, 0x1f202, 0x1f210, 0x1f23b, 0x1f240, 0x1f248, 0x1f250, 0x1f251, 0x1f260,
  0x1f265, 0x1f300, 0x1f320, 0x1f32d, 0x1f335, 0x1f337, 0x1f37c, 0x1f37e, 0x1f393, 0x1f3a0, 0x1f3ca, 0x1f3cf,
  0x1f3d3, 0x1f3e0, 0x1f3f0, 0x1f3f4, 0x1f3f4, 0x1f3f8, 0x1f43e, 0x1f440, 0x1f440, 0x1f442, 0x1f4fc, 0x1f4ff,
  0x1f53d, 0x1f54b, 0x1f54e, 0x1f550, 0x1f567, 0x1f57a, 0x1f57a, 0x1f595, 0x1f596, 0x1f5a4, 0x1f5a4, 0x1f5fb,
  0x1f64f, 0x1f680, 0x1f6c5, 0x1f6cc, 0x1f6cc, 0x1f6d0, 0x1f6d2, 0x1f6d5, 0x1f6d9, 0x1f6dc, 0x1f6df, 0x1f6eb,
  0x1f6ec, 0x1f6f4, 0x1f6fc, 0x1f7da, 0x1f7da, 0x1f7e0, 0x1f7eb, 0x1f7f0, 0x1f7f0, 0x1f90c, 0x1f93a, 0x1f93c,
  0x1f945, 0x1f947, 0x1f9ff, 0x1fa70, 0x1fa7c, 0x1fa80, 0x1fac6, 0x1fac8, 0x1fac8, 0x1facc, 0x1fadd, 0x1fadf,
  0x1faeb, 0x1faef, 0x1fafa, 0x20000, 0x2fffd, 0x30000, 0x3fffd,
);

const invisible =
  /^[\p{Default_Ignorable_Code_Point}\p{Control}\p{Format}\p{Nonspacing_Mark}\p{Enclosing_Mark}\p{Surrogate}]$/u;

function isWide(codePoint: number): boolean {
  if (codePoint < 0x1100) return false;
  let low = 0;
  let high = wide.length / 2 - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (codePoint < (wide[2 * middle] as number)) high = middle - 1;
    else if (codePoint > (wide[2 * middle + 1] as number)) low = middle + 1;
    else return true;
  }
  return false;
}

/** Cells of one character: 0, 1 or 2. */
export function cellsOf(character: string): number {
  const codePoint = character.codePointAt(0) ?? 0;
  if (codePoint >= 0x20 && codePoint < 0x7f) return 1;
  if (invisible.test(character)) return 0;
  return isWide(codePoint) ? 2 : 1;
}

/** True where every UTF-16 unit of a text is a character of one cell. False says nothing. */
export function isNarrow(text: string): boolean {
  return narrow.test(text);
}

/** Cells that a text takes on one line. */
export function cells(text: string): number {
  if (isNarrow(text)) return text.length;
  let width = 0;
  for (const character of text) width += cellsOf(character);
  return width;
}

/** At most `width` cells of a text; where something is left out, the last cell says so. */
export function cut(text: SafeText, width: number, mark = '…'): SafeText {
  if (width <= 0) return vouched('');
  if (ascii.test(text) ? text.length <= width : cells(text) <= width) return text;
  const room = width - cells(mark);
  let used = 0;
  let kept = '';
  for (const character of text) {
    const size = cellsOf(character);
    if (used + size > room) break;
    used += size;
    kept += character;
  }
  return vouched(kept + mark);
}

/** Exactly `width` cells: cut, or filled with spaces on the right (`'left'`: on the left, as numbers are). */
export function pad(text: SafeText, width: number, side: 'left' | 'right' = 'right'): SafeText {
  const fits = cut(text, width);
  const missing = width - cells(fits);
  if (missing <= 0) return fits;
  const space = ' '.repeat(missing);
  return vouched(side === 'left' ? space + fits : fits + space);
}

/** So many spaces. */
export function blank(width: number): SafeText {
  return vouched(' '.repeat(Math.max(0, width)));
}

/** A text again and again. */
export function repeated(text: SafeText, times: number): SafeText {
  return vouched(text.repeat(Math.max(0, times)));
}
