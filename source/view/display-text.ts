/**
 * The one function that makes foreign text fit for a terminal: names, commands, output, errors, reasons, labels,
 * fields of a trace. What a terminal would obey becomes visible or goes; Ink would let much of it through.
 */
import { cellsOf } from './cells.ts';
import { type SafeText, vouched } from './safe-text.ts';

const plain = /^[\x20-\x7e]*$/;
const mark = /^\p{Mark}$/u;
const marksKept = 4;
/** Longer texts are cut before anything else is done with them. */
const longest = 16_384;

/**
 * Returns printable text for one line.
 * Control characters (C0, DEL) are shown as their pictures (ESC as `␛`), line breaks and tabs become spaces; C1 controls,
 * marks that change the direction of writing and lone surrogates become `�`; zero-width characters, tags, variation
 * selectors and skin tones go; flags become their letters; at most 4 combining marks stay on a letter.
 * `maxWidth` cuts by cells, with `…` for what was left out.
 */
export function displayText(foreign: string, maxWidth = Number.POSITIVE_INFINITY): SafeText {
  if (foreign.length <= Math.min(maxWidth, longest) && plain.test(foreign)) return vouched(foreign);
  // Composed letters and syllables take as many cells as they should on every terminal.
  const text = foreign.slice(0, longest).normalize('NFC').replaceAll('\r\n', '\n');
  let width = 0;
  let out = '';
  /** What was kept while there was still a cell left for the `…`. */
  let short = '';
  let marks = marksKept;
  for (const character of text) {
    let shown: string;
    if (mark.test(character)) shown = marks++ < marksKept ? keptMark(character) : '';
    else {
      shown = visible(character);
      if (shown !== '') marks = 0;
    }
    for (const one of shown) width += cellsOf(one);
    if (width > maxWidth) return vouched(maxWidth < 1 ? '' : `${short}…`);
    out += shown;
    if (width < maxWidth) short = out;
  }
  return vouched(foreign.length > longest ? `${short}…` : out);
}

/** Variation selectors and the keycap change widths, and not alike on all terminals. */
function keptMark(character: string): string {
  const codePoint = character.codePointAt(0) as number;
  const changesWidth =
    codePoint === 0x20e3 ||
    (codePoint >= 0xfe00 && codePoint <= 0xfe0f) ||
    (codePoint >= 0xe0100 && codePoint <= 0xe01ef);
  return changesWidth ? '' : character;
}

/** What stands for one character that is not a combining mark; '' where it goes. */
function visible(character: string): string {
  const codePoint = character.codePointAt(0) as number;
  if (codePoint >= 0x20 && codePoint < 0x7f) return character;
  if (codePoint === 0x0a || codePoint === 0x0d) return ' ';
  if (codePoint === 0x09) return '  ';
  if (codePoint < 0x20) return String.fromCodePoint(0x2400 + codePoint);
  if (codePoint === 0x7f) return '\u2421';
  if (codePoint < 0xa0) return '\ufffd';
  if (codePoint >= 0xd800 && codePoint <= 0xdfff) return '\ufffd';
  if (changesDirection(codePoint)) return '\ufffd';
  if (codePoint >= 0x1f1e6 && codePoint <= 0x1f1ff) return String.fromCodePoint(codePoint - 0x1f1e6 + 0x41);
  if (codePoint >= 0x1f3fb && codePoint <= 0x1f3ff) return '';
  // Jamo that no syllable took: terminals do not agree on their width.
  if (isLooseJamo(codePoint)) return '\ufffd';
  if (codePoint === 0x2028 || codePoint === 0x2029 || isSpace(codePoint)) return ' ';
  if (codePoint >= 0xe000 && codePoint <= 0xf8ff) return '\ufffd';
  if (codePoint >= 0xf0000 || (codePoint & 0xfffe) === 0xfffe) return '\ufffd';
  return cellsOf(character) === 0 ? '' : character;
}

function changesDirection(codePoint: number): boolean {
  return (
    codePoint === 0x061c ||
    codePoint === 0x200e ||
    codePoint === 0x200f ||
    (codePoint >= 0x202a && codePoint <= 0x202e) ||
    (codePoint >= 0x2066 && codePoint <= 0x2069)
  );
}

function isLooseJamo(codePoint: number): boolean {
  return (
    (codePoint >= 0x1100 && codePoint <= 0x11ff) ||
    (codePoint >= 0xa960 && codePoint <= 0xa97c) ||
    (codePoint >= 0xd7b0 && codePoint <= 0xd7fb) ||
    codePoint === 0x3164 ||
    codePoint === 0xffa0
  );
}

function isSpace(codePoint: number): boolean {
  return (
    codePoint === 0xa0 ||
    (codePoint >= 0x2000 && codePoint <= 0x200a) ||
    codePoint === 0x202f ||
    codePoint === 0x205f ||
    codePoint === 0x3000
  );
}
