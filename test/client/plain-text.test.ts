import { describe, expect, test } from 'vitest';
import { cellText, cutTo, plainStream, widthOf } from '../../source/client/plain-text.ts';
import fc from '../arbitrary.ts';

/** What a terminal may be given: line feed, tab, and what can be seen. */
const harmless = /^[^\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]*$/u;

function plain(...pieces: (string | Uint8Array)[]): string {
  const stream = plainStream();
  return pieces.map((piece) => stream.push(Buffer.from(piece))).join('') + stream.end();
}

test.each<[string, string, string]>([
  ['text stays', 'a\tb\nc ä 日 😀', 'a\tb\nc ä 日 😀'],
  ['colours', '\x1b[1;31mred\x1b[0m', 'red'],
  ['cursor', '\x1b[2J\x1b[1;1Hx\x1b[?25l', 'x'],
  ['titles', '\x1b]0;title\x07x\x1b]2;other\x1b\\y', 'xy'],
  ['the clipboard', '\x1b]52;c;QUJD\x07x', 'x'],
  ['links', '\x1b]8;;http://x\x1b\\text\x1b]8;;\x1b\\', 'text'],
  ['device control', '\x1bPq#0\x1b\\x', 'x'],
  ['8-bit controls', '\u009b31mx\u009d0;t\u009cy', 'xy'],
  ['resets', '\x1bcx\x1b(0y', 'xy'],
  ['an end that never comes hides nothing', '\x1b]0;title and all the rest\nof it', '0;title and all the rest\nof it'],
  ['carriage returns', '10%\r20%\r\ndone\r', '10%\n20%\ndone\n'],
  ['backspaces and bells', 'a\b\x07\x7f\0b', 'ab'],
  ['directions', 'a\u202eb\u2066c\u200f', 'abc'],
  ['what cannot be seen', 'a\u{e0041}\u200b\ufeffb', 'ab'],
])('%s', (_, foreign, shown) => {
  expect(plain(foreign)).toBe(shown);
});

test('no matter how it is cut', () => {
  const text = Buffer.from('a\x1b[1;31mröd\x1b[0m\r\n\x1b]0;t\x07日\x1b]8;;u\x1b\\x\r\n\r');
  const whole = plain(text);
  for (let at = 1; at < text.length; at++) expect(plain(text.subarray(0, at), text.subarray(at))).toBe(whole);
  expect(plain(...Array.from(text, (byte) => Uint8Array.of(byte)))).toBe(whole);
});

test('no bytes at all harm', () => {
  const odd = fc.constantFrom(
    '\x1b',
    '[',
    ']',
    '\x9b',
    '\x9d',
    ';',
    'm',
    '\x07',
    '\\',
    '\r',
    '\n',
    '\u202e',
    'x',
    'P',
    '0',
  );
  const pieces = fc.array(
    fc.oneof(
      fc.array(odd).map((all) => all.join('')),
      fc.string({ unit: 'binary' }),
      fc.uint8Array(),
    ),
  );
  fc.assert(
    fc.property(pieces, (given) => harmless.test(plain(...given))),
    { numRuns: 2_000 },
  );
});

test('what never ends is not kept for ever', () => {
  const stream = plainStream();
  let shown = '';
  for (let i = 0; i < 100; i++) shown += stream.push(Buffer.from(i === 0 ? '\x1b]0;' : 'x'.repeat(100)));
  expect(shown.length).toBeGreaterThan(8_000);
});

describe('cells', () => {
  test('are one line', () => {
    expect(cellText('a\n\tb\x1b[31m\r\nc')).toBe('a b c');
  });

  test.each<[string, number]>([
    ['abc', 3],
    ['日本', 4],
    ['e\u0301', 1],
    ['😀', 2],
    ['', 0],
  ])('%j is %d wide', (text, width) => {
    expect(widthOf(text)).toBe(width);
  });

  test('are cut by their width', () => {
    expect(cutTo('abcdef', 4)).toBe('abc…');
    expect(cutTo('日本語', 4)).toBe('日…');
    expect(cutTo('abc', 3)).toBe('abc');
  });
});
