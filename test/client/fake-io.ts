/** Standard streams in memory, and words run on them. */
import { connectClient } from '../../source/client/client.ts';
import { parseCommandLine } from '../../source/client/command-line.ts';
import { type Io, type Output, OutputClosed } from '../../source/client/io.ts';
import { complain, runWord } from '../../source/client/main.ts';
import { places } from '../../source/client/places.ts';
import type { FakeCoordinator } from './fake-coordinator.ts';

export interface FakeOutput extends Output {
  bytes(): Buffer;
  text(): string;
}

export interface FakeOptions {
  terminal?: boolean;
  colour?: boolean;
  columns?: number;
  rows?: number;
  /** Nobody reads any more after so many writes. */
  closesAfter?: number;
}

export function fakeOutput({
  terminal = false,
  colour = false,
  columns = 80,
  rows = 24,
  closesAfter,
}: FakeOptions = {}): FakeOutput {
  const parts: Buffer[] = [];
  return {
    isTerminal: terminal,
    colour,
    columns,
    rows,
    async write(data) {
      if (closesAfter !== undefined && parts.length >= closesAfter) throw new OutputClosed('closed');
      parts.push(Buffer.from(data));
    },
    bytes: () => Buffer.concat(parts),
    text: () => Buffer.concat(parts).toString(),
  };
}

export interface FakeIo extends Io {
  stdout: FakeOutput;
  stderr: FakeOutput;
  /** Presses Ctrl-C. */
  interrupt(signal?: 'SIGINT' | 'SIGTERM'): void;
  exits: number[];
}

export interface FakeIoOptions {
  stdout?: FakeOptions;
  stderr?: FakeOptions;
  stdin?: Iterable<string | Uint8Array>;
  env?: Record<string, string>;
  cwd?: string;
}

export function fakeIo({ stdout, stderr, stdin = [], env = {}, cwd = '/somewhere' }: FakeIoOptions = {}): FakeIo {
  const handlers = new Set<(signal: 'SIGINT' | 'SIGTERM') => void>();
  const exits: number[] = [];
  return {
    stdout: fakeOutput(stdout),
    stderr: fakeOutput(stderr),
    async *stdin() {
      for (const part of stdin) yield Buffer.from(part);
    },
    env,
    cwd,
    now: () => 1_800_000_000_000,
    onInterrupt(handler) {
      handlers.add(handler);
      return () => handlers.delete(handler);
    },
    exit: (code) => exits.push(code),
    interrupt(signal = 'SIGINT') {
      for (const handler of handlers) handler(signal);
    },
    exits,
  };
}

export interface Ran {
  code: number;
  out: string;
  err: string;
  io: FakeIo;
}

const nowhere = places({ HOME: '/nowhere', XDG_STATE_HOME: '/nowhere/state', XDG_CONFIG_HOME: '/nowhere/config' });

/** Runs `lbtop …` against a coordinator in memory. */
export async function lbtop(
  argv: readonly string[],
  coordinator: FakeCoordinator,
  io: FakeIo = fakeIo(),
): Promise<Ran> {
  let code: number;
  try {
    const line = parseCommandLine(argv, { env: io.env, settings: () => ({}) });
    if (line.word === null) throw new Error('these tests are of words');
    const open = () =>
      connectClient({ host: '127.0.0.1', port: 7077, secret: null, who: 'ana@desk', dial: coordinator.dial });
    code = await runWord({ ...line, word: line.word }, io, nowhere, open);
  } catch (error) {
    code = await complain(io, error);
  }
  return { code, out: io.stdout.text(), err: io.stderr.text(), io };
}
