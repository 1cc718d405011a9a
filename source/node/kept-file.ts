/** Files of /proc and /sys that are read again and again: one descriptor, one buffer, about 2 µs a reading. */
import { closeSync, openSync, readSync } from 'node:fs';

export interface KeptFile {
  /** Returns what it says now (at most so many bytes of it, 16 KiB), or null where it cannot be read. */
  read(mostBytes?: number): string | null;
  close(): void;
}

const buffer = Buffer.alloc(16 * 1024);

/** Returns null where there is no such file. */
export function keptFile(path: string): KeptFile | null {
  try {
    return keptDescriptor(openSync(path, 'r'));
  } catch {
    return null;
  }
}

/** The same of a file that is open; the descriptor is closed with it. */
export function keptDescriptor(file: number): KeptFile {
  return {
    read(mostBytes = buffer.length) {
      try {
        return buffer.toString('latin1', 0, readSync(file, buffer, 0, Math.min(mostBytes, buffer.length), 0));
      } catch {
        return null;
      }
    },
    close: () => closeSync(file),
  };
}
