/** Says a launch in the language of the shell that carries it out, so that no character of it is interpreted. */
import { accessSync, closeSync, constants, openSync, readSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { shellWord } from '../arguments.ts';
import { shortText } from '../short-text.ts';
import type { Launch } from './starter.ts';

const name = /^[A-Za-z_][A-Za-z0-9_]*$/;
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
  let exported = '';
  // Without lists of what is in both: this is done for each task.
  for (const key in launch.env) {
    const value = launch.env[key] as string;
    if (base[key] === value) continue;
    if (!canExport(key)) return null;
    exported += ` ${key}=${shellWord(value)}`;
  }
  for (const key in base) if (!(key in launch.env)) return null;
  const words = launch.argv.map(shellWord).join(' ');
  const line =
    `(${place(launch)}${exported === '' ? '' : `export${exported};`}unset PWD OLDPWD;exec ${words})` +
    `<${shellWord(launch.stdin ?? '/dev/null')} >${shellWord(stdout)} 2>${shellWord(stderr)}`;
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
  if (cwd === null) return '';
  const to = shellWord(directory(cwd));
  const there = unlinked ? `cd -P ${to} 2>/dev/null&&[ "$PWD" = ${to} ]` : `cd ${to} 2>/dev/null`;
  return `${there}||{ printf '%s\\n' ${shellWord(`lbtop: cannot enter the directory: ${shortText(cwd)}`)} >&2;exit 126;};`;
}

/** A name that `cd` takes for neither an option nor "where I was". */
function directory(cwd: string): string {
  return isAbsolute(cwd) ? cwd : `./${cwd}`;
}

/**
 * Says whether that program can be started there, as far as the file system tells: a shell's own words for what goes
 * wrong are not ours. Throws nothing.
 */
export function canStart(launch: Launch): boolean {
  const [program = ''] = launch.argv;
  const cwd = launch.cwd ?? '.';
  try {
    if (launch.cwd !== null) {
      if (!statSync(cwd).isDirectory()) return false;
      accessSync(cwd, constants.X_OK);
    }
    if (program.includes('/')) return isProgram(isAbsolute(program) ? program : join(cwd, program), cwd);
    return (launch.env.PATH ?? '')
      .split(':')
      .some((dir) => isProgram(join(isAbsolute(dir) ? dir : join(cwd, dir), program), cwd));
  } catch {
    return false;
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
