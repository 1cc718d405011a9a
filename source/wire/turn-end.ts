/**
 * The end of a turn of the event loop, one for the whole process: what was caused by all that came in this turn is done, and
 * then written, one write for each peer. The turn's poll phase handles the bytes of all peers that have some; the check
 * phase (`setImmediate`) follows at once, so that a lone message waits for microseconds only. (A microtask would run after
 * each socket's callback, and write once for each.)
 */

let works: (() => void)[] = [];
let writes: (() => void)[] = [];
let planned: NodeJS.Immediate | null = null;

function schedule(): void {
  planned ??= setImmediate(end);
}

function end(): void {
  if (planned !== null) clearImmediate(planned);
  planned = null;
  const work = works;
  works = [];
  for (const one of work) one();
  const write = writes;
  writes = [];
  for (const one of write) one();
}

/** Calls `work` at the end of this turn, before what was said in it is written; what it says goes with that. */
export function beforeWrites(work: () => void): void {
  works.push(work);
  schedule();
}

/** Calls `write` at the end of this turn. */
export function atTurnEnd(write: () => void): void {
  writes.push(write);
  schedule();
}

/**
 * Ends the turn already when the promises that are settled by now have been followed up, for whoever works in the check
 * phase itself: its words would wait for a whole turn more.
 */
export function endTurn(): void {
  // Ticks come after all microtasks, those that they cause included.
  queueMicrotask(() => process.nextTick(end));
}
