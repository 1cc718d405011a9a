/** A node as a process: log lines or its own view, and the signals that end it. */

import { type LogFormat, logLine } from '../wire/log-line.ts';
import { type AgentOptions, startAgent } from './agent.ts';
import { startView, type View } from './view-process.ts';

export interface NodeMainOptions {
  agent: Omit<AgentOptions, 'log'>;
  logFormat: LogFormat;
  /** The program of its view; null: log lines on stdout. */
  viewFile: URL | null;
  /** Looks how the terminal is set; returns what sets it so again. */
  keepTerminal(): () => void;
  print(line: string): void;
  /** Calls back for each request to end until the returned function is called. */
  onInterrupt(handler: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
  /** Leaves at once. */
  exit(code: number): void;
}

/** Runs until it is told to end; returns the exit code. Throws LbtopError where no coordinator will have it. */
export async function runNode({
  agent: options,
  logFormat,
  viewFile,
  keepTerminal,
  print,
  onInterrupt,
  exit,
}: NodeMainOptions): Promise<number> {
  let view: View | null = null;
  /** Its view shows text, whatever the log is. */
  const stamped = (text: string): string =>
    logLine(view === null ? logFormat : 'text', Date.now(), text, { role: 'node', node: options.name });
  const agent = startAgent({
    ...options,
    log: (text) => (view === null ? print(stamped(text)) : view.log(stamped(text))),
  });
  let asked = 0;
  function end(reason: string): void {
    asked += 1;
    view?.stopping();
    if (asked === 1)
      void agent.stop(reason).catch(() => {}); // `ended` tells
    else if (asked === 2) agent.kill();
    else exit(130);
  }
  const release = onInterrupt(end);
  process.on('SIGHUP', () => {}); // its terminal went away: the tasks go on
  if (viewFile !== null) {
    view = startView({ file: viewFile, agent, restoreTerminal: keepTerminal(), quit: () => end('its view was quit') });
    void view.ended.then((lines) => {
      view = null;
      for (const line of lines) print(line);
    });
  }
  try {
    await agent.ended;
    return 0;
  } finally {
    release();
    const ending: View | null = view;
    ending?.close();
    await ending?.ended;
  }
}
