/** The output of a task, as the coordinator behind a connection has it. */
import { oneLine } from '../model/errors.ts';
import type { Asking } from './remote.ts';

/** Returns the last bytes that a task has written. */
export function tailOf(asking: Asking, job: number, index: number, tail: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    let count = 0;
    const stream = asking.stream(
      'logs',
      { job, index, follow: false, tail, from: null },
      (piece) => {
        pieces.push(Uint8Array.from(piece.data));
        stream.taken(++count);
      },
      (error) => {
        if (error !== null) return reject(error);
        resolve(Buffer.concat(pieces));
      },
    );
  });
}

/** Gives the last `bytes` of a task's output and then what comes, until it is closed or the task has ended. */
export function followLog(
  asking: Asking,
  { job, index, bytes }: { job: number; index: number; bytes: number },
  onBytes: (piece: Uint8Array) => void,
  onEnd: (why: string | null) => void,
): { close(): void } {
  let count = 0;
  const stream = asking.stream(
    'logs',
    { job, index, follow: true, tail: bytes, from: null },
    (piece) => {
      if (piece.data.length > 0) onBytes(Uint8Array.from(piece.data));
      stream.taken(++count);
    },
    (error) => onEnd(error === null ? null : oneLine(error)),
  );
  return stream;
}
