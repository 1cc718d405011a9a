/** Long output on a terminal goes through a pager, as that of git and man does. */
import { spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';
import { type Io, type Output, OutputClosed, outputOf } from './io.ts';

/** What less does where nobody says otherwise: colours as they are, long lines cut, the screen left as it is. */
const lessFlags = 'RSX';

/**
 * Returns the pager as a line for `sh`: LBTOP_PAGER, else PAGER, else `less` where it is installed. Null where none is wanted
 * (an empty variable, or `cat`) or there is none.
 */
export function pagerOf(env: Io['env']): string | null {
  const said = env.LBTOP_PAGER ?? env.PAGER;
  if (said !== undefined) return said.trim() === '' || said.trim() === 'cat' ? null : said;
  const found = (env.PATH ?? '').split(delimiter).some((directory) => isAbsolute(directory) && canRun(directory));
  return found ? 'less' : null;
}

function canRun(directory: string): boolean {
  try {
    accessSync(join(directory, 'less'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Calls `print` with an output that keeps what is written until it is longer than the terminal, and then begins the pager and
 * writes there. Resolves when the pager was left. Where stdout is no terminal, `print` has stdout itself.
 */
export async function paged(io: Io, print: (output: Output) => Promise<void>): Promise<void> {
  const { stdout, env } = io;
  const pager = stdout.isTerminal ? pagerOf(env) : null;
  if (pager === null) return print(stdout);
  let kept = '';
  let lines = 0;
  let there: { output: Output; ended: Promise<void>; end(): void } | null = null;
  let release = (): void => {};
  const { isTerminal, colour } = stdout;
  const output: Output = {
    isTerminal,
    colour,
    get columns() {
      return stdout.columns;
    },
    get rows() {
      return stdout.rows;
    },
    async write(data) {
      if (there !== null) return there.output.write(data);
      const text = Buffer.from(data).toString();
      kept += text;
      lines += text.split('\n').length - 1;
      if (lines < stdout.rows) return;
      release = io.onInterrupt(() => {}); // Ctrl-C is the pager's
      there = startPager(pager, env);
      await there.output.write(kept);
    },
  };
  try {
    await print(output);
  } catch (error) {
    if (!(error instanceof OutputClosed)) throw error; // left before its end
  } finally {
    const started = there as { ended: Promise<void>; end(): void } | null;
    started?.end();
    await started?.ended;
    release();
    if (started === null) await stdout.write(kept);
  }
}

function startPager(pager: string, env: Io['env']): { output: Output; ended: Promise<void>; end(): void } {
  const child = spawn('sh', ['-c', pager], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...env, LESS: env.LESS ?? lessFlags },
  });
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => resolve());
    child.on('error', () => resolve());
  });
  return { output: outputOf(child.stdin, env), ended, end: () => child.stdin.end() };
}
