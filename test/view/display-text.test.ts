import { Box, renderToString, Text } from 'ink';
import { createElement } from 'react';
import { describe, expect, test } from 'vitest';
import { cells, cut, pad } from '../../source/view/cells.ts';
import { displayText } from '../../source/view/display-text.ts';
import { vouched } from '../../source/view/safe-text.ts';
import fc from '../arbitrary.ts';

/** All that a terminal could obey, that turns text round, or that has no cell of its own. */
const forbidden =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{fe00}-\u{fe0f}]|[\u{e0000}-\u{e0fff}]|\p{Surrogate}/u;

describe('displayText', () => {
  const payloads: [what: string, foreign: string, shown: string][] = [
    ['plain text stays', 'node-01.rack_7', 'node-01.rack_7'],
    ['letters of all kinds stay', 'žluťoučký 日本語 Ελλάδα', 'žluťoučký 日本語 Ελλάδα'],
    ['OSC 52, which writes the clipboard', '\x1b]52;c;aGk=\x07', '␛]52;c;aGk=␇'],
    ['OSC 0, the title', '\x1b]0;title\x1b\\', '␛]0;title␛\\'],
    ['OSC 8, links', '\x1b]8;;http://x\x07y\x1b]8;;\x07', '␛]8;;http://x␇y␛]8;;␇'],
    ['CSI', '\x1b[2J\x1b[31mred', '␛[2J␛[31mred'],
    ['hidden text', '\x1b[8mpassword', '␛[8mpassword'],
    ['DCS', '\x1bP$q"p\x1b\\', '␛P$q"p␛\\'],
    ['C1 controls', 'a\x9b31mb\x90c\x9dd\x85e', 'a�31mb�c�d�e'],
    ['carriage return, which overwrites', 'evil\rgood', 'evil good'],
    ['backspace, bell, null', 'a\b\x07\0b', 'a␈␇␀b'],
    ['DEL', 'a\x7fb', 'a␡b'],
    ['lines and tabs', 'one\r\ntwo\nthree\tfour', 'one two three  four'],
    ['text turned round', 'a\u202egnp.exe\u2066x\u2069\u200f', 'a�gnp.exe�x��'],
    ['zero width', 'ad\u200bmin\u200d\ufeff\u2060', 'admin'],
    ['the block of tags', 'a\u{e0041}\u{e007f}b', 'ab'],
    ['lone surrogates', 'a\ud800b\udc00', 'a�b�'],
    ['a tower of marks', `z${'\u0301\u0302\u0303'.repeat(20)}y`, 'ź\u0302\u0303\u0301\u0302y'],
    ['marks on nothing', '\u0301abc', 'abc'],
    ['flags and families as what has one width everywhere', '🇨🇿👍🏽👩‍👧', 'CZ👍👩👧'],
    ['keycaps and variants', '1\ufe0f\u20e3 ☺\ufe0f', '1 ☺'],
    ['odd spaces', 'a\u00a0b\u3000c\u2028d', 'a b c d'],
  ];
  test.each(payloads)('%s', (_, foreign, shown) => {
    expect(displayText(foreign)).toBe(shown);
  });

  test('nothing that a terminal would obey is left of any string', () => {
    const nasty = fc.array(
      fc.oneof(
        fc.string({ unit: 'binary', maxLength: 8 }),
        fc.string({ unit: 'grapheme', maxLength: 4 }),
        fc.constantFrom(
          '\x1b',
          '\x1b[',
          '\x9b',
          '\u202e',
          '\u200d',
          '\ufe0f',
          '\ud83d',
          '\udc68',
          '\u0301',
          '\r',
          '\t',
          '\u1160',
          '\u11a8',
        ),
      ),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(nasty, fc.integer({ min: 0, max: 40 }), (parts, width) => {
        const foreign = parts.join('');
        const text = displayText(foreign);
        expect(text).not.toMatch(forbidden);
        const short = displayText(foreign, width);
        expect(short).not.toMatch(forbidden);
        expect(cells(short)).toBeLessThanOrEqual(width);
        if (cells(text) <= width) expect(short).toBe(text);
        // What is safe stays as it is (marks that have come together may be composed).
        expect(displayText(text).normalize()).toBe(text.normalize());
        expect(cells(displayText(text))).toBe(cells(text));
      }),
      { numRuns: 20_000 },
    );
  });

  test('a megabyte costs no more than what is kept of it', () => {
    const text = displayText('é\x1b'.repeat(500_000), 100);
    expect(cells(text)).toBe(100);
    expect(text.endsWith('…')).toBe(true);
    expect(displayText('x'.repeat(100_000)).length).toBeLessThan(20_000);
  });
});

describe('widths', () => {
  test('are those that Ink lays out by', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 12 }), (foreign) => {
        const text = displayText(foreign).trim();
        // Scripts whose letters join (Indic) are wider in a terminal than Ink believes: never the other way.
        if (/\p{Spacing_Mark}|\p{Other_Letter}\p{Nonspacing_Mark}/u.test(text)) return;
        const drawn = renderToString(
          createElement(
            Box,
            { width: 60 },
            createElement(Text, null, text || 'x'),
            createElement(Box, { flexGrow: 1 }),
            createElement(Text, null, '|'),
          ),
        );
        const spaces = drawn.length - (text || 'x').length - 1;
        expect(60 - 1 - spaces, JSON.stringify(text)).toBe(cells(text || 'x'));
      }),
      { numRuns: 300 },
    );
  });

  test('of our own glyphs are one', () => {
    for (const glyph of '●○◐▲×·‖▌▶▸▾▴┃│╭╮╰╯─━█▏▎▍▌▋▊▉▁▂▃▄▅▆▇░⣿⡀↑↓←→⏎⇧⌫…–◆✓›␛�') expect(cells(glyph), glyph).toBe(1);
  });

  test('cut and pad give what was asked', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 30 }), (foreign, width) => {
        const text = displayText(foreign);
        expect(cells(cut(text, width))).toBeLessThanOrEqual(width);
        expect(cells(pad(text, width))).toBe(width);
        expect(cells(pad(text, width, 'left'))).toBe(width);
      }),
    );
    expect(cut(vouched('日本語'), 4)).toBe('日…');
    expect(pad(vouched('日本語'), 4)).toBe('日… ');
    expect(pad(vouched('7'), 3, 'left')).toBe('  7');
  });
});
