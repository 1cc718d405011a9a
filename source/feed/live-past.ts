/** A running session whose past one can look at: the live feed, and while it is frozen a player of what was kept. */
import type { Look } from '../view/look.ts';
import type { Feed, FeedListener, TimeControl, TimeState } from './feed.ts';
import { openPlayer, type Player } from './player.ts';

/** A copy of the session's past on this machine. */
export interface PastCopy {
  readonly file: string;
  remove(): void;
}

const liveState: TimeState = { at: 0, from: 0, to: 0, playing: true, speed: 1, event: 0, events: 0, live: true };

/** Returns the feed with `time`: `freeze` fetches the past and stops at its end, `follow` returns to what is now. */
export function withPast(live: Feed, fetchPast: () => Promise<PastCopy>): Feed {
  let listener: FeedListener | null = null;
  let look: Look | null = null;
  let player: Player | null = null;
  let copy: PastCopy | null = null;
  let freezing = false;

  function leavePast(): void {
    player?.close();
    copy?.remove();
    player = null;
    copy = null;
  }

  const time: TimeControl = {
    state: () => player?.time.state() ?? liveState,
    incidents: () => player?.time.incidents() ?? [],
    toggle: () => player?.time.toggle(),
    seek: (at) => player?.time.seek(at),
    faster: (factor) => player?.time.faster(factor),
    step: (direction) => player?.time.step(direction),
    jump: (direction) => player?.time.jump(direction),
    async freeze() {
      if (player !== null || freezing) return;
      freezing = true;
      try {
        const fetched = await fetchPast();
        let opened: Player;
        try {
          opened = await openPlayer(fetched.file);
        } catch (error) {
          fetched.remove();
          throw error;
        }
        if (listener === null || look === null) {
          opened.close();
          fetched.remove();
          return;
        }
        const to = listener;
        copy = fetched;
        player = opened;
        opened.open(look, { window: (window) => to.window(window), connection: () => {}, time: (at) => to.time?.(at) });
        opened.time.seek(opened.time.state().to);
      } finally {
        freezing = false;
      }
    },
    follow() {
      if (player === null) return;
      leavePast();
      if (look !== null) live.look(look);
      listener?.time?.(liveState);
    },
  };

  return {
    ...live,
    time,
    open(first, to) {
      look = first;
      listener = to;
      live.open(first, {
        window(window) {
          if (player === null) to.window(window);
        },
        connection: (connection) => to.connection(connection),
      });
    },
    look(next) {
      look = next;
      if (player === null) live.look(next);
      else player.look(next);
    },
    close() {
      listener = null;
      leavePast();
      live.close();
    },
  };
}
