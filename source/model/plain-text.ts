/** Text without anything that a terminal obeys: for lines of a log and of the command line. */

/** Sequences that set colours, move the cursor, title windows, write the clipboard. */
const sequence =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x90\x98\x9c-\x9f\n]{0,1024}(?:\x07|\x1b\\|\x9c)|\x1b[ -/]{0,4}[0-~]/g;
/** C0 but line feed and tab, DEL, C1, what turns the direction of writing, what cannot be seen. */
const harmful =
  /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/** More marks on one letter than any script needs: they are drawn over the lines around it. */
const tower = /(\p{Mark}{4})\p{Mark}+/gu;

/**
 * Returns text without escape sequences, controls, marks that change the direction and what cannot be seen; line feeds and
 * tabs stay, carriage returns become line ends.
 */
export function plainText(foreign: string): string {
  return foreign.replace(sequence, '').replace(/\r\n?/g, '\n').replace(harmful, '').replace(tower, '$1');
}

/** The same as one line. */
export function plainLine(foreign: string): string {
  return /^[\x20-\x7e]*$/.test(foreign) ? foreign : plainText(foreign).replace(/[\n\t]+/g, ' ');
}
