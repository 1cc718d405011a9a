/**
 * The terminal as a place for frames: takes the blocks of each, writes what changed within one synchronised update, and
 * everything anew after the terminal changed its size or was somebody else's. A terminal that cannot be written to costs
 * nothing: of what comes meanwhile only the last frame counts.
 */
import { Writable } from 'node:stream';
import { type Block, canvas } from './canvas.ts';
import type { Theme } from './theme.ts';

/** What is needed of a terminal's stream. */
export interface Terminal {
  readonly columns?: number;
  readonly rows?: number;
  readonly writableNeedDrain?: boolean;
  write(text: string): boolean;
  on(event: 'resize' | 'drain', listener: () => void): unknown;
  off(event: 'resize' | 'drain', listener: () => void): unknown;
}

/** Takes the blocks of a frame, then shows them. */
export interface Painting {
  put(block: Block): void;
  show(): void;
}

export interface FrameOut extends Painting {
  /** For Ink's `stdout`: has the terminal's size; what Ink says of cursor and modes goes nowhere, they are ours. */
  readonly stream: NodeJS.WriteStream;
  /** Paints the last frame anew on an empty screen. */
  repaint(): void;
  /** Writes nothing any more. */
  end(): void;
}

const beginSync = '\x1b[?2026h';
const endSync = '\x1b[?2026l';
/** Frames, and answers to a storm of resizes, at most in this pace. */
const paceMs = 16;

/** Returns the frames of a terminal. */
export function frameOut(terminal: Terminal, theme: Theme): FrameOut {
  const cells = canvas(theme);
  let gathered: Block[] = [];
  let frame: readonly Block[] = [];
  let ended = false;
  /** A frame is due when the terminal can be written to. */
  let waiting = false;
  let size = sizeOf(terminal);
  let paintedAt = Number.NEGATIVE_INFINITY;
  let paintTimer: NodeJS.Immediate | NodeJS.Timeout | null = null;
  let resizeTimer: NodeJS.Timeout | null = null;
  let resizedAgain = false;
  cells.clear(size.columns, size.rows);

  const paint = (): void => {
    stopTimer();
    if (ended || frame.length === 0) return;
    waiting = terminal.writableNeedDrain === true;
    if (waiting) return;
    for (const block of frame) cells.draw(block);
    const out = cells.frame();
    paintedAt = performance.now();
    if (out !== '') terminal.write(beginSync + out + endSync);
  };
  const stopTimer = (): void => {
    if (paintTimer === null) return;
    clearTimeout(paintTimer as NodeJS.Timeout);
    clearImmediate(paintTimer as NodeJS.Immediate);
    paintTimer = null;
  };
  /** Several changes of one turn are one frame. */
  const paintSoon = (): void => {
    if (paintTimer !== null) return;
    const early = paceMs - (performance.now() - paintedAt);
    paintTimer = early > 0 ? setTimeout(paint, early) : setImmediate(paint);
  };
  const onDrain = (): void => {
    if (waiting) paint();
  };
  const repaint = (): void => {
    cells.clear(size.columns, size.rows);
    paint();
  };

  const stream = new Writable({ decodeStrings: false, write: (_chunk, _encoding, done) => done() });

  const tellInk = (): void => {
    size = sizeOf(terminal);
    cells.clear(size.columns, size.rows);
    stream.emit('resize');
    // Where the size is what it was, nothing new is drawn, but the terminal has moved its lines.
    paintSoon();
    resizeTimer = setTimeout(() => {
      resizeTimer = null;
      if (!resizedAgain) return;
      resizedAgain = false;
      tellInk();
    }, paceMs);
  };
  const onResize = (): void => {
    if (ended) return;
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
    put: (block) => void gathered.push(block),
    show() {
      frame = gathered;
      gathered = [];
      paintSoon();
    },
    repaint,
    end() {
      ended = true;
      stopTimer();
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
