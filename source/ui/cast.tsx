/**
 * The interface playing a trace, as an asciicast (version 2, docs.asciinema.org/manual/asciicast/v2): the same components on
 * a screen that is nobody's. The caller has set NODE_ENV=production before importing this.
 */
import { Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { render } from 'ink';
import { openPlayer } from '../feed/player.ts';
import type { Trace } from '../feed/trace-reader.ts';
import { App } from './app.tsx';
import { canvas } from './canvas.ts';
import { PaintingContext } from './components/rows.tsx';
import type { Painting } from './frame-out.ts';
import { interfaceStore } from './store.ts';
import { themeFor } from './theme.ts';

export interface CastOptions {
  title: string;
  columns: number;
  rows: number;
  /** Takes text; resolves when more may come. */
  write(text: string): Promise<void>;
  /** Told how far it is, 0 to 1. */
  progress(share: number): Promise<void>;
}

const framesPerSecond = 4;
/** A longer session is played faster, so that its cast takes no longer than this. */
const longestS = 600;
/** A frame that is not drawn by then is as the one before. */
const frameMs = 250;

/** Writes the cast of a trace. It shows the nodes, as the interface does when it begins. */
export async function writeCast(trace: Trace, { title, columns, rows, write, progress }: CastOptions): Promise<void> {
  const { from, to } = trace;
  const seconds = Math.max(1, Math.min(longestS, (to - from) / 1_000));
  const frames = Math.max(1, Math.round(seconds * framesPerSecond));
  const header = { version: 2, width: columns, height: rows, timestamp: Math.floor(from / 1_000), title };
  await write(`${JSON.stringify({ ...header, duration: seconds, env: { TERM: 'xterm-256color' } })}\n`);

  const theme = themeFor({ TERM: 'xterm-256color', COLORTERM: 'truecolor', LANG: 'C.UTF-8' });
  const screen = screenOf(columns, rows);
  const feed = await openPlayer(trace);
  const store = interfaceStore(feed, { title, readOnly: true, owner: false, utcOffsetMinutes: 0, columns, rows });
  const { painting, drawn } = painted(canvas(theme), columns, rows);
  const ink = render(
    <PaintingContext value={painting}>
      <App store={store} feed={feed} theme={theme} />
    </PaintingContext>,
    { ...screen, exitOnCtrlC: false, patchConsole: false, interactive: true, maxFps: 1_000 },
  );
  try {
    // What is drawn before anything is known is part of the first frame.
    let before = `\x1b[?25l\x1b[2J${await drawn()}`;
    let next = drawn();
    store.open();
    for (let frame = 0; frame <= frames; frame++) {
      const out = before + (await next);
      if (out !== '') await write(`${JSON.stringify([frame / framesPerSecond, 'o', out])}\n`);
      await progress(frame / frames);
      before = '';
      if (frame === frames) break;
      next = drawn();
      feed.time.seek(from + ((frame + 1) / frames) * (to - from));
    }
  } finally {
    ink.unmount();
    store.close();
    feed.close();
  }
}

/** Draws what Ink's components put; `drawn` waits for the next frame and returns what a terminal would be sent. */
function painted(
  cells: ReturnType<typeof canvas>,
  columns: number,
  rows: number,
): { painting: Painting; drawn: () => Promise<string> } {
  let told: ((out: string) => void) | null = null;
  let out = '';
  cells.clear(columns, rows);
  return {
    painting: {
      put: (block) => cells.draw(block),
      show() {
        out += cells.frame();
        told?.(out);
      },
    },
    async drawn() {
      const shown = new Promise<string>((resolve) => {
        told = resolve;
      });
      const late = new AbortController();
      await Promise.race([shown, sleep(frameMs, undefined, { signal: late.signal }).catch(() => {})]);
      late.abort();
      told = null;
      const all = out;
      out = '';
      return all;
    },
  };
}

/**
 * Streams of a terminal of this size that is none. What Ink would write is not wanted: it is told that this is no terminal,
 * else it gives the cursor back to ours at the end of the process.
 */
function screenOf(columns: number, rows: number): { stdin: NodeJS.ReadStream; stdout: NodeJS.WriteStream } {
  const stdout = new Writable({ decodeStrings: false, write: (_chunk, _encoding, done) => done() });
  const stdin = new Readable({ read: () => {} });
  Object.assign(stdout, { isTTY: false, columns, rows });
  Object.assign(stdin, { isTTY: true, setRawMode: () => stdin, ref: () => stdin, unref: () => stdin });
  return { stdin: stdin as NodeJS.ReadStream, stdout: stdout as NodeJS.WriteStream };
}
