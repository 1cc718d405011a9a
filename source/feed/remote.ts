/**
 * The feed of a coordinator that one is connected to. A connection that breaks is made again, however long that takes: the
 * coordinator may be starting again.
 */
import { LbtopError, oneLine } from '../model/errors.ts';
import { type Look, lookShape } from '../view/look.ts';
import { type Window, windowShape } from '../view/window.ts';
import type { VerbArgs, VerbGives, VerbName } from '../wire/verbs.ts';
import { objectionTo, outcomeOf } from './command-verbs.ts';
import type { Connection, Feed, FeedListener } from './feed.ts';
import { followLog, tailOf } from './remote-log.ts';

/** What this feed needs of a connection; the client library has it. */
export interface Asking {
  /** Asks once; rejects with an error whose message is for the user. */
  request<V extends VerbName>(verb: V, args: VerbArgs<V>): Promise<VerbGives<V>>;
  /** Asks for a stream. `onEnd` comes once, with null where it ended as it should; never after `close`. */
  stream<V extends VerbName>(
    verb: V,
    args: VerbArgs<V>,
    onItem: (item: VerbGives<V>) => void,
    onEnd: (error: unknown) => void,
  ): Streaming;
}

export interface Streaming {
  /** The request's number on the wire, by which `look` names the stream. */
  readonly id: number;
  /** Says that so many items have been taken. */
  taken(count: number): void;
  close(): void;
}

export interface RemoteOptions {
  /** Windows a second. */
  rateHz: number;
  /** Without it the feed has no `act`. */
  mayAct: boolean;
  /** Connects anew after the connection broke; rejects where that cannot be now. Absent: the feed ends then. */
  again?: () => Promise<Asking>;
}

/** Between two tries to connect: from the first to the last of these, ms. */
const triesMs = [250, 500, 1_000, 2_000, 5_000];
/** No window for so long: something is wrong with the connection, or with the coordinator. */
const silentMs = 5_000;

/** Returns the feed of the coordinator behind `first`, and behind what `again` gives after it. */
export function remoteFeed(first: Asking, { rateHz, mayAct, again }: RemoteOptions): Feed {
  let asking = first;
  let stream: Streaming | null = null;
  let closed = false;
  let look: Look | null = null;
  let to: FeedListener | null = null;
  let connection: Connection = { state: 'connecting' };
  let heardAt = 0;
  let tries = 0;
  let retry: NodeJS.Timeout | null = null;
  let silence: NodeJS.Timeout | null = null;
  /** One look is under way at a time; of those that come meanwhile only the last one counts. */
  let looking = false;
  let wanted: Look | null = null;

  const say = (next: Connection): void => {
    if (closed || JSON.stringify(next) === JSON.stringify(connection)) return;
    connection = next;
    to?.connection(next);
  };

  const sendLook = async (next: Look): Promise<void> => {
    if (stream === null) return;
    looking = true;
    try {
      await asking.request('look', { watch: stream.id, look: lookShape.pack(next) });
    } catch {
      // The stream's own end tells what is wrong.
    }
    looking = false;
    const later = wanted;
    wanted = null;
    if (later !== null && !closed) await sendLook(later);
  };

  const watch = (): void => {
    if (closed || look === null) return;
    const from = asking;
    let count = 0;
    let opened: Streaming | null = null;
    heardAt = performance.now();
    try {
      opened = asking.stream(
        'watch',
        { look: lookShape.pack(look), rateHz },
        (raw) => {
          if (closed || from !== asking) return;
          let window: Window;
          try {
            window = windowShape.unpack(raw);
          } catch (error) {
            say({ state: 'ended', why: `the coordinator speaks another version: ${oneLine(error)}` });
            return;
          }
          count++;
          tries = 0;
          heardAt = performance.now();
          say({ state: 'live' });
          to?.window(window);
          // After what the window caused: a screen that cannot be written stops the next one from being made.
          setImmediate(() => {
            if (!closed && from === asking) opened?.taken(count);
          });
        },
        (error) => {
          if (from === asking) broken(error);
        },
      );
      stream = opened;
    } catch (error) {
      broken(error);
    }
  };

  const broken = (error: unknown): void => {
    stream = null;
    const why = error === null ? 'the coordinator ended' : oneLine(error);
    const final = error instanceof LbtopError && (error.code === 'refused' || error.code === 'usage');
    if (again === undefined || final) return say({ state: 'ended', why });
    say({ state: 'lost', why });
    tryAgain();
  };

  const tryAgain = (): void => {
    if (closed || retry !== null || again === undefined) return;
    retry = setTimeout(
      async () => {
        try {
          const next = await again();
          retry = null;
          if (closed) return;
          asking = next;
          watch();
        } catch (error) {
          retry = null;
          broken(error);
        }
      },
      triesMs[Math.min(tries++, triesMs.length - 1)],
    );
  };

  /** A stopped process and a cut cable look alike: nothing comes. */
  const listen = (): void => {
    const silent = performance.now() - heardAt;
    if (stream !== null && silent > silentMs && connection.state !== 'ended') say({ state: 'lost', why: 'no answer' });
  };

  return {
    open(firstLook, listener) {
      to = listener;
      look = firstLook;
      listener.connection(connection);
      silence = setInterval(listen, 1_000);
      silence.unref();
      watch();
    },
    look(next) {
      look = next;
      if (closed) return;
      if (looking) wanted = next;
      else void sendLook(next);
    },
    act: mayAct ? (command) => outcomeOf(asking, command) : undefined,
    objection: mayAct ? (command) => objectionTo(asking, command) : undefined,
    explain: (job, index) => asking.request('explain', { job, index }),
    logTail: (job, index, bytes) => tailOf(asking, job, index, bytes),
    followLog: (job, index, bytes, onBytes, onEnd) => followLog(asking, { job, index, bytes }, onBytes, onEnd),
    drainPreview: (nodes) => asking.request('drain-preview', { nodes: [...nodes], all: false }),
    close() {
      closed = true;
      if (retry !== null) clearTimeout(retry);
      if (silence !== null) clearInterval(silence);
      stream?.close();
    },
  };
}
