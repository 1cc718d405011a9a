/** What is said to somebody who typed something wrong. */
import { LbtopError } from '../model/errors.ts';

/** A mistake of whoever typed: one line that says what is wrong and what to do. */
export function usage(message: string): LbtopError {
  return new LbtopError('usage', message);
}

/** Foreign text inside a line of ours: quoted, cut, and free of what a terminal would obey. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 63)}…` : text).replace(invisible, escaped);
}

/** What JSON leaves as it is and a terminal would obey, or not show. */
const invisible =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** Returns JSON text that means the same and can be shown on any terminal. */
export function visibleJson(json: string): string {
  return json.replace(invisible, escaped);
}

function escaped(odd: string): string {
  const units = Array.from({ length: odd.length }, (_, at) => odd.charCodeAt(at));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
