/**
 * What the coordinator gave us to keep: how far its journal had come. Told when we join, it shows a coordinator whose
 * data are an older copy. A file that is too old, or not whole, shows less and nothing wrong.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '../model/limits.ts';
import type { Clock } from './clock.ts';

export interface Receipt {
  /** The last one; null before the first. */
  readonly last: string | null;
  take(receipt: string): void;
  close(): void;
}

/** The file is written so often at most. */
const writeEveryMs = 10_000;

/** Returns the receipt that is kept in `dir`, where an earlier agent may have left one. `dir` null: in memory only. */
export function openReceipt(dir: string | null, clock: Clock): Receipt {
  const file = dir === null ? null : join(dir, 'receipt');
  let last = file === null ? null : readReceipt(file);
  let written = last;
  let writtenAt = Number.NEGATIVE_INFINITY;

  function write(): void {
    if (file === null || last === null || last === written) return;
    writtenAt = clock.now();
    try {
      writeFileSync(file, last, { mode: 0o600 });
      written = last;
    } catch {
      // It is in memory, and tried again.
    }
  }

  return {
    get last() {
      return last;
    },
    take(receipt) {
      last = receipt;
      if (clock.now() - writtenAt >= writeEveryMs) write();
    },
    close: write,
  };
}

function readReceipt(file: string): string | null {
  try {
    const text = readFileSync(file, 'utf8');
    return text.length <= limits.reasonLength ? text : null;
  } catch {
    return null;
  }
}
