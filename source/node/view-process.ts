/** The agent's side of its own view: starts the process that has the terminal, and tells it how the node is. */
import { fork } from 'node:child_process';
import type { Agent } from './agent.ts';
import type { AgentSnapshot } from './snapshot.ts';

/** What the view is told; the view's own words for it are the same. */
export interface ViewState extends AgentSnapshot {
  stopping: boolean;
  log: string[];
}

export interface ViewOptions {
  /** The program of the view. */
  file: URL;
  agent: Pick<Agent, 'snapshot'>;
  /** The user wants the node to end; called again when he wants that at once. */
  quit(): void;
  /** Called where the view was killed. */
  restoreTerminal(): void;
}

export interface View {
  /** Keeps a line of the log, on the screen while there is one. */
  log(line: string): void;
  stopping(): void;
  /** Resolves with the lines of the log that were kept, when the terminal is given back. */
  readonly ended: Promise<string[]>;
  close(): void;
}

const periodMs = 500;
const keptLines = 1_000;
/** What a screen can have of it. */
const toldLines = 20;

/** Never throws: without a view the node goes on. */
export function startView({ file, agent, quit, restoreTerminal }: ViewOptions): View {
  const kept: string[] = [];
  const { promise: ended, resolve } = Promise.withResolvers<string[]>();
  let stopping = false;
  /** One state at a time: who does not show any gets no more. */
  let shown = true;
  const child = fork(file, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], execArgv: [] });

  function tell(): void {
    if (!shown || !child.connected) return;
    shown = false;
    const state: ViewState = { ...agent.snapshot(), stopping, log: kept.slice(-toldLines) };
    child.send(state, () => {}); // where it has ended, 'exit' tells
  }

  child.on('message', (what) => {
    if (what === 'quit') quit();
    else shown = true;
  });
  child.on('error', () => over()); // it could not be started
  child.once('exit', (code) => {
    if (code !== 0) restoreTerminal();
    over();
  });
  const timer = setInterval(tell, periodMs);

  function over(): void {
    clearInterval(timer);
    resolve(kept);
  }

  return {
    log(line) {
      kept.push(line);
      if (kept.length > keptLines) kept.shift();
    },
    stopping() {
      stopping = true;
      tell();
    },
    ended,
    close() {
      if (child.connected) child.disconnect();
    },
  };
}
