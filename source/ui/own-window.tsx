/** Shows a node's own view on a terminal, in a process of its own, until the node ends or the terminal is gone. */
import { Box, render, useInput, useWindowSize } from 'ink';
import { type ReactNode, useContext, useLayoutEffect, useSyncExternalStore } from 'react';
import { PaintingContext, plain, Rows } from './components/rows.tsx';
import { frameOut } from './frame-out.ts';
import { keyNames } from './key-press.ts';
import { type OwnState, ownRows } from './own-view.ts';
import { terminalSession } from './terminal-session.ts';
import { type Environment, type Theme, themeFor } from './theme.ts';

export interface OwnWindow {
  /** Shows this from now on. */
  show(state: OwnState): void;
  /** Gives the terminal back. */
  close(): void;
}

/** Begins to show; `quit` is called for each `q` and Ctrl-C. Both streams must be terminals. */
export function openOwnWindow(
  stdin: NodeJS.ReadStream,
  stdout: NodeJS.WriteStream,
  env: Environment,
  quit: () => void,
): OwnWindow {
  const session = terminalSession(stdin, stdout);
  const theme = themeFor(env);
  const frames = frameOut(stdout, theme);
  const listeners = new Set<() => void>();
  let state: OwnState | null = null;
  const source: Source = {
    get state() {
      return state;
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const press = (key: string): void => {
    if (key === 'q' || key === 'C-c') quit();
    else if (key === 'C-l') frames.repaint();
  };
  const continued = (): void => {
    // Back from a stop: somebody else has used the terminal.
    stdin.setRawMode(false);
    stdin.setRawMode(true);
    session.take();
    frames.repaint();
  };
  process.on('SIGCONT', continued);
  session.take();
  const ink = render(
    <PaintingContext value={frames}>
      <Whole source={source} theme={theme} press={press} />
    </PaintingContext>,
    {
      stdout: frames.stream,
      stdin,
      exitOnCtrlC: false,
      patchConsole: false,
      interactive: true,
    },
  );
  return {
    show(next) {
      state = next;
      for (const listener of listeners) listener();
    },
    close() {
      process.off('SIGCONT', continued);
      frames.end();
      ink.unmount();
      session.giveBack();
      stdin.unref?.();
    },
  };
}

interface Source {
  readonly state: OwnState | null;
  subscribe(listener: () => void): () => void;
}

function Whole({ source, theme, press }: { source: Source; theme: Theme; press(key: string): void }): ReactNode {
  const state = useSyncExternalStore(source.subscribe, () => source.state);
  const { columns, rows } = useWindowSize();
  const painting = useContext(PaintingContext);
  // After the blocks of this frame have been put.
  useLayoutEffect(() => painting?.show());
  useInput((input, key) => {
    for (const name of keyNames(input, key)) press(name);
  });
  return (
    <Box flexDirection="column" width={columns} height={1}>
      <Rows theme={theme} lines={plain(ownRows(state, theme, columns, rows))} width={columns} height={rows} />
    </Box>
  );
}
