/**
 * Starts the interface on a terminal and gives the terminal back when it ends, however it ends. The caller has set
 * NODE_ENV=production before importing this: React decides then how it works.
 */
import { render } from 'ink';
import type { Feed } from '../feed/feed.ts';
import { oneLine } from '../model/errors.ts';
import { App } from './app.tsx';
import { PaintingContext } from './components/rows.tsx';
import { frameOut } from './frame-out.ts';
import { mouseWanted } from './mouse.ts';
import { interfaceStore } from './store.ts';
import { terminalSession } from './terminal-session.ts';
import { type Environment, themeFor } from './theme.ts';

export interface StartOptions {
  feed: Feed;
  /** Who is looked at: `demo@127.0.0.1:7077`, a file's name. */
  title: string;
  /** Takes the keys away that act. */
  readOnly: boolean;
  /** `q` asks, and stops the coordinator. */
  owner: boolean;
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  env: Environment;
}

/** How the interface ended; `message` is for stderr (without the program's name), `code` for the process. The terminal is restored already. */
export interface InterfaceExit {
  /** `quit`: the user's wish. `ended`: nothing to show any more. `hangup`: no terminal any more. */
  kind: 'quit' | 'ended' | 'hangup' | 'signal' | 'failed';
  /** The coordinator was told to stop. */
  stopped: boolean;
  message: string | null;
  code: number;
}

const signals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129, SIGQUIT: 131 } as const;

/** Shows the interface until it ends. Both streams must be terminals. */
export async function startInterface(options: StartOptions): Promise<InterfaceExit> {
  const { feed, stdin, stdout } = options;
  // A voice gets lines as Ink says them, on the screen that there is; eyes get cells on one of their own.
  const voice = options.env.INK_SCREEN_READER === 'true';
  const session = terminalSession(stdin, stdout, { mouse: mouseWanted(options.env) });
  const { promise: ended, resolve: end } = Promise.withResolvers<InterfaceExit>();
  const off = watchProcess(stdin, stdout, end, () => {
    // Back from a stop: somebody else has used the terminal.
    if (stdin.isTTY) {
      stdin.setRawMode(false);
      stdin.setRawMode(true);
    }
    if (voice) return;
    session.take();
    frames.repaint();
  });
  const said = holdConsole();
  const theme = themeFor(voice ? { ...options.env, NO_COLOR: '1' } : options.env);
  const frames = frameOut(stdout, theme);
  const store = interfaceStore(feed, {
    title: options.title,
    readOnly: options.readOnly,
    owner: options.owner,
    utcOffsetMinutes: -new Date().getTimezoneOffset(),
    columns: frames.stream.columns,
    rows: frames.stream.rows,
    calmMs: voice ? 30_000 : 0,
    stop() {
      session.giveBack();
      process.kill(0, 'SIGTSTP');
    },
  });
  let repaints = 0;
  store.subscribe(() => {
    if (store.state.repaints === repaints) return;
    repaints = store.state.repaints;
    frames.repaint();
  });
  if (!voice) session.take();
  const ink = render(
    <PaintingContext value={voice ? null : frames}>
      <App store={store} feed={feed} theme={theme} />
    </PaintingContext>,
    {
      stdout: voice ? stdout : frames.stream,
      stdin,
      exitOnCtrlC: false,
      patchConsole: false,
      interactive: true,
      isScreenReaderEnabled: voice,
    },
  );
  void ink.waitUntilExit().catch((error: unknown) => end(failed(error)));
  void store.exit.then((exit) =>
    end(
      exit.kind === 'quit'
        ? { kind: 'quit', stopped: exit.stop, message: null, code: 0 }
        : { kind: 'ended', stopped: false, message: exit.why, code: 3 },
    ),
  );
  try {
    store.open();
  } catch (error) {
    end(failed(error));
  }

  const exit = await ended;
  frames.end();
  store.close();
  ink.unmount();
  session.giveBack();
  off();
  const held = said();
  stdin.unref?.();
  const message = [...held, ...(exit.message === null ? [] : [exit.message])].join('\n');
  return { ...exit, message: message === '' ? null : message };
}

function failed(error: unknown): InterfaceExit {
  const where =
    error instanceof Error && error.stack !== undefined ? `\n${error.stack.split('\n').slice(1, 4).join('\n')}` : '';
  return { kind: 'failed', stopped: false, message: `the interface failed: ${oneLine(error)}${where}`, code: 1 };
}

/** Ends the interface with whatever ends the process or its terminal; returns how to stop watching. */
function watchProcess(
  stdin: NodeJS.ReadStream,
  stdout: NodeJS.WriteStream,
  end: (exit: InterfaceExit) => void,
  continued: () => void,
): () => void {
  // As if the signal had come first: whoever started this is not to take it for the user's wish.
  const hangup = (): void => end({ kind: 'hangup', stopped: false, message: null, code: signals.SIGHUP });
  const crashed = (error: unknown): void => end(failed(error));
  const onSignal = (signal: NodeJS.Signals): void =>
    end({ kind: 'signal', stopped: false, message: null, code: signals[signal as keyof typeof signals] });
  for (const signal of Object.keys(signals)) process.on(signal, onSignal);
  process.on('SIGCONT', continued);
  process.on('uncaughtException', crashed);
  process.on('unhandledRejection', crashed);
  stdin.on('end', hangup);
  stdin.on('close', hangup);
  stdin.on('error', hangup);
  stdout.on('error', hangup);
  return () => {
    for (const signal of Object.keys(signals)) process.off(signal, onSignal);
    process.off('SIGCONT', continued);
    process.off('uncaughtException', crashed);
    process.off('unhandledRejection', crashed);
    stdin.off('end', hangup);
    stdin.off('close', hangup);
    stdin.off('error', hangup);
    // What is still to be written to a terminal that is gone fails later, and must not end the process.
    if (!stdout.writable) return;
    stdout.off('error', hangup);
  };
}

/** Keeps what is said to the console from the screen; returns what gives it back and tells the last lines. */
function holdConsole(): () => string[] {
  const names = ['log', 'info', 'warn', 'error', 'debug'] as const;
  const kept: string[] = [];
  const own = names.map((name) => console[name]);
  for (const name of names)
    console[name] = (...parts: unknown[]) => {
      kept.push(parts.map(String).join(' '));
      if (kept.length > 20) kept.shift();
    };
  return () => {
    names.forEach((name, i) => {
      console[name] = own[i] as (typeof console)['log'];
    });
    return kept;
  };
}
