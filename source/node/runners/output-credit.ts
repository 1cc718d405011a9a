/**
 * How much a thread may write ahead of who reads it. Messages between threads have no backpressure of their own: a
 * handler that writes without end would fill the node's memory. So the writer counts in shared memory what is under way,
 * and waits, holding its thread, while that is too much.
 */

/** What may be under way. */
const windowBytes = 1024 * 1024;

/** Two Int32: bytes under way; 1 when nobody reads any more. */
export type Credit = Int32Array<SharedArrayBuffer>;

export function newCredit(): Credit {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** The writer's: waits until there is room, then counts `bytes` as under way. Returns false where nobody reads any more. */
export function spend(credit: Credit, bytes: number): boolean {
  for (;;) {
    if (Atomics.load(credit, 1) === 1) return false;
    const underWay = Atomics.load(credit, 0);
    if (underWay < windowBytes) break;
    Atomics.wait(credit, 0, underWay);
  }
  Atomics.add(credit, 0, bytes);
  return true;
}

/** The reader's: so many bytes have been taken. */
export function giveBack(credit: Credit, bytes: number): void {
  Atomics.sub(credit, 0, bytes);
  Atomics.notify(credit, 0);
}

/** The reader's: nothing more is taken; who waits goes on. */
export function closeCredit(credit: Credit): void {
  Atomics.store(credit, 1, 1);
  // A different number of bytes, so that who is about to wait does not.
  Atomics.sub(credit, 0, 1);
  Atomics.notify(credit, 0);
}
