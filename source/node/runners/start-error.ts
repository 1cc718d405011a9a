/** Says in words why a process could not be started. */
import { accessSync, constants, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { shortText } from '../short-text.ts';
import { isTooLong } from './shell-line.ts';
import type { Launch, NoProcess } from './starter.ts';

/** Faults of the machine, that another one or a later moment may not have. */
const machineFaults: Readonly<Record<string, string>> = {
  EAGAIN: 'cannot start a process: the limit of processes is reached',
  ENOMEM: 'cannot start a process: out of memory',
  EMFILE: 'cannot start a process: too many open files',
  ENFILE: 'cannot start a process: too many open files in the system',
  ENOSPC: 'cannot start a process: no space left',
  EIO: 'cannot start a process: input/output error',
};

/** Takes what was to be started and what the system threw; returns whose fault it is, in one line. */
export function startFault(launch: Launch, error: unknown): NoProcess {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const program = shortText(launch.argv[0] ?? '');
  const machine = machineFaults[code];
  if (machine !== undefined) return { unfit: true, exitCode: null, error: machine };
  const place = launch.cwd === null ? null : placeFault(launch.cwd);
  if (place !== null) return { unfit: false, exitCode: null, error: place };
  switch (code) {
    case 'ENOENT':
      return { unfit: false, exitCode: 127, error: missing(launch, program) };
    case 'ENOTDIR':
      return { unfit: false, exitCode: 127, error: `no such program: ${program}` };
    case 'EACCES':
    case 'EPERM':
      return { unfit: false, exitCode: 126, error: `no permission to execute: ${program}` };
    case 'ENOEXEC':
      return { unfit: false, exitCode: 126, error: `not a program for this machine: ${program}` };
    case 'ETXTBSY':
      return { unfit: false, exitCode: 126, error: `is being written to: ${program}` };
    case 'E2BIG':
      return {
        unfit: false,
        exitCode: 126,
        error: 'argument list too long: arguments and environment exceed what this system takes',
      };
    case 'ERR_INVALID_ARG_VALUE':
      return {
        unfit: false,
        exitCode: null,
        error: 'a command, its environment and its directory cannot hold a NUL character, nor be empty',
      };
    default:
      return { unfit: false, exitCode: null, error: `cannot start ${program}: ${code || String(error)}` };
  }
}

/**
 * Returns what the system would throw of a program that was not even asked of it: it is not there, cannot be executed, or
 * cannot be named to who is to start it.
 */
export function whyNotStarted(launch: Launch): NodeJS.ErrnoException {
  const { argv, cwd } = launch;
  const [program = ''] = argv;
  const error = (code: string) => Object.assign(new Error(code), { code });
  const words = [...argv, ...Object.entries(launch.env).flat(), cwd ?? ''];
  if (program === '' || words.some((word) => word.includes('\0'))) return error('ERR_INVALID_ARG_VALUE');
  if (isTooLong(launch)) return error('E2BIG');
  if (!program.includes('/')) return error('ENOENT');
  try {
    const path = resolve(cwd ?? '.', program);
    accessSync(path, constants.X_OK);
    return error(statSync(path).isFile() ? 'ENOENT' : 'EACCES');
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

/** Returns why one cannot start in that directory, or null. */
export function placeFault(cwd: string): string | null {
  try {
    if (!statSync(cwd).isDirectory()) return `not a directory: ${shortText(cwd)}`;
    accessSync(cwd, constants.X_OK);
    return null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EACCES') return `no permission to enter the directory: ${shortText(cwd)}`;
    if (code === 'ERR_INVALID_ARG_VALUE') return 'a directory cannot hold a NUL character';
    return `no such directory: ${shortText(cwd)}`;
  }
}

/** A script whose interpreter is missing fails as if it were missing itself. */
function missing(launch: Launch, program: string): string {
  const path = launch.argv[0] ?? '';
  // Typed as it would be for a shell.
  if (/\s/.test(path))
    return `no such program: ${program} (each argument is a word of its own; a line for a shell takes --shell)`;
  if (!path.includes('/')) return `no such program: ${program}`;
  try {
    accessSync(launch.cwd === null || path.startsWith('/') ? path : join(launch.cwd, path));
    return `no such program: the interpreter of ${program}`;
  } catch {
    return `no such program: ${program}`;
  }
}
