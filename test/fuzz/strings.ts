/** Strings of others on their way to a terminal: by the interface, by lines, by streams. */
import { plainStream } from '../../source/client/plain-text.ts';
import { plainLine, plainText } from '../../source/model/plain-text.ts';
import { cells } from '../../source/view/cells.ts';
import { displayText } from '../../source/view/display-text.ts';
import { logLine } from '../../source/wire/log-line.ts';
import { payloads } from '../helpers/watched-terminal.ts';
import type { Target } from './campaign.ts';
import { caseRandom, mutated } from './mutations.ts';

/** All that a terminal could obey, that turns text round, or that has no cell of its own. */
const obeyed =
  /[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
const obeyedInText =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/u;
const loneSurrogate = /\p{Surrogate}/u;

const more = [
  '日本語 únicode',
  '👩‍👧 🇨🇿',
  'a'.repeat(40),
  '\u1100\u1161\u11a8',
  'e\u0301\u0302',
  '\x9b\x90',
  '\x1b[',
  '\x1b]',
  '\r\n',
];

export function stringTarget(): Target<Buffer> {
  const samples = [...payloads, ...more].map((text) => Buffer.from(text));
  return {
    name: 'strings',
    make(seed) {
      const random = caseRandom(seed);
      const parts = Array.from({ length: 1 + random.below(4) }, () => mutated(samples, random));
      const text = Buffer.concat(parts);
      // Repetition is what makes a pattern slow.
      return random.chance(0.0003) ? Buffer.alloc(16_384, text.length === 0 ? 'x' : text) : text;
    },
    take: takeString,
    hex: (bytes) => bytes.toString('hex'),
  };
}

/** Throws where anything is left that a terminal would obey. */
export function takeString(bytes: Buffer): string {
  // As text of a message, and with halves of pairs as JavaScript has them.
  for (const text of [bytes.toString(), bytes.toString('utf16le')]) {
    const shown = displayText(text);
    check('displayText', shown, obeyed);
    if (loneSurrogate.test(shown)) throw new Error('displayText left half a pair');
    if (cells(displayText(text, 20)) > 20) throw new Error('displayText is too wide');
    check('plainText', plainText(text), obeyedInText);
    check('plainLine', plainLine(text), obeyed);
    check('logLine', logLine('text', 0, text), obeyed);
  }
  const stream = plainStream();
  const half = bytes.length >> 1;
  check(
    'plainStream',
    stream.push(bytes.subarray(0, half)) + stream.push(bytes.subarray(half)) + stream.end(),
    obeyedInText,
  );
  return 'safe';
}

function check(by: string, text: string, forbidden: RegExp): void {
  const found = forbidden.exec(text);
  if (found !== null)
    throw new Error(`${by} left ${JSON.stringify(found[0])} (U+${text.codePointAt(found.index)?.toString(16)})`);
}
