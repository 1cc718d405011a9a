/**
 * The stderr of a program that a shell has started by a plain line. Where a signal ends the program, the shell adds a line
 * there ("Killed"): the last bytes are kept back for a moment, so that what is the shell's can be taken away again.
 */
import type { Clock } from '../clock.ts';

export interface LastWords {
  /** Takes what was read, a view that is valid during the call; returns whether more is wanted. */
  take(chunk: Uint8Array): boolean;
  /** How the program ended is known: the last `words` bytes of all, of which more may come until `close`, are the shell's. */
  ended(words: number): void;
  /** Everything was read: hands on what was kept back and is the program's. */
  close(): void;
  /** The program never began: returns what was kept back, and forgets it. */
  refused(): string;
}

/** More than the longest name of a signal's effect, with "(core dumped)". */
const mostWords = 128;
/** The shell says how a program ended right after its words; where others have all cores, its count of bytes tells meanwhile. */
const keepMs = 50;

const nothing = new Uint8Array(0);

/**
 * Returns what stands between a pipe and `hand`, which gets what is the program's, in order, at most 50 ms later.
 * `talking`: whether the shell has said something by now.
 */
export function lastWords(hand: (chunk: Uint8Array) => boolean, talking: () => boolean, clock: Clock): LastWords {
  let kept = nothing;
  let words: number | null = null;
  let cancel: (() => void) | null = null;

  function release(): void {
    cancel = null;
    if (words !== null) return; // `close` follows
    if (talking()) cancel = clock.after(keepMs, release);
    else give(kept.length);
  }

  /** Hands on so many of the bytes that are kept. */
  function give(length: number): boolean {
    const given = kept.subarray(0, length);
    kept = kept.slice(length);
    return given.length === 0 || hand(given);
  }

  return {
    take(chunk) {
      const tail = Math.min(chunk.length, mostWords);
      let more = give(Math.max(0, kept.length + tail - mostWords));
      if (chunk.length > tail) more = hand(chunk.subarray(0, chunk.length - tail)) && more;
      kept = Uint8Array.from([...kept, ...chunk.subarray(chunk.length - tail)]);
      if (words === null) cancel ??= clock.after(keepMs, release);
      return more;
    },
    ended(count) {
      words = count;
    },
    close() {
      cancel?.();
      cancel = null;
      give(Math.max(0, kept.length - (words ?? 0)));
      kept = nothing;
    },
    refused() {
      cancel?.();
      cancel = null;
      const said = Buffer.from(kept).toString();
      kept = nothing;
      return said;
    },
  };
}
