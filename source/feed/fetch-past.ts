/** Fetches what a coordinator keeps of its session's past into a file of this machine. */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PastCopy } from './live-past.ts';
import type { Asking } from './remote.ts';

/** Returns the copy. Rejects where there is no past, or the disk or the connection fails. */
export function fetchPast(asking: Asking): Promise<PastCopy> {
  const directory = mkdtempSync(join(tmpdir(), 'lbtop-past-'));
  const file = join(directory, 'session.lbtrace');
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  return new Promise((resolve, reject) => {
    const handle = openSync(file, 'w', 0o600);
    let taken = 0;
    let over = false;
    const end = (error: unknown): void => {
      if (over) return;
      over = true;
      closeSync(handle);
      if (error === null) return resolve({ file, remove });
      remove();
      reject(error);
    };
    try {
      const stream = asking.stream(
        'history',
        {},
        (piece) => {
          try {
            writeSync(handle, piece);
            stream.taken(++taken);
          } catch (error) {
            stream.close();
            end(error);
          }
        },
        end,
      );
    } catch (error) {
      end(error);
    }
  });
}
