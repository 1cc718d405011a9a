/** Finds out what the shell of this machine is good for, by letting it do some things whose end is known. */
import { realpathSync } from 'node:fs';
import { basename } from 'node:path';
import { shellWord } from '../arguments.ts';
import { pipeReader } from './pipe-reader.ts';
import type { Desk } from './shell-desk.ts';
import type { ShellAnswer } from './shell-helper.ts';

/** `plain`: it starts lone commands cheaper than subshells, and its words on a signal can be told from the program's. */
export type ShellUse = 'none' | 'subshells' | 'plain';

/** Asks the shell of a desk that nobody else uses meanwhile; `then` is called later. */
export function probeShell(desk: Desk, then: (use: ShellUse) => void): void {
  const { helper } = desk;
  // Its status and its words together have to tell an exit code from a signal.
  helper.run('(exit 137)', (first) => {
    if (first.kind !== 'exited' || first.exitCode !== 137) return then('none');
    helper.run(`(exec ${killed})`, (second) => {
      if (!wasKilled(second)) return then('none');
      if (!isDash() || !helper.countsWords || !desk.openPipes()) return end('subshells');
      const [stdout, stderr] = desk.pipes;
      helper.run(`${killed} </dev/null >${shellWord(stdout.path)} 2>${shellWord(stderr.path)}`, (third) => {
        const told = wasKilled(third) && third.words > 0 && third.words === lengthIn(desk);
        end(told ? 'plain' : 'subshells');
      });
    });
  });

  function end(use: ShellUse): void {
    desk.account();
    then(use);
  }
}

const killed = "/bin/sh -c 'kill -9 $$'";

function wasKilled(how: ShellAnswer): how is ShellAnswer & { kind: 'exited' } {
  return how.kind === 'exited' && how.signal === 'SIGKILL';
}

/** Others fork for a lone command too, and what they do themselves is another list of names. */
function isDash(): boolean {
  try {
    return basename(realpathSync('/bin/sh')) === 'dash';
  } catch {
    return false;
  }
}

/** Returns how many bytes are in the pipe for stderr; they are not there any more. */
function lengthIn({ descriptors, pipes }: Desk): number {
  let length = 0;
  const take = (chunk: Uint8Array): boolean => {
    length += chunk.length;
    return true;
  };
  const reader = pipeReader(
    descriptors[1] as number,
    () => pipes[1].openReader(),
    take,
    () => {},
  );
  return reader.drain() ? length : 0;
}
