/**
 * A program on a real pseudo-terminal, with a terminal emulator reading its bytes: what a user would see. Tests wait for
 * content, never for time.
 */
import { createRequire } from 'node:module';
import type { IPty } from '@lydell/node-pty';
import type { Terminal as Emulator } from '@xterm/headless';
import type { Cell } from '../scripts/svg.ts';

const require = createRequire(import.meta.url);
const { Terminal } = require('@xterm/headless') as typeof import('@xterm/headless');

/** Why there is no pseudo-terminal here, or null where there is one: node-pty is there for common systems. */
export function noTerminal(): string | null {
  try {
    require('@lydell/node-pty');
    return null;
  } catch (error) {
    return `node-pty is not there (${error instanceof Error ? error.message.split('\n')[0] : String(error)})`;
  }
}

export interface OpenOptions {
  columns?: number;
  rows?: number;
  env?: Record<string, string>;
  cwd?: string;
}

export interface TestTerminal {
  /** Lines on the screen, without the spaces at their ends. */
  lines(): string[];
  /** What stands in each cell of the screen, with its colours. */
  cells(): Cell[][];
  /** The whole screen as text. */
  text(): string;
  /** Resolves when the screen holds that; rejects after `ms` with what was there instead. */
  waitFor(wanted: string | RegExp, ms?: number): Promise<void>;
  /** Resolves when the screen does not hold it any more. */
  waitWithout(unwanted: string | RegExp, ms?: number): Promise<void>;
  /** Types, as a keyboard would. */
  keys(keys: string): void;
  resize(columns: number, rows: number): void;
  /** Reads nothing any more, as a terminal after Ctrl-S; and reads on, as after Ctrl-Q. */
  stop(): void;
  goOn(): void;
  /** The terminal goes away, as its window is closed: nobody reads or writes any more. */
  hangUp(): void;
  /** Kills with that signal. */
  signal(signal: string): void;
  readonly pid: number;
  /** Modes that programs change and have to change back. */
  modes(): {
    alternateScreen: boolean;
    cursorHidden: boolean;
    wraparound: boolean;
    bracketedPaste: boolean;
    mouse: string;
  };
  /** All bytes so far. */
  readonly output: string;
  readonly exited: Promise<{ exitCode: number; signal: number | undefined }>;
  close(): void;
}

/** What a pseudo-terminal sees of the environment: what is set, but for what changes how programs write. */
function terminalEnvironment(own: Record<string, string>): Record<string, string> {
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(process.env)) if (value !== undefined) env[name] = value;
  // Ink draws nothing under CI before it ends; colours are what the test says.
  for (const name of ['CI', 'NO_COLOR', 'FORCE_COLOR', 'COLUMNS', 'LINES', 'VITEST', 'NODE_OPTIONS']) delete env[name];
  return Object.assign(env, { TERM: 'xterm-256color', LANG: 'C.UTF-8', LC_ALL: 'C.UTF-8' }, own);
}

export interface PtyOptions {
  columns: number;
  rows: number;
  env: Record<string, string>;
  cwd?: string;
}

/** Runs a program on a bare pseudo-terminal. Throws where there is none. */
export function openPty(program: string, args: readonly string[], { columns, rows, env, cwd }: PtyOptions): IPty {
  const { spawn } = require('@lydell/node-pty') as typeof import('@lydell/node-pty');
  return spawn(program, [...args], { cols: columns, rows, cwd: cwd ?? process.cwd(), env: terminalEnvironment(env) });
}

/** Runs a program on a pseudo-terminal. Throws where there is none: ask `noTerminal` first. */
export function openTerminal(program: string, args: readonly string[], options: OpenOptions = {}): TestTerminal {
  const { columns = 120, rows = 40 } = options;
  const emulator: Emulator = new Terminal({ cols: columns, rows, allowProposedApi: true });
  const env = { COLORTERM: 'truecolor', TZ: 'UTC', ...options.env };
  const pty = openPty(program, args, { ...options, columns, rows, env });
  let output = '';
  let cursorHidden = false;
  const changed = new Set<() => void>();
  pty.onData((data) => {
    output += data;
    for (const [, sign] of data.matchAll(/\x1b\[\?25([hl])/g)) cursorHidden = sign === 'l';
    emulator.write(data, () => {
      for (const listener of [...changed]) listener();
    });
  });
  emulator.onData((answer) => pty.write(answer));
  const exited = new Promise<{ exitCode: number; signal: number | undefined }>((resolve) =>
    pty.onExit(({ exitCode, signal }) => emulator.write('', () => resolve({ exitCode, signal }))),
  );

  const lines = (): string[] => {
    const { active } = emulator.buffer;
    return Array.from(
      { length: emulator.rows },
      (_, y) =>
        active
          .getLine(active.viewportY + y)
          ?.translateToString(true, 0, emulator.cols)
          .trimEnd() ?? '',
    );
  };
  const cells = (): Cell[][] => {
    const { active } = emulator.buffer;
    return Array.from({ length: emulator.rows }, (_, y) => {
      const line = active.getLine(active.viewportY + y);
      return Array.from({ length: emulator.cols }, (_, x) => {
        const cell = line?.getCell(x);
        if (cell === undefined) return blankCell;
        const foreground = colourOf(cell.isFgRGB(), cell.isFgPalette(), cell.getFgColor());
        const background = colourOf(cell.isBgRGB(), cell.isBgPalette(), cell.getBgColor());
        const inverse = cell.isInverse() !== 0;
        return {
          text: cell.getChars(),
          width: cell.getWidth(),
          foreground: inverse ? (background ?? '#11151c') : foreground,
          background: inverse ? (foreground ?? '#d7dae0') : background,
          bold: cell.isBold() !== 0,
          dim: cell.isDim() !== 0,
        };
      });
    });
  };
  const text = (): string => lines().join('\n');
  const holds = (wanted: string | RegExp): boolean => {
    // In the middle of an update the screen is neither the old nor the new one.
    if (emulator.modes.synchronizedOutputMode) return false;
    return typeof wanted === 'string' ? text().includes(wanted) : wanted.test(text());
  };
  const until = (condition: () => boolean, what: string, ms: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const done = (error?: Error): void => {
        clearTimeout(timer);
        changed.delete(check);
        if (error === undefined) resolve();
        else reject(error);
      };
      const check = (): void => {
        if (condition()) done();
      };
      const timer = setTimeout(() => done(new Error(`${what}; the screen was:\n${text()}`)), ms);
      changed.add(check);
      check();
    });

  return {
    lines,
    cells,
    text,
    waitFor: (wanted, ms = 20_000) => until(() => holds(wanted), `${String(wanted)} did not appear`, ms),
    waitWithout: (unwanted, ms = 20_000) =>
      until(() => !emulator.modes.synchronizedOutputMode && !holds(unwanted), `${String(unwanted)} did not go`, ms),
    keys: (keys) => pty.write(keys),
    resize(newColumns, newRows) {
      emulator.resize(newColumns, newRows);
      pty.resize(newColumns, newRows);
    },
    stop: () => pty.pause(),
    goOn: () => pty.resume(),
    // What node-pty's own types leave out.
    hangUp: () => (pty as IPty & { destroy(): void }).destroy(),
    signal: (signal) => pty.kill(signal),
    pid: pty.pid,
    modes: () => ({
      alternateScreen: emulator.buffer.active.type === 'alternate',
      cursorHidden,
      wraparound: emulator.modes.wraparoundMode,
      bracketedPaste: emulator.modes.bracketedPasteMode,
      mouse: emulator.modes.mouseTrackingMode,
    }),
    get output() {
      return output;
    },
    exited,
    close() {
      try {
        pty.kill('SIGKILL');
      } catch {
        // It has ended already.
      }
      emulator.dispose();
    },
  };
}

const blankCell: Cell = { text: '', width: 1, foreground: null, background: null, bold: false, dim: false };
const sixteen =
  '#1c2128 #e06c75 #98c379 #d19a66 #61afef #c678dd #56b6c2 #abb2bf #5c6370 #ff7b86 #b5e890 #e5c07b #84c8ff #df9bf0 #7bdce6 #ffffff';

/** A colour of the emulator as `#rrggbb`; null where it is the terminal's own. */
function colourOf(rgb: boolean, palette: boolean, value: number): string | null {
  if (rgb) return `#${value.toString(16).padStart(6, '0')}`;
  if (!palette) return null;
  if (value < 16) return sixteen.split(' ')[value] ?? null;
  const grey = 8 + (value - 232) * 10;
  const levels = [0, 95, 135, 175, 215, 255];
  const cube = value - 16;
  const parts =
    value >= 232
      ? [grey, grey, grey]
      : [Math.floor(cube / 36), Math.floor(cube / 6) % 6, cube % 6].map((level) => levels[level] as number);
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}
