import { eventAt, firstEvent, type Series } from '../view/series.ts';
import { finished, pending, type Source } from './source.ts';

const everyMs = 200;

/** The last `last` event lines, then, with `follow`, those that come; a reader that is too slow misses the oldest. */
export function eventsSource(series: Series, last: number, follow: boolean, wake: () => void): Source {
  let next = Math.max(firstEvent(series), series.nextEvent - last);
  const timer = follow
    ? setInterval(() => {
        if (next < series.nextEvent) wake();
      }, everyMs)
    : undefined;
  return {
    pull() {
      next = Math.max(next, firstEvent(series));
      while (next < series.nextEvent) {
        const line = eventAt(series, next++);
        if (line !== null) return line;
      }
      return follow ? pending : finished;
    },
    close: () => clearInterval(timer),
  };
}
