/** Makes what tasks wrote, and what others called their things, harmless for the terminal that it is printed on. */
import { plainLine, plainText } from '../model/plain-text.ts';

/** The beginning of one, at the end of what has come so far. A carriage return may be half of a line's end. */
const unfinished =
  /(?:(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,4}|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f\n]{0,1024}\x1b?|\x1b[ -/]{0,4}|\r)$/;
/** Makes one stream of bytes plain text, as it comes. */
export interface PlainStream {
  /** Returns the plain text of the next bytes; what may go on in the next ones waits for them. */
  push(bytes: Uint8Array): string;
  /** Returns the rest. */
  end(): string;
}

/**
 * Returns the way from bytes to text that a terminal does not obey: UTF-8 with � for what is none, without escape
 * sequences, controls and marks that change the direction; carriage returns become line ends.
 */
export function plainStream(): PlainStream {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let waiting = '';
  return {
    push(bytes) {
      const text = waiting + decoder.decode(bytes, { stream: true });
      waiting = unfinished.exec(text)?.[0] ?? '';
      return plainText(waiting === '' ? text : text.slice(0, -waiting.length));
    },
    end() {
      const text = waiting + decoder.decode();
      waiting = '';
      return plainText(text);
    },
  };
}

const wide =
  /[\u1100-\u115f\u231a\u231b\u23e9-\u23ec\u23f0\u23f3\u25fd\u25fe\u2614\u2615\u2e80-\u303e\u3041-\u33ff\u3400-\u4dbf\u4e00-\u9fff\ua000-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;
const zero = /[\p{Mn}\p{Me}\p{Cf}]/u;

/** Returns foreign text for one line of a table. */
export const cellText = plainLine;

/** Returns how many cells of a terminal a text takes. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let cells = 0;
  for (const character of text) cells += zero.test(character) ? 0 : wide.test(character) ? 2 : 1;
  return cells;
}

/** Returns a text cut to so many cells, with `…` where something is missing. */
export function cutTo(text: string, cells: number): string {
  if (widthOf(text) <= cells) return text;
  let out = '';
  let used = 0;
  for (const character of text) {
    used += widthOf(character);
    if (used > cells - 1) break;
    out += character;
  }
  return `${out}…`;
}
