/**
 * What may block the event loop for milliseconds (a process, a directory of a control group), one a turn of it, for the
 * whole agent: timers and what came in have their turn in between.
 */

const works: (() => void)[] = [];
let due = false;

function next(): void {
  const work = works.shift();
  due = works.length > 0;
  if (due) setImmediate(next);
  work?.();
}

/** Calls `work` in a later turn, in the order of these calls. */
export function inOwnTurn(work: () => void): void {
  works.push(work);
  if (due) return;
  due = true;
  setImmediate(next);
}
