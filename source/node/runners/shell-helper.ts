/**
 * A shell that lives long and starts one program after the other: a server of fork and exec, not of `eval` (`$$` is
 * then the task's own). It leads a process group of its own, which the task that it runs shares.
 *
 * It answers each line by `NONCE STATUS`. What else it says (`Killed`) says that the status is a signal's: a shell's
 * status alone does not tell a program that exits with 137 from one that was killed. Where it says that into the stderr of
 * a plain line's program, the system's count of the bytes that the shell has written tells that it did, and how many they are.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { shellWord } from '../arguments.ts';
import { type KeptFile, keptFile } from '../kept-file.ts';
import { parseProcessStat, signalGroup } from '../process-stat.ts';
import { closeQuietly, type NamedPipe } from './named-pipes.ts';
import { readingSocket } from './pipe-reader.ts';
import { plainLinesNeed } from './shell-line.ts';

/**
 * How a line ended: the program's exit code or signal; or what the shell said why it could not even start it. `words`: so many
 * bytes of what is in the program's stderr are the shell's, who said of the signal there.
 */
export type ShellAnswer =
  | { kind: 'exited'; exitCode: number | null; signal: string | null; words: number }
  | { kind: 'trouble'; said: string };

export interface ShellHelper {
  /** Its pid, which is also that of its process group. */
  readonly pid: number;
  /** False once it is ending. */
  readonly alive: boolean;
  /** Runs a line (see shell-line.ts), one at a time; `answer` is called later. */
  run(line: string, answer: (how: ShellAnswer) => void): void;
  /** Whether it may run plain lines: it has answered once, and what it writes is counted. */
  readonly countsWords: boolean;
  /** Bytes that it has written and that were not heard: into the stderr of the plain line's program. */
  unheardBytes(): number;
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

/** Of all: each line is written before the next one is made. */
const spoken = Buffer.allocUnsafeSlow(256 * 1024);
/** Where the system gives pipes little room, the rest of a line waits so long for the shell to read. */
const retryMs = 1;

/**
 * Starts one with that environment, which is spoken to over the first of these pipes and answers over the second: without
 * streams in between, which take as long as all else that is done for a task. It enters the control group of that file first
 * (null: none). Throws what spawn and the file system do; returns null where it could not be started. `ended` is called once.
 */
export function shellHelper(
  env: Readonly<Record<string, string>>,
  [to, from]: readonly [NamedPipe, NamedPipe],
  procs: string | null,
  ended: () => void,
): ShellHelper | null {
  const nonce = randomBytes(12).toString('hex');
  const opened: number[] = [];
  let child: ChildProcess;
  let pid: number | undefined;
  try {
    opened.push(...to.openToSay(), from.openReader());
    opened.push(from.openWriter());
    const [, stdin, , stdout] = opened;
    child = spawn('/bin/sh', ['-s'], { env: { ...env }, detached: true, stdio: [stdin, stdout, 'ignore'] });
    child.on('error', () => {}); // it then has no pid
    pid = child.pid;
  } catch (error) {
    for (const one of opened) closeQuietly(one);
    throw error;
  }
  const [mouth, stdin, ear, stdout] = opened as [number, number, number, number];
  for (const one of pid === undefined ? opened : [stdin, stdout]) closeQuietly(one);
  if (pid === undefined) return null;
  const statFile: KeptFile | null = keptFile(`/proc/${pid}/stat`);
  let waiting: ((how: ShellAnswer) => void) | null = null;
  let heard = '';
  let alive = true;
  let gone = false;
  let totalMs = 0;
  /** What it had written besides what was heard, when it last had nothing to do; null: nobody counts; undefined: not asked yet. */
  let elsewhereBytes: number | null | undefined;
  let heardBytes = 0;
  /** What the pipe had no room for. */
  let unsaid: Buffer | null = null;

  const answered = new RegExp(`^([^]*)${nonce} (\\d+)\n$`);
  const enter = procs === null ? '' : `echo 0 >${shellWord(procs)};`;
  say(`exec 2>&1;${enter}${plainLinesNeed};unset PWD OLDPWD;trap : ${trapped}\n`);
  const hearing = readingSocket(ear, hear, () => {}); // 'exit' follows

  function hear(chunk: Buffer): boolean {
    heard += chunk.toString('latin1');
    heardBytes += chunk.length;
    const [whole, said = '', status = ''] = answered.exec(heard) ?? [];
    if (whole !== undefined) {
      heard = '';
      tell(answerOf(Number(status), said));
    }
    return true;
  }

  function answerOf(status: number, said: string): ShellAnswer {
    const signal = signalNames.get(status - 128) ?? null;
    // The usual end needs no count.
    const words = signal === null ? 0 : unheardBytes();
    if (elsewhereBytes === undefined) elsewhereBytes = writtenBytes(pid as number, -heardBytes);
    else if (elsewhereBytes !== null) elsewhereBytes += words;
    if (said === '' && words === 0) return { kind: 'exited', exitCode: status, signal: null, words };
    return signal === null ? { kind: 'trouble', said: said.trim() } : { kind: 'exited', exitCode: null, signal, words };
  }

  function unheardBytes(): number {
    return typeof elsewhereBytes === 'number' ? (writtenBytes(pid as number, -heardBytes - elsewhereBytes) ?? 0) : 0;
  }

  child.once('exit', (_, signal) => {
    alive = false;
    gone = true;
    // The task that it had, and what that left: later the group's number may be another's.
    signalGroup(pid, 'SIGKILL');
    statFile?.close();
    closeQuietly(mouth);
    ended();
    // Everything that it said has to be read first.
    setImmediate(() => {
      hearing.destroy();
      tell(
        signal === null
          ? { kind: 'trouble', said: heard.trim() }
          : { kind: 'exited', exitCode: null, signal, words: 0 },
      );
    });
  });

  function say(text: string): void {
    if (unsaid === null) push(spoken.subarray(0, spoken.write(text)));
    else unsaid = Buffer.concat([unsaid, Buffer.from(text)]);
  }

  function push(bytes: Buffer): void {
    unsaid = null;
    let written = 0;
    try {
      if (!gone) written = writeSync(mouth, bytes);
    } catch {
      // EAGAIN
    }
    if (gone || written === bytes.length) return;
    unsaid = Buffer.from(bytes.subarray(written));
    setTimeout(() => push(unsaid as Buffer), retryMs);
  }

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
      say(`${line};echo "${nonce} $?"\n`);
    },
    get countsWords() {
      return typeof elsewhereBytes === 'number';
    },
    unheardBytes,
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

/**
 * Returns how many bytes the one thread of a process has written so far (pipes, files, what not), and `more`; null where that
 * is not to be known. What is said of the process as a whole has that of its children in it.
 */
function writtenBytes(pid: number, more: number): number | null {
  try {
    const [, count] = /^wchar: (\d+)$/m.exec(readFileSync(`/proc/${pid}/task/${pid}/io`, 'latin1')) ?? [];
    return count === undefined ? null : Number(count) + more;
  } catch {
    return null;
  }
}
