/** Standard input, output and error as the words see them. */
import type { Writable } from 'node:stream';
import { LbtopError, oneLine } from '../model/errors.ts';
import { plainText } from '../model/plain-text.ts';
import { visibleJson } from './complaint.ts';

/** Whoever read our output went away (`| head`): there is nobody to go on for. */
export class OutputClosed extends Error {
  override readonly name = 'OutputClosed';
}

/** Where something is written. */
export interface Output {
  readonly isTerminal: boolean;
  /** Colours are wanted here. */
  readonly colour: boolean;
  /** Cells in a line of the terminal. */
  readonly columns: number;
  /** Lines of the terminal. */
  readonly rows: number;
  /**
   * Resolves when more may be written. Throws OutputClosed where nobody reads any more, and LbtopError (failed) where what
   * was written before could not be: a disk is full.
   */
  write(data: string | Uint8Array): Promise<void>;
}

/** An output that can be asked whether all of it has gone out. */
export interface OwnOutput extends Output {
  /** Resolves when it has, or nobody reads it any more. Throws LbtopError (failed) where it could not be written. */
  settled(): Promise<void>;
}

export interface Io {
  stdout: Output;
  stderr: Output;
  /** Returns what comes by standard input. */
  stdin(): AsyncIterable<Uint8Array>;
  env: Readonly<Record<string, string | undefined>>;
  /** The directory that relative paths begin in. */
  cwd: string;
  /** ms since the epoch. */
  now(): number;
  /** Calls `handler` for each Ctrl-C or request to end (SIGINT, SIGTERM) until the returned function is called. */
  onInterrupt(handler: (signal: 'SIGINT' | 'SIGTERM') => void): () => void;
  /** Leaves at once. */
  exit(code: number): void;
}

/**
 * Prints a line. Of what a terminal would obey only our own colours pass: callers make foreign text plain where they put
 * it in, and who forgets it harms nobody.
 */
export function printLine(output: Output, line: string): Promise<void> {
  return output.write(`${harmless(line)}\n`);
}

/** Of `coloured`. */
const ourColours = /(\x1b\[(?:[0-2]|3[1-6])m)/;

function harmless(line: string): string {
  const parts = line.split(ourColours); // at odd places what it matched
  return parts.map((part, at) => (at % 2 === 1 ? part : plainText(part))).join('');
}

/** Prints a value as one line of JSON. */
export function printJson(output: Output, value: unknown): Promise<void> {
  return output.write(`${visibleJson(JSON.stringify(value))}\n`);
}

/** Prints an array of JSON whose rows come a page at a time, a row a line, so that it never has to be whole in memory. */
export async function printJsonArray(output: Output, pages: AsyncIterable<readonly unknown[]>): Promise<void> {
  let before = '[';
  for await (const page of pages) {
    let text = '';
    for (const row of page) {
      text += before + visibleJson(JSON.stringify(row));
      before = ',\n';
    }
    await output.write(text);
  }
  await output.write(before === '[' ? '[]\n' : ']\n');
}

type TerminalStream = Writable & { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };

/** Of a file that is written to; a pipe, or a terminal that went away, has others. */
const diskFaults = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EIO']);

/**
 * Returns what writes to a stream of this process. Colour: on a terminal that is not `dumb`, never with NO_COLOR;
 * FORCE_COLOR (not 0) asks for it elsewhere.
 */
export function outputOf(stream: TerminalStream, env: Io['env']): OwnOutput {
  let broken: NodeJS.ErrnoException | null = null;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    broken ??= error; // whatever it was: nothing can be said there any more
  });
  const isTerminal = stream.isTTY === true;
  const check = (): void => {
    if (broken === null) return;
    if (isTerminal || !diskFaults.has(broken.code ?? '')) throw new OutputClosed('nobody reads the output');
    throw new LbtopError('failed', `the output could not be written, and is not whole: ${oneLine(broken)}`);
  };
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '' && env.FORCE_COLOR !== '0';
  const colour = !env.NO_COLOR && (forced || (isTerminal && env.TERM !== 'dumb' && env.FORCE_COLOR !== '0'));
  return {
    isTerminal,
    colour,
    get columns() {
      return stream.columns ?? 80;
    },
    get rows() {
      return stream.rows ?? 24;
    },
    async write(data) {
      check();
      if (!stream.write(data)) await drained(stream);
      check();
    },
    async settled() {
      await new Promise<void>((resolve) => void stream.write('', () => resolve()));
      await new Promise(setImmediate); // an error is told after that
      try {
        check();
      } catch (error) {
        if (!(error instanceof OutputClosed)) throw error;
      }
    },
  };
}

function drained(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ['drain', 'error', 'close']) stream.off(event, done);
      resolve();
    };
    for (const event of ['drain', 'error', 'close']) stream.on(event, done);
  });
}

/** Returns the input and output of this process. */
export function processIo(): Io & { stdout: OwnOutput } {
  const { env } = process;
  return {
    stdout: outputOf(process.stdout, env),
    stderr: outputOf(process.stderr, env),
    stdin: () => process.stdin,
    env,
    cwd: process.cwd(),
    now: Date.now,
    onInterrupt(handler) {
      const interrupted = () => handler('SIGINT');
      const ended = () => handler('SIGTERM');
      process.on('SIGINT', interrupted);
      process.on('SIGTERM', ended);
      return () => {
        process.off('SIGINT', interrupted);
        process.off('SIGTERM', ended);
      };
    },
    exit: (code) => process.exit(code),
  };
}
