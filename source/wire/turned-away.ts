/** What is told about those that were turned away: a flood of them is not to become a flood of lines. */

/** How much is told one by one before the rest is only counted, in ms. */
export interface Rate {
  lines: number;
  everyMs: number;
}

const linesPerSecond: Rate = { lines: 20, everyMs: 1_000 };

/** Who it was, or how many, and why. */
export type Tell = (address: string, reason: string) => void;

/**
 * Returns a `tell` that passes on so many calls in a period and counts the others, which `more` is told once the period is
 * over. Takes a monotonic clock in ms.
 */
export function fewLines<Given extends unknown[]>(
  tell: (...given: Given) => void,
  more: (count: number) => void,
  { lines, everyMs }: Rate = linesPerSecond,
  now: () => number = () => performance.now(),
): ((...given: Given) => void) & { flush(): void } {
  let since = Number.NEGATIVE_INFINITY;
  let told = 0;
  let untold = 0;
  let timer: NodeJS.Timeout | null = null;

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const count = untold;
    untold = 0;
    if (count > 0) more(count);
  }

  function one(...given: Given): void {
    if (now() - since >= everyMs) {
      flush();
      since = now();
      told = 0;
    }
    if (told < lines) {
      told += 1;
      tell(...given);
    } else {
      untold += 1;
      timer ??= setTimeout(flush, everyMs).unref();
    }
  }

  return Object.assign(one, { flush });
}
