/**
 * The past of a running session, kept while somebody watches it: a trace in a directory of its own, of bounded size. An
 * interface that wants to look back gets a copy and replays it on its side, so that looking back costs the coordinator
 * nothing but the reading.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Fact } from '../model/fact.ts';
import type { Recorder } from './recorder.ts';

/** A trace up to some moment; later bytes of the file are of no concern. */
export interface HistoryPart {
  readonly file: string;
  readonly bytes: number;
}

export interface LiveHistory {
  /** Somebody watches from now on, or nobody does any more. */
  watched(any: boolean): void;
  /** Takes facts as a recorder does; nothing while nobody watches. */
  record(facts: readonly Fact[]): void;
  /** Returns all that is kept, up to now; null where nothing is. */
  upToNow(): Promise<HistoryPart | null>;
  /** Ends it, and takes its files away. */
  close(): Promise<void>;
}

export interface HistoryOptions {
  /** Made when it is needed; what is in it goes. */
  directory: string;
  /** Begins to record into that file; throws where that cannot be. */
  start(file: string): Recorder;
  /** A file grows to about as much: the oldest quarter to whole of that is what one can look back on. */
  mostBytes?: number;
  /** No file takes over from one that is younger than this, in the session's time: of a large state it is large at once. */
  leastMs?: number;
  log(line: string): void;
}

/** Returns the history of a session; it keeps nothing before it is watched. */
export function liveHistory({
  directory,
  start,
  log,
  mostBytes = 32 * 1024 * 1024,
  leastMs = 60_000,
}: HistoryOptions): LiveHistory {
  let current: Recorder | null = null;
  /** Takes over when the current one is full. */
  let next: Recorder | null = null;
  /** The instant of the first fact that the newest of the two holds. */
  let since = Number.POSITIVE_INFINITY;
  let number = 0;
  let ending: Promise<unknown> = Promise.resolve();

  function begin(): Recorder | null {
    since = Number.POSITIVE_INFINITY;
    try {
      if (number === 0) {
        rmSync(directory, { recursive: true, force: true });
        mkdirSync(directory, { recursive: true, mode: 0o700 });
      }
      return start(join(directory, `${++number}.lbtrace`));
    } catch (error) {
      // Looking back is not worth a session.
      log(`no history is kept: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  function end(recorder: Recorder | null): void {
    if (recorder === null) return;
    const ended = recorder.close().then(() => rmSync(recorder.file, { force: true }));
    ending = Promise.all([ending, ended]);
  }

  return {
    watched(any) {
      if (any) {
        current ??= begin();
        return;
      }
      end(current);
      end(next);
      current = null;
      next = null;
    },
    record(facts) {
      if (current === null) return;
      current.record(facts);
      next?.record(facts);
      const at = facts.at(-1)?.at ?? since;
      since = Math.min(since, at);
      const { bytes } = current.status();
      if (at - since < (next === null ? leastMs : leastMs / 4)) return;
      if (next === null) {
        if (bytes > 0.75 * mostBytes) next = begin();
      } else if (bytes > mostBytes) {
        end(current);
        current = next;
        next = null;
      }
    },
    async upToNow() {
      const recorder = current;
      if (recorder === null) return null;
      await recorder.flush();
      return { file: recorder.file, bytes: recorder.status().bytes };
    },
    async close() {
      this.watched(false);
      await ending;
      if (number > 0) rmSync(directory, { recursive: true, force: true });
    },
  };
}
