/** Says a launch in the language of the shell that carries it out, so that no character of it is interpreted. */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { quoted, shellWord } from '../arguments.ts';
import { shortText } from '../short-text.ts';
import type { Launch } from './starter.ts';

const name = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** What dash does itself, and our own function in it: whoever names these gets the program by its path. */
const builtIn = new Set(
  (
    '. : [ alias bg break cd chdir command continue echo eval exec exit export false fc fg getopts hash jobs kill local ' +
    'printf pwd read readonly return set shift test times trap true type ulimit umask unalias unset wait lbtop_r'
  ).split(' '),
);
/** Variables that mean something to a shell, or that some shells do not let be set. */
const reserved = new Set([
  'PWD',
  'OLDPWD',
  'IFS',
  'OPTIND',
  'PPID',
  'UID',
  'EUID',
  'ENV',
  'BASH_ENV',
  'SHELLOPTS',
  'BASHOPTS',
  'POSIXLY_CORRECT',
  'LINENO',
  'PS1',
  'PS2',
  'PS4',
]);
/** Well below what any system takes for arguments and environment together. */
const mostLength = 64 * 1024;

/**
 * Returns the line, without its end, that executes a launch in a subshell with these streams; null where a shell is not
 * the right one to do it. `base` is what the shell itself has in its environment.
 */
export function shellLine(
  launch: Launch,
  base: Readonly<Record<string, string>>,
  stdout: string,
  stderr: string,
): string | null {
  const [program = ''] = launch.argv;
  if (program === '' || program.startsWith('-')) return null;
  const exported = assignments(launch.env, base);
  if (exported === null) return null;
  const words = launch.argv.map(shellWord).join(' ');
  return sayable(
    `(${place(launch)}${exported === '' ? '' : `export ${exported};`}unset PWD OLDPWD;exec ${words})` +
      streams(launch, stdout, stderr),
  );
}

/** What plain lines want a shell to know: where it began, and how to say a status that it had before. */
export const plainLinesNeed = 'lbtop_d=$PWD;lbtop_r(){ return $1;}';

/**
 * The same without a subshell, for a shell that starts a lone command by vfork (dash): that saves 30 page faults, a fifth of
 * what starting a small program costs. null: it has to be a subshell. `path` is where the program was found.
 *
 * The shell's own streams are the task's meanwhile, and so is what it says of a signal (see last-words.ts).
 */
export function plainLine(
  launch: Launch,
  base: Readonly<Record<string, string>>,
  path: string,
  stdout: string,
  stderr: string,
): string | null {
  const [program = '', ...rest] = launch.argv;
  if (program === '' || program.startsWith('-')) return null;
  const named = builtIn.has(program) ? path : program;
  if (builtIn.has(named)) return null;
  const exported = assignments(launch.env, base);
  if (exported === null) return null;
  // Where a name was found before may not be where it is found now.
  const anew = named.includes('/') ? '' : 'hash -r;';
  // Without quotes `if` and `!` would be the language's, and `A=1` a variable.
  const words = [quoted(named), ...rest.map(shellWord)].join(' ');
  // A last argument `3` and what follows would be one word: hence the blank.
  const command = `${anew}${exported}${exported === '' ? '' : ' '}${words} ${streams(launch, stdout, stderr)}`;
  if (launch.cwd === null) return sayable(command);
  const refusal = `${refused(launch.cwd)} ${streams(launch, stdout, stderr)} >&2`;
  return sayable(
    `if ${entering(launch.cwd, launch.unlinked)};then unset PWD OLDPWD;${command};lbtop_s=$?;else ${refusal};lbtop_s=126;fi;` +
      'cd "$lbtop_d" 2>/dev/null||cd /;unset PWD OLDPWD;lbtop_r $lbtop_s',
  );
}

/** Returns `NAME=word ...` of what is not in `base` alike; null where a shell cannot say that. */
function assignments(env: Launch['env'], base: Readonly<Record<string, string>>): string | null {
  let said = '';
  // Without lists of what is in both: this is done for each task.
  for (const key in env) {
    const value = env[key] as string;
    if (base[key] === value) continue;
    if (!canExport(key)) return null;
    said += `${said === '' ? '' : ' '}${key}=${shellWord(value)}`;
  }
  for (const key in base) if (!(key in env)) return null;
  return said;
}

function streams({ stdin }: Launch, stdout: string, stderr: string): string {
  return `<${shellWord(stdin ?? '/dev/null')} >${shellWord(stdout)} 2>${shellWord(stderr)}`;
}

function sayable(line: string): string | null {
  return line.length > mostLength || line.includes('\0') ? null : line;
}

/**
 * Returns the line by which a shell that has nothing in its environment becomes the program: it enters the control group of
 * that file first (null: none), and has what is to be stdin, if anything, on descriptor 3. null: that cannot be said in its
 * language. Variables do not become arguments, which everybody on the machine can read; only what a shell cannot name does.
 */
export function becomingLine(launch: Launch, procs: string | null): string | null {
  const [program = ''] = launch.argv;
  if (program === '' || program.startsWith('-')) return null;
  const entries = Object.entries(launch.env);
  const exported = entries.filter(([key]) => canExport(key)).map(([key, value]) => ` ${key}=${shellWord(value)}`);
  const unnamed = entries.filter(([key]) => !canExport(key)).map(([key, value]) => shellWord(`${key}=${value}`));
  if (unnamed.length > 0 && program.includes('=')) return null;
  const words = [...(unnamed.length === 0 ? [] : ['/usr/bin/env', ...unnamed]), ...launch.argv.map(shellWord)].join(
    ' ',
  );
  const line =
    `${procs === null ? '' : `echo 0 >${shellWord(procs)};`}${place(launch)}` +
    `${exported.length === 0 ? '' : `export${exported.join('')};`}unset PWD OLDPWD;` +
    `exec ${words} ${launch.stdin === null ? '</dev/null' : '<&3 3<&-'}`;
  return isTooLong(launch) || line.includes('\0') ? null : line;
}

/** True where a system may take no program with that much: Linux takes 128 KiB a word and, all together, a quarter of the stack. */
export function isTooLong({ argv, env }: Launch): boolean {
  const words = [...argv, ...Object.entries(env).map(([key, value]) => `${key}=${value}`)];
  const lengths = words.map((word) => Buffer.byteLength(word));
  return lengths.some((length) => length >= 128 * 1024) || lengths.reduce((sum, length) => sum + length) > 1024 * 1024;
}

function canExport(variable: string): boolean {
  return name.test(variable) && !reserved.has(variable);
}

/** Goes to where the launch begins, or no further: elsewhere it is not to begin. */
function place({ cwd, unlinked }: Launch): string {
  return cwd === null ? '' : `${entering(cwd, unlinked)}||{ ${refused(cwd)} >&2;exit 126;};`;
}

function entering(cwd: string, unlinked = false): string {
  const to = shellWord(directory(cwd));
  return unlinked ? `cd -P ${to} 2>/dev/null&&[ "$PWD" = ${to} ]` : `cd ${to} 2>/dev/null`;
}

function refused(cwd: string): string {
  return `printf '%s\\n' ${shellWord(`lbtop: cannot enter the directory: ${shortText(cwd)}`)}`;
}

/** A name that `cd` takes for neither an option nor "where I was". */
function directory(cwd: string): string {
  return isAbsolute(cwd) ? cwd : `./${cwd}`;
}

/**
 * Returns where that program is, if it can be started there as far as the file system tells: a shell's own words for what
 * goes wrong are not ours. null: it cannot. Throws nothing.
 */
export function programPath(launch: Launch): string | null {
  const [program = ''] = launch.argv;
  const cwd = launch.cwd ?? '.';
  try {
    if (launch.cwd !== null) {
      if (!statSync(cwd).isDirectory()) return null;
      accessSync(cwd, constants.X_OK);
    }
    const dirs = program.includes('/') ? [''] : (launch.env.PATH ?? '').split(':').map((dir) => dir || '.');
    const paths = dirs.map((dir) => join(dir, program));
    return paths.find((path) => isProgram(isAbsolute(path) ? path : join(cwd, path), cwd)) ?? null;
  } catch {
    return null;
  }
}

function isProgram(path: string, cwd: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    if (!statSync(path).isFile()) return false;
    const interpreter = interpreterOf(path);
    if (interpreter !== null)
      accessSync(isAbsolute(interpreter) ? interpreter : join(cwd, interpreter), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What stands after `#!`; null for what is no script, or cannot be read. */
function interpreterOf(path: string): string | null {
  const head = Buffer.alloc(256);
  let length: number;
  try {
    const file = openSync(path, 'r');
    try {
      length = readSync(file, head, 0, head.length, 0);
    } finally {
      closeSync(file);
    }
  } catch {
    return null;
  }
  return /^#![ \t]*([^ \t\n]+)/.exec(head.toString('latin1', 0, length))?.[1] ?? null;
}
