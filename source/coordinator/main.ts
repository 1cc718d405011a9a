/** The coordinator as a process: log lines, signals, and its interface as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { LbtopError, oneLine } from '../model/errors.ts';
import { plainLine } from '../model/plain-text.ts';
import { type Log, type LogFormat, logLine } from '../wire/log-line.ts';
import { type Coordinator, type CoordinatorOptions, startCoordinator } from './coordinator.ts';
import { logOutput } from './log-output.ts';

export interface MainOptions
  extends Omit<CoordinatorOptions, 'log' | 'onShutdown' | 'onOutdated' | 'fatal' | 'seed' | 'signal'> {
  /** Program and arguments of the interface for the coordinator at `address`; null: no interface, log lines on stdout. */
  interfaceCommand: ((address: string) => [program: string, ...args: string[]]) | null;
  /** Looks how the terminal is set; returns what sets it so again. */
  keepTerminal(): () => void;
  /** Where log lines go while the interface has the terminal. */
  logFile: string;
  logFormat: LogFormat;
  /** Called with `host:port` once it listens, and at the end. */
  onListening(address: string): void;
  onEnded(): void;
}

/** Runs until it is told to end (a signal, a client, its interface); returns the exit code. Throws LbtopError at start. */
export async function runCoordinator(options: MainOptions): Promise<number> {
  let toFile = options.interfaceCommand !== null;
  let listening = false;
  let broken = false;
  let stopping = false;
  const early: string[] = [];
  const { logFormat } = options;
  const log: Log = (message, fields) => {
    const stamped = logLine(logFormat, Date.now(), message, { role: 'coordinator', ...fields });
    if (listening) write(stamped);
    else if (options.standby) process.stderr.write(`${stamped}\n`);
    else early.push(stamped);
  };
  const output = logOutput((text) => {
    if (!toFile) return void process.stdout.write(text);
    try {
      appendFileSync(options.logFile, text, { mode: 0o600 });
    } catch {
      // Where the disk is full, or the directory gone, the work goes on without a log.
    }
  });
  const write = output.line;
  process.on('exit', output.flush); // also where something broke
  process.stdout.on('error', () => {}); // nobody reads the log any more: the work goes on

  const ended = Promise.withResolvers<number>();
  const waiting = new AbortController();
  const giveUp = (signal: NodeJS.Signals) => waiting.abort(new LbtopError('failed', `ended by ${signal}`));
  if (options.standby) for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, giveUp);
  const starting = startCoordinator({
    ...options,
    signal: waiting.signal,
    seed: Math.floor(Math.random() * 0x1_0000_0000),
    log,
    onShutdown: (reason) => void stop(reason, 0),
    onOutdated(error) {
      if (stopping) return;
      process.stderr.write(`lbtop: ${plainLine(error.message)}\n`);
      void stop(error.message, 4);
    },
    fatal(error) {
      if (broken) return;
      broken = true;
      log(`broken: ${oneLine(error)}`, { level: 'error', event: 'broken' });
      process.stderr.write(
        `lbtop: ${plainLine(oneLine(error))}: the coordinator stops; what was acknowledged is safe\n`,
      );
      ended.resolve(1);
    },
  });
  const started = await starting.catch((error) => {
    if (error !== waiting.signal.reason) throw error;
    log(`stands by no longer: ${error.message}`);
    return null;
  });
  if (started === null) return 0;
  const coordinator: Coordinator = started;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, giveUp);
  const address = `${coordinator.host.includes(':') ? `[${coordinator.host}]` : coordinator.host}:${coordinator.port}`;
  listening = true;
  if (logFormat === 'text') write(`listening on ${address}`);
  else log(`listening on ${address}`, { event: 'listening', address });
  for (const line of early) write(line);
  options.onListening(address);

  async function stop(reason: string, code: number): Promise<void> {
    if (stopping) return;
    stopping = true;
    await coordinator.stop(reason);
    ended.resolve(code);
  }
  const onSignal = (signal: NodeJS.Signals) => {
    if (stopping) ended.resolve(130);
    void stop(signal, 0);
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  process.on('SIGHUP', () => {}); // the terminal is gone; the work is not

  const restoreTerminal = options.interfaceCommand === null ? () => {} : options.keepTerminal();
  const child = options.interfaceCommand === null ? null : startInterface(options.interfaceCommand(address));
  const childEnded = Promise.withResolvers<void>();
  child?.on('exit', (code, signal) => {
    childEnded.resolve();
    if (stopping) return;
    if (code === 0) {
      void stop('its interface was quit', 0);
      return;
    }
    // It broke, or its terminal went away: the work goes on without it.
    output.flush();
    toFile = process.stdout.isTTY !== true;
    restoreTerminal();
    log(`the interface ended (${signal ?? `code ${code}`}); the coordinator goes on: lbtop --attach ${address}`);
  });

  const code = await ended.promise;
  // It gives the terminal back before anything else is written there.
  if (child?.exitCode === null && child.signalCode === null && child.kill('SIGTERM')) await childEnded.promise;
  output.flush();
  process.off('exit', output.flush);
  options.onEnded();
  return code;
}

function startInterface([program, ...args]: [string, ...string[]]): ChildProcess {
  const child = spawn(program, args, { stdio: 'inherit' });
  child.on('error', () => {}); // 'exit' does not come then; the coordinator runs without interface
  return child;
}

export type { Coordinator };
