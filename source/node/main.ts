/** A node as a process: log lines or its own view, and the signals that end it. */

import { type LogFormat, logLine } from '../wire/log-line.ts';
import type { MetricsEndpoint } from '../wire/metrics-endpoint.ts';
import { hostPort } from '../wire/reach.ts';
import { type Agent, type AgentOptions, type AgentSnapshot, startAgent } from './agent.ts';
import { closeInherited } from './inherited-descriptors.ts';
import type { AgentMetrics } from './metrics.ts';
import { startView, type View } from './view-process.ts';

export interface NodeMainOptions {
  agent: Omit<AgentOptions, 'log' | 'ended'>;
  /** Measurements for Prometheus are served there; null: nowhere. */
  metrics: { host: string; port: number } | null;
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

/**
 * Runs until it is told to end; returns the exit code. Throws LbtopError where no coordinator will have it, or where its
 * measurements cannot be served.
 */
export async function runNode({
  agent: options,
  metrics,
  logFormat,
  viewFile,
  keepTerminal,
  print,
  onInterrupt,
  exit,
}: NodeMainOptions): Promise<number> {
  closeInherited();
  let view: View | null = null;
  /** Its view shows text, whatever the log is. */
  const stamped = (text: string): string =>
    logLine(view === null ? logFormat : 'text', Date.now(), text, { role: 'node', node: options.name });
  const log = (text: string): void => (view === null ? print(stamped(text)) : view.log(stamped(text)));
  // It is asked when there is somebody to ask it: not in this turn of the event loop.
  const serving = metrics === null ? null : await serve(metrics, options, () => agent.snapshot());
  const agent: Agent = startAgent({ ...options, log, ...(serving && { ended: serving.ended }) });
  if (serving !== null) log(`metrics at http://${hostPort(serving.host, serving.port)}/metrics`);
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
    await serving?.close();
  }
}

/** Throws LbtopError where the address cannot be had. */
async function serve(
  address: { host: string; port: number },
  { name, version }: NodeMainOptions['agent'],
  snapshot: () => AgentSnapshot,
): Promise<MetricsEndpoint & Pick<AgentMetrics, 'ended'>> {
  const [{ agentMetrics }, { serveMetrics }] = await Promise.all([
    import('./metrics.ts'),
    import('../wire/metrics-endpoint.ts'),
  ]);
  const { metrics, ended } = agentMetrics(version, snapshot);
  return { ...(await serveMetrics(address, metrics, { node: name })), ended };
}
