/** The same again and again (`--watch`): in place on a terminal, one after the other elsewhere. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Call } from './call.ts';
import type { Output } from './io.ts';
import { cutTo } from './plain-text.ts';

const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';
const topLeft = '\x1b[H';
const atRow = (row: number): string => `\x1b[${row};1H`;
const clearRight = '\x1b[K';
const clearBelow = '\x1b[J';

/**
 * Prints what `frame` prints every `intervalMs` until somebody interrupts; resolves then. On a terminal what does not fit is
 * cut off at its end, and the last frame stays when it is over; a notice stands in its last line until the next frame.
 * Rejects with what `frame` rejects with.
 */
export async function watch(
  { io, notices }: Pick<Call, 'io' | 'notices'>,
  intervalMs: number,
  frame: (output: Output) => Promise<void>,
): Promise<void> {
  const { stdout } = io;
  const ended = new AbortController();
  const release = io.onInterrupt(() => ended.abort());
  const undivert = stdout.isTerminal
    ? notices.divert(
        (line) =>
          void stdout.write(`${atRow(stdout.rows)}${cutTo(line, stdout.columns - 1)}${clearRight}`).catch(() => {}),
      )
    : () => {};
  let shown = '';
  try {
    if (stdout.isTerminal) await stdout.write(enter);
    while (!ended.signal.aborted) {
      const kept = keeping(stdout);
      await frame(kept.output);
      shown = kept.text();
      if (stdout.isTerminal) await stdout.write(placed(shown, stdout.rows));
      else await stdout.write(shown);
      await sleep(intervalMs, undefined, { signal: ended.signal }).catch(() => {});
    }
  } finally {
    release();
    undivert();
    if (stdout.isTerminal) await stdout.write(leave + shown);
  }
}

/** What is written, kept instead. */
function keeping(like: Output): { output: Output; text(): string } {
  const parts: Buffer[] = [];
  return {
    output: {
      isTerminal: like.isTerminal,
      colour: like.colour,
      columns: like.columns,
      rows: like.rows,
      async write(data) {
        parts.push(Buffer.from(data));
      },
    },
    text: () => Buffer.concat(parts).toString(),
  };
}

/** As much of the text as there are lines, over what stood there. */
function placed(text: string, rows: number): string {
  const lines = text.trimEnd().split('\n').slice(0, rows);
  return `${topLeft}${lines.map((line) => line + clearRight).join('\r\n')}${clearBelow}`;
}
