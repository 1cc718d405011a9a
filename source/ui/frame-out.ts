/**
 * What Ink writes to. Ink says each frame whole; this writes only the lines that changed, each at its own place, within one
 * synchronised update, and everything anew after the terminal changed its size or was somebody else's.
 */
import { Writable } from 'node:stream';
import { cells } from '../view/cells.ts';

/** What is needed of a terminal's stream. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  readonly writableNeedDrain?: boolean;
  write(text: string): boolean;
  on(event: 'resize' | 'drain', listener: () => void): unknown;
  off(event: 'resize' | 'drain', listener: () => void): unknown;
}

export interface FrameOut {
  /** For Ink's `stdout`. */
  readonly stream: NodeJS.WriteStream;
  /** Paints the last frame anew on an empty screen. */
  repaint(): void;
  /** Writes nothing any more. */
  end(): void;
}

const beginSync = '\x1b[?2026h';
const endSync = '\x1b[?2026l';
/** How Ink takes its last frame away before the next one, and hides the cursor: we know better what is where. */
const erasures = /^(?:\x1b\[[0-9;]*[A-HJKSTf]|\x1b\[\?[0-9;]*[hl]|\r)+/;
const colours = /\x1b\[[0-9;]*m/g;
/** A storm of resizes is answered at this pace. */
const resizeMs = 33;

/** Returns a stream for Ink that paints on `terminal`. */
export function frameOut(terminal: Terminal): FrameOut {
  let shown: string[] = [];
  let frame: string[] = [];
  /** Nothing on the screen can be relied on. */
  let stale = true;
  let inFrame = false;
  let ended = false;
  let waiting = false;
  let size = sizeOf(terminal);
  let resizeTimer: NodeJS.Timeout | null = null;
  let resizedAgain = false;

  const paint = (): void => {
    if (ended || frame.length === 0) return;
    if (terminal.writableNeedDrain === true) {
      // Whatever comes until it can be written, only the last frame counts.
      waiting = true;
      return;
    }
    waiting = false;
    let out = '';
    if (stale) out += '\x1b[0m\x1b[2J';
    const rows = Math.min(frame.length, size.rows);
    for (let y = 0; y < rows; y++) {
      const line = frame[y] as string;
      if (!stale && line === shown[y]) continue;
      const full = cells(line.replace(colours, '')) >= size.columns;
      // Behind the last column the cursor stays on it: erasing from there would take the last character away.
      out += full ? `\x1b[${y + 1};1H\x1b[2K${line}\x1b[0m` : `\x1b[${y + 1};1H${line}\x1b[0m\x1b[K`;
    }
    if (!stale) for (let y = rows; y < Math.min(shown.length, size.rows); y++) out += `\x1b[${y + 1};1H\x1b[2K`;
    shown = frame;
    stale = false;
    if (out !== '') terminal.write(beginSync + out + endSync);
  };
  const onDrain = (): void => {
    if (waiting) paint();
  };
  const repaint = (): void => {
    stale = true;
    paint();
  };

  const stream = new Writable({
    decodeStrings: false,
    write(chunk: string | Buffer, _encoding, done) {
      const text = String(chunk);
      if (text === beginSync) inFrame = true;
      else if (text === endSync) inFrame = false;
      else if (inFrame) {
        const body = text.replace(erasures, '');
        if (body !== '') {
          frame = body.split('\n');
          if (frame.at(-1) === '') frame.pop();
          paint();
        }
      }
      // All else Ink says is about the cursor and modes, which are ours while the screen is.
      done();
    },
  });

  const tellInk = (): void => {
    size = sizeOf(terminal);
    stale = true;
    stream.emit('resize');
    // Where the size is what it was, Ink has nothing new to say, but the terminal has moved its lines.
    resizeTimer = setTimeout(() => {
      resizeTimer = null;
      if (resizedAgain) {
        resizedAgain = false;
        tellInk();
      } else if (stale) paint();
    }, resizeMs);
  };
  const onResize = (): void => {
    if (ended) return;
    stale = true;
    if (resizeTimer === null) tellInk();
    else resizedAgain = true;
  };
  terminal.on('resize', onResize);
  terminal.on('drain', onDrain);

  Object.defineProperties(stream, {
    isTTY: { value: true },
    columns: { get: () => size.columns },
    rows: { get: () => size.rows },
  });
  return {
    stream: stream as unknown as NodeJS.WriteStream,
    repaint,
    end() {
      ended = true;
      if (resizeTimer !== null) clearTimeout(resizeTimer);
      terminal.off('resize', onResize);
      terminal.off('drain', onDrain);
    },
  };
}

/** A terminal may say that it has no size at all; something is drawn all the same. */
function sizeOf(terminal: Terminal): { columns: number; rows: number } {
  return { columns: Math.max(1, terminal.columns || 80), rows: Math.max(1, terminal.rows || 24) };
}
