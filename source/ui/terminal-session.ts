/** The terminal while it is ours: the other screen, no cursor, no wrapping; and given back as it was, whatever happens. */
import { mouseOff, mouseOn } from './mouse.ts';

const enter = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J\x1b[H';
const leave = '\x1b[?2026l\x1b[0m\x1b[?7h\x1b[?25h\x1b[?2004l\x1b[?1049l';

export interface TerminalSession {
  /** Takes the terminal (again, after somebody else had it). */
  take(): void;
  /** Gives it back; safe to call any number of times. */
  giveBack(): void;
}

/** Returns a session on a terminal, with its mouse where that is wanted; it begins with `take`. The process cannot end without giving back. */
export function terminalSession(
  stdin: NodeJS.ReadStream,
  stdout: NodeJS.WriteStream,
  { mouse = false } = {},
): TerminalSession {
  let taken = false;
  const giveBack = (): void => {
    if (!taken) return;
    taken = false;
    process.off('exit', giveBack);
    attempt(() => stdin.setRawMode?.(false));
    attempt(() => stdout.write(mouse ? mouseOff + leave : leave));
  };
  return {
    take() {
      if (!taken) process.on('exit', giveBack);
      taken = true;
      attempt(() => stdout.write(mouse ? enter + mouseOn : enter));
    },
    giveBack,
  };
}

/** A terminal that is gone can not be restored, and need not be. */
function attempt(action: () => unknown): void {
  try {
    action();
  } catch {
    return;
  }
}
