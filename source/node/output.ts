/**
 * One stream of one task on its way to the coordinator: in order, without gaps, at most a window ahead of what is
 * stored there, and kept until then so that it can be said again after the connection broke.
 */
import { limits } from '../model/limits.ts';
import { byteQueue } from './byte-queue.ts';

/** A piece as it goes on the wire; `data` is a view. */
export interface Piece {
  offset: number;
  data: Uint8Array;
  /** Bytes cut after `data` by the quota. */
  cut: number;
}

/** What the coordinator has not stored of a stream that has ended; `data` is a copy. */
export type Rest = Readonly<Piece>;

export interface OutputOptions {
  /** Says a piece; answers false where nothing can be said now (then `pump` comes later). */
  say(piece: Piece): boolean;
  /** The process may write again. */
  resume(): void;
  /** Everything has been said, the end included. Called once a connection at most. */
  finished(): void;
  windowBytes?: number;
  quotaBytes?: number;
  /** All that there is: the stream has ended, under an earlier agent. */
  rest?: Rest;
}

export interface OutputStream {
  /** Bytes that the task wrote, with those that the quota cut. */
  readonly totalBytes: number;
  /** True when the stream has ended and all of it has been said on this connection. */
  readonly said: boolean;
  /** Copies what was read; answers false when nothing more may be read until `resume`. */
  take(chunk: Uint8Array): boolean;
  /** Bytes that have been taken and not said. */
  readonly unsaid: number;
  /** Nothing more comes. */
  end(): void;
  /** Nothing more comes, and what does not fit into the window now is cut: the task was stopped. */
  cutShort(): void;
  /** Says what it may. */
  pump(): void;
  /** The coordinator has everything before `offset`. */
  stored(offset: number): void;
  /** A new connection: all that is not stored has to be said again. */
  rewind(): void;
  /** Of a stream that has ended. */
  rest(): Rest;
}

export function outputStream(options: OutputOptions): OutputStream {
  const windowBytes = options.windowBytes ?? limits.outputWindowBytes;
  const quotaBytes = options.quotaBytes ?? limits.outputBytesPerStream;
  const kept = byteQueue(options.rest?.offset);
  if (options.rest !== undefined) kept.append(options.rest.data);
  let sent = kept.from;
  let cut = options.rest?.cut ?? 0;
  let cutSaid = 0;
  /** Offset after the last byte that will be said. */
  let last = Number.POSITIVE_INFINITY;
  let ended = options.rest !== undefined;
  let said = false;
  let blocked = false;

  const full = (): boolean => kept.to - kept.from >= windowBytes;

  function pump(): void {
    const limit = Math.min(kept.from + windowBytes, last);
    while (sent < kept.to && sent < limit) {
      const data = kept.view(sent, Math.min(limits.outputPieceBytes, limit - sent));
      if (!options.say({ offset: sent, data, cut: 0 })) return;
      sent += data.length;
    }
    if (!ended || said || sent < Math.min(kept.to, last)) return;
    if (cut !== cutSaid) {
      if (!options.say({ offset: sent, data: new Uint8Array(0), cut })) return;
      cutSaid = cut;
    }
    said = true;
    options.finished();
  }

  return {
    get totalBytes() {
      return Math.min(kept.to, last) + cut;
    },
    get unsaid() {
      return kept.to - sent;
    },
    get said() {
      return said;
    },
    take(chunk) {
      if (ended) return true;
      const room = Math.max(0, quotaBytes - kept.to);
      if (chunk.length > room) cut += chunk.length - room;
      if (room > 0) kept.append(chunk.length > room ? chunk.subarray(0, room) : chunk);
      // What the quota cuts needs no room: it is read on, so that the task does not hang.
      blocked = full() && kept.to < quotaBytes;
      return !blocked;
    },
    end() {
      ended = true;
      pump();
    },
    cutShort() {
      last = Math.min(kept.to, kept.from + windowBytes);
      cut += kept.to - last;
      ended = true;
      pump();
    },
    pump,
    stored(offset) {
      // It may have more than was said on this connection: from an earlier one whose `stored` was lost.
      const have = Math.min(offset, kept.to);
      kept.dropTo(have);
      sent = Math.max(sent, have);
      pump();
      if (blocked && !full()) {
        blocked = false;
        options.resume();
      }
    },
    rewind() {
      sent = kept.from;
      cutSaid = 0;
      said = false;
    },
    rest() {
      const to = Math.min(kept.to, last);
      const parts: Uint8Array[] = [];
      for (let at = kept.from; at < to; at += parts.at(-1)?.length ?? 0) parts.push(kept.view(at, to - at));
      return { offset: kept.from, data: Buffer.concat(parts), cut };
    },
  };
}
