/**
 * Log lines in few writes. Each write into a pipe takes as long as a dozen lines take to make, and wakes whoever reads: with
 * short tasks one at a time it was half of all writes of a coordinator. A line after a quiet moment is written at once; those
 * that follow it within `gatherMs` go together.
 */

export interface LogOutput {
  /** Takes a line, without its end. */
  line(text: string): void;
  /** Writes now what waits: to be called before the process ends. */
  flush(): void;
}

const defaultGatherMs = 50;
const mostUnits = 64 * 1024;

/** Returns what hands whole lines to `write`, one or several at a time; what `write` throws comes out of `line` or `flush`. */
export function logOutput(write: (text: string) => void, gatherMs = defaultGatherMs): LogOutput {
  let waiting = '';
  let timer: NodeJS.Timeout | null = null;

  function flush(): void {
    const text = waiting;
    waiting = '';
    if (text !== '') write(text);
  }

  function due(): void {
    timer = null;
    if (waiting === '') return;
    timer = setTimeout(due, gatherMs).unref();
    flush();
  }

  return {
    line(text) {
      waiting += `${text}\n`;
      if (timer !== null && waiting.length < mostUnits) return;
      timer ??= setTimeout(due, gatherMs).unref();
      flush();
    },
    flush,
  };
}
