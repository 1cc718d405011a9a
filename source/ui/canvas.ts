/**
 * The screen as cells: what stands on the terminal, what is to stand there, and the bytes that lead from one to the other.
 * Only cells that changed are written, and of their colours only what differs from the cell before. Most of what a frame
 * of plain Ink costs is its walk over styled characters; here a cell is two numbers.
 */
import { cellsOf, isNarrow } from '../view/cells.ts';
import { cutRow, inAscii, type Line, type Piece, rowCells, seenOnSpaces } from './line.ts';
import type { Ground, Role, Theme } from './theme.ts';

/** Lines at a place of the screen, one below the other. What a line does not fill of the width is blank. */
export interface Block {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly lines: readonly Line[];
}

export interface Canvas {
  /** Begins anew, all blank, in another size or the same; nothing that stands on the terminal can be relied on. */
  clear(columns: number, rows: number): void;
  /** Draws over what was drawn since the last frame. */
  draw(block: Block): void;
  /** Returns what to write so that the terminal shows what was drawn; '' where it does already. Then all is blank. */
  frame(): string;
}

/** What SGR parameters of a style mean, one by one. */
interface Style {
  readonly foreground: string;
  readonly background: string;
  readonly bold: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
}

const space = 0x20;
/** The right half of a wide character. */
const rightHalf = 0xffff_ffff;
/** Numbers from here on are clusters: a letter with its marks. */
const firstCluster = 0x20_0000;
const clustersKept = 4_096;
/** Unchanged cells up to so many are written again: to go past them costs more bytes. */
const shortGap = 3;

/** Returns a canvas without a size: `clear` comes first. */
export function canvas(theme: Theme): Canvas {
  let columns = 0;
  let rows = 0;
  let shownGlyphs = new Uint32Array(0);
  let shownStyles = new Uint16Array(0);
  let glyphs = new Uint32Array(0);
  let styles = new Uint16Array(0);
  /** Nothing that stands on the terminal can be relied on. */
  let stale = true;
  const known: Style[] = [styleOf('')];
  const numbers = new Map<string, number>([['', 0]]);
  const byRole = new Map<string, number>();
  let clusters: string[] = [];
  let clusterNumbers = new Map<string, number>();

  function numberOf(sgr: string): number {
    let number = numbers.get(sgr);
    if (number === undefined) {
      number = known.push(styleOf(sgr)) - 1;
      numbers.set(sgr, number);
    }
    return number;
  }

  /** The style of a role on a ground; of its spaces where `blank`. */
  function styleNumber(role: Role, ground: Ground, blank: boolean): number {
    const key = `${role} ${ground} ${blank}`;
    let number = byRole.get(key);
    if (number === undefined) {
      const behind = theme.grounds[ground];
      const ink = blank && !seenOnSpaces.has(role) ? '' : theme.roles[role];
      number = numberOf(ink === '' ? behind : behind === '' ? ink : `${ink};${behind}`);
      byRole.set(key, number);
    }
    return number;
  }

  function clusterNumber(text: string): number {
    let number = clusterNumbers.get(text);
    if (number === undefined) {
      number = firstCluster + clusters.push(text) - 1;
      clusterNumbers.set(text, number);
    }
    return number;
  }

  function drawLine({ row, ground = 'none' }: Line, x: number, y: number, width: number): void {
    const from = y * columns + x;
    const room = Math.min(width, columns - x);
    let at = 0;
    for (const [text, role, own] of rowCells(row) > room ? cutRow(row, room) : row) {
      const behind = own !== undefined && theme.grounds[own] !== '' ? own : ground;
      at = drawText([theme.glyphs === 'ascii' ? inAscii(text) : text, role, behind], from, at, room);
    }
    const blank = styleNumber('text', ground, true);
    glyphs.fill(space, from + at, from + room);
    styles.fill(blank, from + at, from + room);
  }

  /** Returns the place after the text. */
  function drawText([text, role, ground]: readonly [string, Role, Ground], from: number, start: number, room: number) {
    const inked = styleNumber(role, ground, false);
    const blank = styleNumber(role, ground, true);
    let at = start;
    if (isNarrow(text)) {
      const end = Math.min(text.length, room - start);
      for (let i = 0; i < end; i++) {
        const code = text.charCodeAt(i);
        glyphs[from + at] = code;
        styles[from + at] = code === space ? blank : inked;
        at++;
      }
      return at;
    }
    for (const character of text) {
      const size = cellsOf(character);
      if (size === 0) {
        addMark(from, at, character);
        continue;
      }
      if (at + size > room) break;
      const code = character.codePointAt(0) as number;
      glyphs[from + at] = code;
      styles[from + at] = code === space ? blank : inked;
      if (size === 2) {
        glyphs[from + at + 1] = rightHalf;
        styles[from + at + 1] = inked;
      }
      at += size;
    }
    return at;
  }

  /** A mark belongs to the character before it. */
  function addMark(from: number, at: number, character: string): void {
    let place = from + at - 1;
    if (at > 1 && glyphs[place] === rightHalf) place--;
    if (at > 0) glyphs[place] = clusterNumber(textOf(glyphs[place] as number) + character);
  }

  function textOf(glyph: number): string {
    return glyph >= firstCluster ? (clusters[glyph - firstCluster] ?? ' ') : String.fromCodePoint(glyph);
  }

  /** Halves of wide characters that something was drawn over. */
  function mend(x: number, y: number, width: number): void {
    const from = y * columns;
    const end = Math.min(columns, x + width);
    if (x > 0 && x < columns && glyphs[from + x] === rightHalf) glyphs[from + x - 1] = space;
    if (end < columns && glyphs[from + end] === rightHalf) glyphs[from + end] = space;
  }

  /** What to write for one line, from the style that the pen has; appends to `out` and returns it with the new style. */
  function lineChanges(y: number, out: string, penBefore: number): [out: string, pen: number] {
    const from = y * columns;
    let pen = penBefore;
    let written = out;
    // Behind this nothing is seen: it is erased at once.
    let end = columns;
    while (end > 0 && glyphs[from + end - 1] === space && styles[from + end - 1] === 0) end--;
    let cursor = -1;
    for (let x = 0; x < columns; ) {
      if (!differs(from + x)) {
        x++;
        continue;
      }
      if (x >= end) {
        written += goTo(y, x, cursor);
        if (pen !== 0) written += change(known[pen] as Style, known[0] as Style);
        return [`${written}\x1b[K`, 0];
      }
      const changed = x;
      // A wide character is written whole.
      if (glyphs[from + x] === rightHalf) x--;
      if (cursor >= 0 && x > cursor && x - cursor <= shortGap && isPlainGap(from, cursor, x, pen)) x = cursor;
      else written += goTo(y, x, cursor);
      for (; x < end; x++) {
        const place = from + x;
        const glyph = glyphs[place] as number;
        if (glyph === rightHalf) continue;
        const wide = x + 1 < columns && glyphs[place + 1] === rightHalf;
        if (x >= changed && !differs(place) && !(wide && differs(place + 1))) break;
        const style = styles[place] as number;
        if (style !== pen) {
          written += change(known[pen] as Style, known[style] as Style);
          pen = style;
        }
        written += textOf(glyph);
        cursor = x + (wide ? 2 : 1);
      }
      // On the last column the cursor stays where it is.
      if (cursor >= columns) cursor = -1;
    }
    return [written, pen];
  }

  function differs(place: number): boolean {
    return stale
      ? glyphs[place] !== space || styles[place] !== 0
      : glyphs[place] !== shownGlyphs[place] || styles[place] !== shownStyles[place];
  }

  /** True where cells can be passed by writing them once more without another style. */
  function isPlainGap(from: number, first: number, end: number, pen: number): boolean {
    for (let x = first; x < end; x++) if (styles[from + x] !== pen || (glyphs[from + x] as number) > 0x7e) return false;
    return true;
  }

  return {
    clear(newColumns, newRows) {
      columns = newColumns;
      rows = newRows;
      glyphs = new Uint32Array(columns * rows).fill(space);
      styles = new Uint16Array(columns * rows);
      shownGlyphs = new Uint32Array(columns * rows).fill(space);
      shownStyles = new Uint16Array(columns * rows);
      stale = true;
    },
    draw({ x, y, width, height, lines }) {
      const end = Math.min(rows, y + height);
      if (x >= columns) return;
      for (let i = 0; y + i < end; i++) {
        drawLine(lines[i] ?? { row: noPieces }, x, y + i, width);
        mend(x, y + i, width);
      }
    },
    frame() {
      let out = stale ? '\x1b[0m\x1b[2J' : '';
      let pen = 0;
      for (let y = 0; y < rows; y++) [out, pen] = lineChanges(y, out, pen);
      if (pen !== 0) out += '\x1b[0m';
      // Numbers of clusters that are forgotten mean nothing any more: the next frame is whole.
      stale = clusters.length > clustersKept;
      if (stale) {
        clusters = [];
        clusterNumbers = new Map();
      }
      [shownGlyphs, glyphs] = [glyphs, shownGlyphs];
      [shownStyles, styles] = [styles, shownStyles];
      glyphs.fill(space);
      styles.fill(0);
      return out;
    },
  };
}

const noPieces: readonly Piece[] = [];

/** The shortest way to a cell of a line; `cursor`: where it stands in this line, -1 elsewhere. */
function goTo(y: number, x: number, cursor: number): string {
  if (cursor === x) return '';
  if (cursor < 0) return x === 0 ? `\x1b[${y + 1}H` : `\x1b[${y + 1};${x + 1}H`;
  return x - cursor === 1 ? '\x1b[C' : `\x1b[${x - cursor}C`;
}

/** SGR from one style to another. */
function change(from: Style, to: Style): string {
  if (to === from) return '';
  const parts: string[] = [];
  if (to.bold !== from.bold) parts.push(to.bold ? '1' : '22');
  if (to.underline !== from.underline) parts.push(to.underline ? '4' : '24');
  if (to.inverse !== from.inverse) parts.push(to.inverse ? '7' : '27');
  if (to.foreground !== from.foreground) parts.push(to.foreground === '' ? '39' : to.foreground);
  if (to.background !== from.background) parts.push(to.background === '' ? '49' : to.background);
  if (parts.length === 0) return '';
  const plain = to.foreground === '' && to.background === '' && !to.bold && !to.underline && !to.inverse;
  return plain ? '\x1b[m' : `\x1b[${parts.join(';')}m`;
}

/** Reads SGR parameters as themes have them. */
function styleOf(sgr: string): Style {
  let foreground = '';
  let background = '';
  let bold = false;
  let underline = false;
  let inverse = false;
  const parts = sgr.split(';');
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as string;
    if (part === '1') bold = true;
    else if (part === '4') underline = true;
    else if (part === '7') inverse = true;
    else if (part === '38' || part === '48') {
      const colour = parts.slice(i, i + (parts[i + 1] === '5' ? 3 : 5)).join(';');
      i += colour.split(';').length - 1;
      if (part === '38') foreground = colour;
      else background = colour;
    } else if (/^(?:3|9)[0-7]$/.test(part)) foreground = part;
    else if (/^(?:4|10)[0-7]$/.test(part)) background = part;
  }
  return { foreground, background, bold, underline, inverse };
}
