/**
 * Gives windows to the interfaces that watch a coordinator. At most one window is under way to each: the next is made when
 * it is due and the last one was taken, of the state as it is then. A slow interface skips; nobody watching costs nothing.
 */
import type { State } from '../scheduler/state.ts';
import { type Look, lookShape } from '../view/look.ts';
import type { Series } from '../view/series.ts';
import { maskedWindow, type Recording, selectWindow, windowShape } from '../view/window.ts';

/** What there is to see. `now` in ms since the epoch. */
export interface World {
  readonly state: State;
  readonly series: Series;
  readonly now: number;
  readonly recording?: Recording | null;
}

export interface Watcher {
  /** Looks at something else: answered at once, or as soon as the window under way is taken. Throws ShapeError. */
  look(raw: unknown): void;
  /** The receiver has taken so many windows in all. */
  taken(count: number): void;
  close(): void;
}

export interface Hub {
  /**
   * Begins to send windows for `look` (packed by `lookShape`) through `send` (packed by `windowShape`), the first at once.
   * Rates above 30 Hz and below 0.1 Hz are taken as those. Without command lines where they are `masked`. Throws ShapeError
   * where the look is none.
   */
  watch(look: unknown, rateHz: number, send: (window: unknown) => void, masked?: boolean): Watcher;
  readonly watchers: number;
  close(): void;
}

/**
 * Returns a hub for the world that `world` tells of whenever it is asked. `watched` is called when the first interface
 * comes, and when the last one has gone.
 */
export function windowHub(world: () => World, watched: (any: boolean) => void = () => {}): Hub {
  const watching = new Set<Watcher>();
  return {
    get watchers() {
      return watching.size;
    },
    watch(look, rateHz, send, masked = false) {
      const first = lookShape.unpack(look);
      const watcher = watcherOf(world, { first, masked }, rateHz, send, () => {
        watching.delete(watcher);
        if (watching.size === 0) watched(false);
      });
      watching.add(watcher);
      if (watching.size === 1) watched(true);
      return watcher;
    },
    close() {
      for (const watcher of [...watching]) watcher.close();
    },
  };
}

function watcherOf(
  world: () => World,
  { first, masked }: { first: Look; masked: boolean },
  rateHz: number,
  send: (window: unknown) => void,
  closed: () => void,
): Watcher {
  const everyMs = 1_000 / Math.min(30, Math.max(0.1, rateHz));
  let look = first;
  let sent = 0;
  let taken = 0;
  /** A window is due that could not be sent because the last one is still under way. */
  let due = false;
  let soon: NodeJS.Immediate | null = null;
  let open = true;

  const show = (): void => {
    if (!open) return;
    if (taken < sent) {
      due = true;
      return;
    }
    due = false;
    sent++;
    const { state, series, now, recording = null } = world();
    const window = selectWindow(state, series, now, look);
    send(windowShape.pack({ ...(masked ? maskedWindow(window) : window), recording }));
  };
  /** Several looks of one turn are one. */
  const showSoon = (): void => {
    soon ??= setImmediate(() => {
      soon = null;
      show();
    });
  };
  const timer = setInterval(show, everyMs);
  showSoon();
  return {
    look(raw) {
      look = lookShape.unpack(raw);
      showSoon();
    },
    taken(count) {
      taken = Math.max(taken, Math.min(count, sent));
      if (due && taken === sent) showSoon();
    },
    close() {
      if (!open) return;
      open = false;
      clearInterval(timer);
      if (soon !== null) clearImmediate(soon);
      closed();
    },
  };
}
