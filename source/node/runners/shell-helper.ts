/**
 * A shell that lives long and starts one program after the other: a server of fork and exec, not of `eval` (`$$` is
 * then the task's own). It leads a process group of its own, which the task that it runs shares.
 *
 * It answers each line by `NONCE STATUS`. What else it says (`Killed`) says that the status is a signal's: a shell's
 * status alone does not tell a program that exits with 137 from one that was killed.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import type { Readable, Writable } from 'node:stream';
import { shellWord } from '../arguments.ts';
import { type KeptFile, keptFile } from '../kept-file.ts';
import { parseProcessStat, signalGroup } from '../process-stat.ts';

/** How a line ended: the program's exit code or signal; or what the shell said why it could not even start it. */
export type ShellAnswer =
  | { kind: 'exited'; exitCode: number | null; signal: string | null }
  | { kind: 'trouble'; said: string };

export interface ShellHelper {
  /** Its pid, which is also that of its process group. */
  readonly pid: number;
  /** False once it is ending. */
  readonly alive: boolean;
  /** Runs a line (see shell-line.ts), one at a time; `answer` is called later. */
  run(line: string, answer: (how: ShellAnswer) => void): void;
  /** CPU time of what it has run so far and its own, in ms; as it was when it last had nothing to do. */
  readonly totalMs: number;
  /** Reads that anew; returns by how much it grew. */
  account(): number;
  /** Kills it and all in its group. */
  kill(): void;
}

/** What it lets pass, so that a task may signal its whole group; a subshell has the defaults again. */
const trapped = 'HUP INT QUIT ALRM TERM USR1 USR2';
/** Some numbers have two names: the first is the usual one. */
const signalNames = new Map(
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/**
 * Starts one with that environment, which enters the control group of that file first (null: none). Throws what spawn
 * does; returns null where it could not be started. `ended` is called once.
 */
export function shellHelper(
  env: Readonly<Record<string, string>>,
  procs: string | null,
  ended: () => void,
): ShellHelper | null {
  const nonce = randomBytes(12).toString('hex');
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn('/bin/sh', ['-s'], {
    env: { ...env },
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.on('error', () => {}); // it then has no pid
  const { pid } = child;
  if (pid === undefined) return null;
  const statFile: KeptFile | null = keptFile(`/proc/${pid}/stat`);
  let waiting: ((how: ShellAnswer) => void) | null = null;
  let heard = '';
  let alive = true;
  let gone = false;
  let totalMs = 0;

  child.stdin.on('error', () => {}); // 'exit' follows
  const enter = procs === null ? '' : `echo 0 >${shellWord(procs)};`;
  child.stdin.write(`exec 2>&1;${enter}trap : ${trapped}\n`);
  child.stdout.on('data', (chunk: Buffer) => {
    heard += chunk.toString('latin1');
    const [whole, said = '', status = ''] = answered.exec(heard) ?? [];
    if (whole === undefined) return;
    heard = '';
    tell(answerOf(Number(status), said));
  });
  child.once('exit', (_, signal) => {
    alive = false;
    gone = true;
    // The task that it had, and what that left: later the group's number may be another's.
    signalGroup(pid, 'SIGKILL');
    statFile?.close();
    ended();
    // Everything that it said has to be read first.
    setImmediate(() => {
      child.stdout.destroy();
      tell(signal === null ? { kind: 'trouble', said: heard.trim() } : { kind: 'exited', exitCode: null, signal });
    });
  });
  const answered = new RegExp(`^([^]*)${nonce} (\\d+)\n$`);

  function tell(how: ShellAnswer): void {
    const answer = waiting;
    waiting = null;
    answer?.(how);
  }

  return {
    pid,
    get alive() {
      return alive;
    },
    run(line, answer) {
      waiting = answer;
      child.stdin.write(`${line};echo "${nonce} $?"\n`);
    },
    get totalMs() {
      return totalMs;
    },
    account() {
      const stat = parseProcessStat(statFile?.read() ?? '');
      if (stat === null) return 0;
      const before = totalMs;
      totalMs = stat.ownMs + stat.childrenMs;
      return totalMs - before;
    },
    kill() {
      alive = false;
      if (!gone) signalGroup(pid, 'SIGKILL');
    },
  };
}

function answerOf(status: number, said: string): ShellAnswer {
  if (said === '') return { kind: 'exited', exitCode: status, signal: null };
  const signal = signalNames.get(status - 128);
  if (signal === undefined) return { kind: 'trouble', said: said.trim() };
  return { kind: 'exited', exitCode: null, signal };
}
