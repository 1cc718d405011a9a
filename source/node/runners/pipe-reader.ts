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

/** What a task's pipe is read by; a class, because each task has two of them. */
class Reader implements PipeReader {
  clean = false;
  private socket: Socket | null = null;
  private paused = false;
  private descriptor: number;
  private readonly reopen: () => number;
  private readonly take: (chunk: Uint8Array) => boolean;
  private readonly end: () => void;

  constructor(given: number, reopen: () => number, take: (chunk: Uint8Array) => boolean, end: () => void) {
    this.descriptor = given;
    this.reopen = reopen;
    this.take = take;
    this.end = end;
  }

  drain(): boolean {
    if (this.clean) return true;
    // Its own time will come.
    if (this.socket !== null && (this.socket.destroyed || this.paused)) return false;
    this.clean = this.readAll();
    if (this.clean) this.socket?.destroy();
    return this.clean;
  }

  look(): boolean {
    if (this.socket !== null || this.clean || this.paused) return false;
    // Nobody has it open: that is not its end, but before its beginning.
    const length = this.readOnce() ?? 0;
    if (length > 0) this.paused = !this.take(buffer.subarray(0, length));
    return length > 0;
  }

  /**
   * A descriptor that has seen writers come and go reports the end of a pipe at once, also when the next one has not
   * opened it yet. A new one waits for its first writer.
   */
  attach(): void {
    if (this.socket !== null || this.clean) return;
    try {
      const fresh = this.reopen();
      closeQuietly(this.descriptor);
      this.descriptor = fresh;
    } catch {
      return; // it is drained at the end, then
    }
    const pausing = (chunk: Uint8Array): boolean => {
      this.paused = !this.take(chunk);
      return !this.paused;
    };
    this.socket = readingSocket(this.descriptor, pausing, (ended) => {
      this.clean ||= ended;
      this.end();
    });
    if (this.paused) this.socket.pause();
  }

  resume(): void {
    this.paused = false;
    this.socket?.resume();
  }

  close(): void {
    if (this.socket === null) closeQuietly(this.descriptor);
    else this.socket.destroy();
  }

  release(): number | null {
    return this.socket === null ? this.descriptor : null;
  }

  /** Returns how many bytes are in the common buffer now; null: none yet. 0: nobody has it open for writing. */
  private readOnce(): number | null {
    try {
      return readSync(this.descriptor, buffer, 0, buffer.length, null);
    } catch {
      return null; // EAGAIN
    }
  }

  /** Returns false where somebody may still write. */
  private readAll(): boolean {
    for (;;) {
      const length = this.readOnce();
      if (length === null) return false;
      if (length === 0) return true;
      this.take(buffer.subarray(0, length));
    }
  }
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
  return new Reader(given, reopen, take, end);
}
