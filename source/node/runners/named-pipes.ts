/**
 * Pipes between tasks and the agent. Node's own `pipe` is a socket pair, on which a task cannot open /dev/stdout or
 * /dev/stderr; a named pipe is what a shell would have given. Node cannot make one, so `mkfifo` makes some at a time.
 */
import { type ChildProcess, execFile } from 'node:child_process';
import {
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  rmSync,
  unlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Account, identityOf } from '../account.ts';

/** One named pipe, ours until it is given back. */
export interface NamedPipe {
  readonly path: string;
  /** Returns a descriptor that reads without blocking. Open it first. */
  openReader(): number;
  /** Returns a descriptor for a task to write to. */
  openWriter(): number;
  /** Returns one that writes without blocking, whoever reads or does not, and one for a process to read from. */
  openToSay(): [writer: number, reader: number];
  /** False where somebody has removed it. */
  exists(): boolean;
  /** After its end was read and its reader closed: another task may have it. */
  giveBack(): void;
  /** Somebody may still hold it: never use it again. */
  discard(): void;
}

export interface NamedPipes {
  /** The private directory (0700) that they are in. */
  readonly dir: string;
  /** Returns two pipes, or null where there are none yet: `ready` tells. */
  takeTwo(): [NamedPipe, NamedPipe] | null;
  /** Calls back when `takeTwo` may have some, or with the reason why it never will. */
  ready(then: (error: Error | null) => void): void;
  /** Removes them all. */
  close(): void;
}

const atOnce = 32;

const prefix = 'lbtop-';

/**
 * Makes the directory now, in `parent` (default: the system's for temporary files), and pipes as they are needed, for tasks of
 * that account (null: ours). Throws where the directory cannot be made.
 */
export function namedPipes(parent: string = tmpdir(), account: Account | null = null, mkfifo = 'mkfifo'): NamedPipes {
  const { uid, gid } = identityOf(account);
  const dir = mkdtempSync(join(parent, prefix));
  const free: NamedPipe[] = [];
  const waiting: ((error: Error | null) => void)[] = [];
  let making: ChildProcess | null = null;
  let made = 0;
  let closed = false;

  function namedPipe(path: string): NamedPipe {
    const pipe: NamedPipe = {
      path,
      openReader: () => openSync(path, constants.O_RDONLY | constants.O_NONBLOCK),
      openWriter: () => openSync(path, constants.O_WRONLY),
      openToSay() {
        // Linux opens both ends at once; other systems may not.
        const writer = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
        try {
          return [writer, openSync(path, constants.O_RDONLY)];
        } catch (error) {
          closeSync(writer);
          throw error;
        }
      },
      exists: () => existsSync(path),
      giveBack() {
        free.push(pipe);
      },
      discard() {
        try {
          unlinkSync(path);
        } catch {
          // Removed with its directory.
        }
      },
    };
    return pipe;
  }

  function remove(): void {
    try {
      rmSync(dir, { recursive: true, force: true });
    } catch {
      // `mkfifo` was at work in it: again when that has ended.
    }
  }

  function make(): void {
    if (making !== null || closed) return;
    const paths = Array.from({ length: atOnce }, () => join(dir, String(made++)));
    try {
      // Somebody may have cleaned the directory of temporary files.
      mkdirSync(dir, { recursive: true, mode: 0o700 });
      making = execFile(mkfifo, ['-m', '600', ...paths], { env: { PATH: process.env.PATH } }, (error) => {
        making = null;
        if (closed) return remove();
        tell(error === null ? keep(paths) : error);
      });
    } catch (error) {
      process.nextTick(tell, error as Error);
    }
  }

  /** A task opens its /dev/stdout by the pipe's own permissions, whoever opened it before. */
  function keep(paths: string[]): Error | null {
    try {
      if (uid !== undefined && gid !== undefined) for (const path of paths) chownSync(path, uid, gid);
    } catch (error) {
      return error as Error;
    }
    free.push(...paths.map(namedPipe));
    return null;
  }

  function tell(error: Error | null): void {
    for (const then of waiting.splice(0)) then(error);
  }

  make();
  return {
    dir,
    takeTwo() {
      if (free.length < 2) {
        make();
        return null;
      }
      return [free.pop() as NamedPipe, free.pop() as NamedPipe];
    },
    ready(then) {
      if (closed) return process.nextTick(then, new Error('closed'));
      waiting.push(then);
      make();
    },
    close() {
      closed = true;
      tell(new Error('closed'));
      making?.kill('SIGKILL');
      remove();
    },
  };
}

/** Removes from a node's own directory what an agent left there that was killed. */
export function removeLeftPipes(parent: string): void {
  for (const name of readdirSync(parent))
    if (name.startsWith(prefix)) rmSync(join(parent, name), { recursive: true, force: true });
}

/** Closes a descriptor that may be closed already. */
export function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // It was.
  }
}
