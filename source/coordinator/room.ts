/**
 * Whether the store has room for one more job. That is asked before it is taken: what has been taken and finds no room waits
 * until there is some, and whoever sent it would wait as long for an answer.
 */
import type { Commits } from '../journal/commit.ts';
import type { Store } from '../journal/store.ts';
import { LbtopError } from '../model/errors.ts';
import type { JobSpec } from '../model/job.ts';

export interface Room {
  /** Why nothing new should be taken, in one line, or null. */
  full(): string | null;
  /** Holds room for so many bytes until it is disposed of. Throws LbtopError `failed`: there is not so much. */
  claim(bytes: number): Disposable;
}

/** Of a job beside its items and texts. */
const factBytes = 512;
/** What is written takes more than it holds: pages, the log's own, and their numbers. */
const overhead = 1.25;

/** Returns the room in a store. */
export function roomIn(store: Pick<Store, 'full' | 'roomBytes'>, commits: Pick<Commits, 'held'>): Room {
  let claimed = 0;
  const full = () => store.full ?? commits.held;

  return {
    full,
    claim(bytes) {
      const reason = full();
      if (reason !== null) throw new LbtopError('failed', reason);
      claimed += bytes;
      if (claimed * overhead > store.roomBytes()) {
        claimed -= bytes;
        throw new LbtopError(
          'failed',
          `the disk of the journal is full: it has no room for the ${bytes} bytes of this job; free some and submit again`,
        );
      }
      return {
        [Symbol.dispose]() {
          claimed -= bytes;
        },
      };
    },
  };
}

/** About the bytes that the journal takes for a job whose items take `itemBytes`. */
export function jobBytes(spec: JobSpec, itemBytes: number): number {
  let bytes = factBytes + itemBytes + (spec.stdin?.length ?? 0);
  for (const argument of spec.work.argv) bytes += argument.length;
  for (const value of Object.values(spec.env)) bytes += value.length;
  return bytes;
}
