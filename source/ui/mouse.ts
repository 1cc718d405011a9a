/**
 * The mouse, as terminals tell of it in SGR mode (xterm's control sequences, "Extended coordinates"): `ESC [ < button ;
 * column ; row M`, with `m` at the end for a release. Ink swallows these, so they are read beside it.
 */

/** Presses and the wheel are told, in SGR; and no more of it. Movement is not asked for. */
export const mouseOn = '\x1b[?1000h\x1b[?1006h';
export const mouseOff = '\x1b[?1006l\x1b[?1000l';

/** What the mouse did, and in which cell of the screen, from 0. */
export interface MouseAct {
  readonly kind: 'click' | 'wheel-up' | 'wheel-down';
  readonly x: number;
  readonly y: number;
}

const report = /\x1b\[<(\d{1,3});(\d{1,5});(\d{1,5})([Mm])/g;
/** The beginning of a report at the end of a piece. */
const begun = /\x1b(?:\[(?:<[\d;]{0,16})?)?$/;
const [wheelUp, wheelDown, left] = [64, 65, 0];
/** Shift, Alt and Ctrl. */
const modifiers = 4 | 8 | 16;

/** Returns what finds the acts in pieces of input, also where a report comes in two pieces. */
export function mouseReader(): (piece: string) => MouseAct[] {
  let before = '';
  return (piece) => {
    const text = before + piece;
    before = begun.exec(text)?.[0] ?? '';
    const acts: MouseAct[] = [];
    for (const [, code, column, row, end] of text.matchAll(report)) {
      const button = Number(code) & ~modifiers;
      const kind =
        button === wheelUp ? 'wheel-up' : button === wheelDown ? 'wheel-down' : button === left ? 'click' : null;
      if (kind !== null && end === 'M') acts.push({ kind, x: Number(column) - 1, y: Number(row) - 1 });
    }
    return acts;
  };
}

/** Returns whether the mouse may be asked for: not where `LBTOP_MOUSE` is 0, as for who selects text with it. */
export function mouseWanted(env: Readonly<Record<string, string | undefined>>): boolean {
  return env.LBTOP_MOUSE !== '0';
}
