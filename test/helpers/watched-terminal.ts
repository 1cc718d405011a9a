/** What would harm a terminal, and a terminal emulator that tells whether anything did. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { Terminal } = require('@xterm/headless') as typeof import('@xterm/headless');

/** Each would change something that is not the program's own, or make text look like other text. */
export const payloads: readonly string[] = [
  '\x1b]0;owned\x07',
  '\x1b]2;owned\x1b\\',
  '\x1b]52;c;b3duZWQ=\x07',
  '\x1b]8;;http://owned\x1b\\link\x1b]8;;\x1b\\',
  '\x1b]4;1;rgb:00/00/00\x07',
  '\x1b]1337;File=inline=1:b3duZWQ=\x07',
  '\x1b[2J\x1b[1;1Howned',
  '\x1b[?1049l\x1b[?25h\x1b[?1000h\x1b[?2004h',
  '\x1b[8mhidden\x1b[5m\x1b[7m',
  '\x1b[6n\x1b[c\x1b[>c\x1b[5n',
  '\x1b[21t\x1b[3J\x1b[!p',
  '\x1bc\x1b(0\x1b#8\x1b7\x1b8',
  '\x1bP$q"p\x1b\\\x1bP+q544e\x1b\\',
  '\x1b_owned\x1b\\\x1b^owned\x1b\\\x1bXowned\x1b\\',
  '\x9b2J\x9d0;owned\x9c\x90owned\x9c\x85\x84',
  'a\rowned\b\b\b\x07\0\x0e\x0f\x7f\x0b\x0c',
  'one\ntwo\r\n\tthree',
  '\u202egnp.exe\u2066x\u2069\u200f\u061c',
  'ad\u200bmin\u200d\u2060\ufeff\u{e0041}\u{e007f}',
  `z${'\u0301'.repeat(40)}`,
  '\ud800\udc00\ud800',
  '\x1b\x1b]0;owned\x07[2J\x1b[3\x1b[31m1m',
  '\x1b]0;an end that never comes',
];

export interface WatchedTerminal {
  /** Resolves when it has obeyed all of it. */
  write(bytes: string | Uint8Array): Promise<void>;
  /** What happened that should not: titles, clipboard, answers, modes, the bell; empty where all is as it was. */
  readonly harm: string[];
  /** Lines of the screen and of what scrolled away. */
  lines(): string[];
}

/** Functions of OSC that only the user of a terminal, or a program of his choice, should use. */
const systemCommands = [0, 1, 2, 4, 7, 8, 9, 10, 11, 12, 50, 52, 104, 133, 777, 1337];

/** Returns an emulator. `ownModes`: the program may change modes (alternate screen, cursor), as an interface does. */
export function watchedTerminal(columns: number, rows: number, { ownModes = false } = {}): WatchedTerminal {
  const emulator = new Terminal({ cols: columns, rows, allowProposedApi: true, scrollback: 10_000 });
  const harm: string[] = [];
  const saw =
    (what: string) =>
    (detail: unknown): boolean => {
      harm.push(`${what} ${JSON.stringify(detail)}`);
      return false;
    };
  emulator.onTitleChange(saw('title'));
  emulator.onBell(() => saw('bell')(''));
  emulator.onData(saw('answer'));
  for (const number of systemCommands) emulator.parser.registerOscHandler(number, saw(`OSC ${number}`));
  emulator.parser.registerDcsHandler({ final: 'q', intermediates: '$' }, saw('DCS'));
  emulator.parser.registerDcsHandler({ final: 'q', intermediates: '+' }, saw('DCS'));
  emulator.parser.registerEscHandler({ final: 'c' }, () => saw('reset')(''));
  for (const final of ['n', 'c', 't']) emulator.parser.registerCsiHandler({ final }, saw(`CSI ${final}`));
  emulator.parser.registerCsiHandler({ intermediates: '!', final: 'p' }, saw('soft reset'));
  if (!ownModes)
    for (const final of ['h', 'l']) {
      emulator.parser.registerCsiHandler({ prefix: '?', final }, saw(`mode ${final}`));
      emulator.parser.registerCsiHandler({ final }, saw(`mode ${final}`));
    }
  if (!ownModes)
    for (const final of ['A', 'B', 'C', 'D', 'H', 'f', 'J', 'd', 'G', 's', 'u', 'r'])
      emulator.parser.registerCsiHandler({ final }, saw(`cursor ${final}`));
  return {
    write: (bytes) => new Promise((resolve) => emulator.write(bytes, resolve)),
    harm,
    lines() {
      const { active } = emulator.buffer;
      return Array.from({ length: active.length }, (_, y) => active.getLine(y)?.translateToString(true) ?? '');
    },
  };
}
