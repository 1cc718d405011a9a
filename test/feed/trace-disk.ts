/** A file in memory, with as much room as a test gives it. */
import { writeFileSync } from 'node:fs';
import type { Disk } from '../../source/feed/trace-writer.ts';

export interface MemoryDisk extends Disk {
  /** Bytes that fit. */
  room: number;
  /** Writes wait until this resolves. */
  slow: Promise<void>;
  contents(): Buffer;
  save(file: string): void;
  closed: boolean;
}

export function memoryDisk(): MemoryDisk {
  let bytes = Buffer.alloc(0);
  const disk: MemoryDisk = {
    room: Number.POSITIVE_INFINITY,
    slow: Promise.resolve(),
    closed: false,
    open: () => ({ handle: 1, bytes: 0 }),
    async write(_, data, at) {
      await disk.slow;
      // A full disk takes the beginning of what does not fit.
      const fits = Math.max(0, Math.min(data.length, disk.room - at));
      const grown = Buffer.alloc(Math.max(bytes.length, at + fits));
      bytes.copy(grown);
      data.copy(grown, at, 0, fits);
      bytes = grown;
      if (fits < data.length)
        throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' });
    },
    truncate: () => {},
    sync: () => {},
    close: () => {
      disk.closed = true;
    },
    contents: () => bytes,
    save: (file) => writeFileSync(file, bytes),
  };
  return disk;
}
