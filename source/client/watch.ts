/** The same again and again (`--watch`): in place on a terminal, one after the other elsewhere. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Io, Output } from './io.ts';

const enter = '\x1b[?1049h\x1b[?25l';
const leave = '\x1b[?25h\x1b[?1049l';
const topLeft = '\x1b[H';
const clearRight = '\x1b[K';
const clearBelow = '\x1b[J';

/**
 * Prints what `frame` prints every `intervalMs` until somebody interrupts; resolves then. On a terminal what does not fit is
 * cut off at its end, and the last frame stays when it is over. Rejects with what `frame` rejects with.
 */
export async function watch(io: Io, intervalMs: number, frame: (output: Output) => Promise<void>): Promise<void> {
  const { stdout } = io;
  const ended = new AbortController();
  const release = io.onInterrupt(() => ended.abort());
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
