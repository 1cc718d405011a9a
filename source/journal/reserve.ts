/**
 * Room kept back for the end of what is under way: when the disk is full this file goes, and what runs can still be told
 * as ended while nothing new is taken.
 */
import { closeSync, ftruncateSync, openSync, rmSync, statSync, writeSync } from 'node:fs';

const piece = Buffer.alloc(64 * 1024);

export interface Reserve {
  /** True while the room is kept. */
  readonly held: boolean;
  /** Gives the room free. */
  release(): void;
  /** Takes the room where there is twice of it, so that one does not give it up again at once; returns `held`. */
  take(): boolean;
}

/** Returns the reserve in `file`, which is taken if there is room. `bytes` 0: none, and it counts as held. */
export function openReserve(file: string, bytes: number): Reserve {
  let held = bytes === 0 || statSync(file, { throwIfNoEntry: false })?.size === bytes;

  function take(): boolean {
    if (held) return true;
    try {
      const handle = openSync(file, 'w', 0o600);
      try {
        for (let at = 0; at < bytes * 2; ) at += writeSync(handle, piece, 0, Math.min(piece.length, bytes * 2 - at));
        ftruncateSync(handle, bytes);
      } finally {
        closeSync(handle);
      }
      held = true;
    } catch {
      rmSync(file, { force: true });
    }
    return held;
  }

  take();
  return {
    get held() {
      return held;
    },
    release() {
      if (bytes === 0) return;
      rmSync(file, { force: true });
      held = false;
    },
    take,
  };
}
