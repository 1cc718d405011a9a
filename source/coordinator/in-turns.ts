/** What one client says, taken in order and so that others have their turn: it may say a million things in a moment. */
import type { Connection } from '../wire/connection.ts';
import type { Message } from '../wire/messages.ts';

/** After so long in one turn of the event loop the others come first. */
const turnMs = 10;

export interface InTurns {
  /** These are taken after what was said before. */
  add(batch: readonly Message[]): void;
  /** It may not be busy any more: takes what waits, in a moment. */
  goOn(): void;
  /** Forgets what waits. */
  stop(): void;
}

/** While `isBusy`, or when it was its turn for long enough, what was said waits; nothing more is read from its socket then. */
export function inTurns(connection: Connection, take: (message: Message) => void, isBusy: () => boolean): InTurns {
  const said: Message[] = [];
  let next = 0;
  let soon = false;
  let held = false;

  function listen(): void {
    const until = performance.now() + turnMs;
    while (next < said.length && connection.open && !isBusy()) {
      take(said[next++] as Message);
      if (performance.now() < until) continue;
      if (next < said.length) listenSoon();
      break;
    }
    const over = next >= said.length || !connection.open;
    if (over) stop();
    if (held !== over) return;
    held = !over;
    connection.hold(held);
  }

  function listenSoon(): void {
    if (soon) return;
    soon = true;
    setImmediate(() => {
      soon = false;
      listen();
    });
  }

  function stop(): void {
    said.length = 0;
    next = 0;
  }

  return {
    add(batch) {
      for (const message of batch) said.push(message);
      if (!soon) listen();
    },
    goOn() {
      if (next < said.length) listenSoon();
    },
    stop,
  };
}
