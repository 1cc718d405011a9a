/**
 * Reads what a task writes into a named pipe. A short task's output fits into the pipe: it is read once, when the task
 * has ended. Only a longer one is worth the event loop's attention.
 */
import { readSync } from 'node:fs';
import { Socket } from 'node:net';
import { closeQuietly } from './named-pipes.ts';

export interface PipeReader {
  /** Reads what is there. True: nobody has it open for writing, and all has been read. */
  drain(): boolean;
  /** Reads what is there while the task runs; says whether there was anything. */
  look(): boolean;
  /** Lets the event loop read from now on. */
  attach(): void;
  /** Goes on after `take` answered false. */
  resume(): void;
  /** Stops reading; what comes later is lost. */
  close(): void;
  /** Gives the descriptor back, after `drain` said true; null where the event loop had it. */
  release(): number | null;
  /** The end was read: the pipe can serve again. */
  readonly clean: boolean;
}

/** Of all readers: each hands on what it has read before another one reads. */
const buffer = Buffer.alloc(64 * 1024);

/**
 * Returns a socket that reads from a descriptor (its own from now on) through the common buffer, until `take` answers
 * false. `closed` is called once, with whether it came to the end.
 */
export function readingSocket(
  descriptor: number,
  take: (chunk: Buffer) => boolean,
  closed: (ended: boolean) => void,
): Socket {
  let ended = false;
  const socket: Socket = new Socket({
    fd: descriptor,
    readable: true,
    writable: false,
    onread: { buffer, callback: (length) => take(buffer.subarray(0, length)) },
  });
  socket.once('end', () => {
    ended = true;
  });
  socket.on('error', () => {}); // 'close' follows
  socket.once('close', () => closed(ended));
  return socket;
}

/**
 * Takes a descriptor that reads from a pipe without blocking, which is the reader's from now on, and what opens another
 * one. `take` gets what was read, a view that is valid during the call; `end` is called once when the event loop has come to its end, or was
 * stopped.
 */
export function pipeReader(
  given: number,
  reopen: () => number,
  take: (chunk: Uint8Array) => boolean,
  end: () => void,
): PipeReader {
  let descriptor = given;
  let socket: Socket | null = null;
  let clean = false;
  let paused = false;

  /**
   * A descriptor that has seen writers come and go reports the end of a pipe at once, also when the next one has not
   * opened it yet. A new one waits for its first writer.
   */
  function attach(): void {
    if (socket !== null || clean) return;
    try {
      const fresh = reopen();
      closeQuietly(descriptor);
      descriptor = fresh;
    } catch {
      return; // it is drained at the end, then
    }
    const pausing = (chunk: Uint8Array): boolean => {
      paused = !take(chunk);
      return !paused;
    };
    socket = readingSocket(descriptor, pausing, (ended) => {
      clean ||= ended;
      end();
    });
    if (paused) socket.pause();
  }

  /** Returns how many bytes are in the common buffer now; null: none yet. 0: nobody has it open for writing. */
  function readOnce(): number | null {
    try {
      return readSync(descriptor, buffer, 0, buffer.length, null);
    } catch {
      return null; // EAGAIN
    }
  }

  /** Returns false where somebody may still write. */
  function readAll(): boolean {
    for (;;) {
      const length = readOnce();
      if (length === null) return false;
      if (length === 0) return true;
      take(buffer.subarray(0, length));
    }
  }

  return {
    look() {
      if (socket !== null || clean || paused) return false;
      // Nobody has it open: that is not its end, but before its beginning.
      const length = readOnce() ?? 0;
      if (length > 0) paused = !take(buffer.subarray(0, length));
      return length > 0;
    },
    drain() {
      if (clean) return true;
      // Its own time will come.
      if (socket !== null && (socket.destroyed || paused)) return false;
      clean = readAll();
      if (clean) socket?.destroy();
      return clean;
    },
    attach,
    resume() {
      paused = false;
      socket?.resume();
    },
    close() {
      if (socket === null) closeQuietly(descriptor);
      else socket.destroy();
    },
    release: () => (socket === null ? descriptor : null),
    get clean() {
      return clean;
    },
  };
}
