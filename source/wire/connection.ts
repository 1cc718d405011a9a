/**
 * A conversation over any socket: messages in, messages out, and one reason why it ended. Who may speak, and what comes
 * first, is endpoint.ts's business.
 *
 * What is sent during one turn of the event loop leaves in one write, at its end (turn-end.ts).
 */
import type { Duplex } from 'node:stream';
import { oneLine } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { decode, encodeScratch } from './codec.ts';
import { FrameError, frameReader, frameWriter } from './frame.ts';
import type { Message } from './messages.ts';
import { atTurnEnd } from './turn-end.ts';

/** What a connection tells its owner. What a callback throws is thrown on to the process, after the connection is destroyed. */
export interface ConnectionEvents {
  /** The messages of one frame, at least one. Binary fields are views: copy what is kept beyond the call. */
  messages(batch: Message[]): void;
  /**
   * Once, last, and never from within `send`, `close` or `destroy`; nothing else is called afterwards. `fault`: the peer did
   * what none may, and was cut off for it.
   */
  closed(reason: string, fault?: boolean): void;
  /** The peer has taken all that was waiting for it. */
  drained?(): void;
  /** Bytes of any kind have come, whole frames or not: called after what they hold. */
  heard?(): void;
}

export interface Connection {
  /** The peer's address, `host:port` or `[host]:port`. */
  readonly address: string;
  /**
   * Queues a message, encoded at once: it may be changed afterwards. Does nothing on a connection that is not open.
   * Throws FrameError if the message alone is larger than a frame may be.
   */
  send(message: Message): void;
  /** Bytes that wait in this process for the peer to take them. */
  readonly backlogBytes: number;
  /** False from the moment that either side began to close. */
  readonly open: boolean;
  /** Called after `welcome`, by both sides: raises the limit of frames from 64 KiB to 8 MiB, in both directions. */
  allowLargeFrames(): void;
  /** Reads nothing more from the peer while it is held: what it says waits with it. What came in one piece is still told. */
  hold(on: boolean): void;
  /** Says `bye` (unless `refuse` or `bye` was sent), lets what waits leave, and closes; after a second it is cut. */
  close(reason: string): void;
  /** Cuts the connection; what waits is lost. */
  destroy(reason: string): void;
}

/** A TCP or TLS socket; other streams do as well. */
export type ConnectionSocket = Duplex & {
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  setNoDelay?(on: boolean): unknown;
  setKeepAlive?(on: boolean, initialDelayMs: number): unknown;
};

export interface ConnectionOptions {
  /** Instead of limits.frameMs, for tests. */
  frameMs?: number;
  /** Instead of limits.peerBacklogBytes, for tests. */
  backlogBytes?: number;
}

/**
 * After one side has ended, the other has so long to do the same. Until then what comes is read and dropped: closing
 * with unread bytes would reset the connection and could take our last words with it.
 */
const lingerMs = 1_000;
const keepAliveMs = 30_000;

/** Returns the `host:port` of a socket's peer. */
export function addressOf(socket: ConnectionSocket): string {
  const host = socket.remoteAddress;
  if (host === undefined) return 'unknown';
  return `${host.includes(':') ? `[${host}]` : host}:${socket.remotePort}`;
}

/** Speaks over `socket`, which is connected and, with TLS, through its handshake. `events` are called from then on. */
export function openConnection(
  socket: ConnectionSocket,
  events: ConnectionEvents,
  options: ConnectionOptions = {},
): Connection {
  const { frameMs = limits.frameMs, backlogBytes: mostBacklogBytes = limits.peerBacklogBytes } = options;
  const address = addressOf(socket);
  const reader = frameReader(limits.frameBytesBeforeWelcome);
  const writer = frameWriter(limits.frameBytesBeforeWelcome);
  let state: 'open' | 'closing' | 'destroyed' = 'open';
  let queued = false;
  let said: string | null = null;
  /** Why, if this side ended it; else what the peer said, else what was seen. */
  let ownReason: string | null = null;
  let peersReason: string | null = null;
  let seenReason: string | null = null;
  let ownFailure = false;
  let fault = false;
  let frameTimer: NodeJS.Timeout | null = null;
  let lingerTimer: NodeJS.Timeout | null = null;

  function backlog(): number {
    return writer.bytes + socket.writableLength;
  }

  function flush(): void {
    queued = false;
    if (state === 'destroyed' || socket.writableEnded) return;
    const frames = writer.take();
    if (frames.length > 1) socket.cork();
    for (const frame of frames) socket.write(frame);
    if (frames.length > 1) socket.uncork();
  }

  function send(message: Message): void {
    if (state !== 'open') return;
    const { bytes, start, end } = encodeScratch(message);
    writer.append(bytes, start, end);
    if (message.kind === 'refuse' || message.kind === 'bye') said = message.kind;
    if (backlog() > mostBacklogBytes) {
      fault = state === 'open';
      destroy(`the peer does not read: ${backlog()} bytes wait for it`);
    } else if (!queued) {
      queued = true;
      atTurnEnd(flush);
    }
  }

  function destroy(reason: string): void {
    if (state === 'destroyed') return;
    state = 'destroyed';
    ownReason ??= reason;
    socket.destroy();
  }

  function end(reason: string, farewell: Message): void {
    if (state !== 'open') return;
    if (said === null) send(farewell);
    if (state !== 'open') return; // the farewell was one byte too much for the backlog
    flush();
    state = 'closing';
    ownReason = reason;
    linger();
  }

  function linger(): void {
    if (!socket.writableEnded) socket.end();
    lingerTimer ??= setTimeout(() => socket.destroy(), lingerMs).unref();
  }

  function refuse(problem: unknown): void {
    const reason = oneLine(problem).slice(0, limits.textLength);
    fault = state === 'open';
    end(`bad data from the peer: ${reason}`, { kind: 'refuse', code: 'refused', reason });
  }

  function take(payload: Buffer): void {
    if (state !== 'open') return;
    let batch: Message[];
    try {
      batch = decode(payload);
    } catch (error) {
      refuse(error);
      return;
    }
    const last = batch.at(-1);
    if (last === undefined) return;
    if (last.kind === 'bye') peersReason ??= `the peer closed: ${last.reason}`;
    if (last.kind === 'refuse') peersReason ??= `refused by the peer: ${last.reason}`;
    try {
      events.messages(batch);
    } catch (error) {
      throw ownError(error);
    }
  }

  /** Its owner is wrong, not the peer: the connection goes, and the error stays an error. */
  function ownError(error: unknown): unknown {
    ownFailure = true;
    destroy(`a failure on this side: ${oneLine(error)}`);
    return error;
  }

  /** Looks again when the frame that is under way now has to have ended. */
  function watchFrame(): void {
    const frame = reader.frames;
    frameTimer = setTimeout(() => {
      frameTimer = null;
      if (state !== 'open' || !reader.inFrame) return;
      if (reader.frames === frame) refuse(`a frame took longer than ${frameMs} ms`);
      else watchFrame();
    }, frameMs).unref();
  }

  function heardChunk(chunk: Buffer): void {
    if (state !== 'open') return;
    try {
      reader.push(chunk, take);
    } catch (error) {
      if (ownFailure || !(error instanceof FrameError)) throw error;
      refuse(error);
      return;
    }
    if (state !== 'open') return;
    try {
      events.heard?.();
    } catch (error) {
      throw ownError(error);
    }
    if (reader.inFrame && frameTimer === null) watchFrame();
  }

  function gone(): void {
    const cut = reader.inFrame ? 'connection cut in the middle of a frame' : null;
    const reason = ownReason ?? peersReason ?? cut ?? seenReason ?? 'connection closed by the peer';
    state = 'destroyed';
    if (frameTimer !== null) clearTimeout(frameTimer);
    if (lingerTimer !== null) clearTimeout(lingerTimer);
    events.closed(reason, fault);
  }

  socket.setNoDelay?.(true);
  socket.setKeepAlive?.(true, keepAliveMs);
  socket.on('data', heardChunk);
  socket.on('drain', () => {
    if (state !== 'open') return;
    try {
      events.drained?.();
    } catch (error) {
      throw ownError(error);
    }
  });
  socket.on('end', () => {
    if (state === 'open') state = 'closing';
    linger();
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    const broken = error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 'connection reset by the peer' : null;
    seenReason ??= broken ?? `connection broken: ${oneLine(error)}`;
  });
  socket.on('close', gone);

  function hold(on: boolean): void {
    if (state !== 'open') return;
    if (on) socket.pause();
    else socket.resume();
    // The time that it was held is not its own.
    if (frameTimer !== null) clearTimeout(frameTimer);
    frameTimer = null;
    if (!on && reader.inFrame) watchFrame();
  }

  return {
    address,
    send,
    hold,
    get backlogBytes() {
      return backlog();
    },
    get open() {
      return state === 'open';
    },
    allowLargeFrames() {
      reader.raiseLimit(limits.frameBytes);
      writer.raiseLimit(limits.frameBytes);
    },
    close(reason) {
      end(reason, { kind: 'bye', reason: reason.slice(0, limits.reasonLength) });
    },
    destroy,
  };
}
