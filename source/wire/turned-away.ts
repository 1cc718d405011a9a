/** What is told about peers that were turned away: a flood of them is not to become a flood of lines. */

/** Told one by one in each second; of the others only how many they were. */
const linesPerSecond = 20;

/** Who it was, or how many, and why. */
export type Tell = (address: string, reason: string) => void;

/** Returns a `tell` that passes on a few calls a second and counts the others. Takes a monotonic clock in ms. */
export function fewLines(tell: Tell, now: () => number = () => performance.now()): Tell & { flush(): void } {
  let since = Number.NEGATIVE_INFINITY;
  let told = 0;
  let more = 0;
  let timer: NodeJS.Timeout | null = null;

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    const count = more;
    more = 0;
    if (count > 0) tell(`${count} more`, 'for reasons like those before');
  }

  function one(address: string, reason: string): void {
    if (now() - since >= 1_000) {
      flush();
      since = now();
      told = 0;
    }
    if (told < linesPerSecond) {
      told += 1;
      tell(address, reason);
    } else {
      more += 1;
      timer ??= setTimeout(flush, 1_000).unref();
    }
  }

  return Object.assign(one, { flush });
}
