/** The feed of a coordinator that one is connected to. */
import { oneLine } from '../model/errors.ts';
import { type Look, lookShape } from '../view/look.ts';
import { type Window, windowShape } from '../view/window.ts';
import type { VerbArgs, VerbGives, VerbName } from '../wire/verbs.ts';
import type { Command, Connection, Feed, FeedListener, Outcome } from './feed.ts';

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
}

/** Returns the feed of the coordinator behind `asking`. */
export function remoteFeed(asking: Asking, { rateHz, mayAct }: RemoteOptions): Feed {
  let stream: Streaming | null = null;
  let closed = false;
  /** One look is under way at a time; of those that come meanwhile only the last one counts. */
  let looking = false;
  let wanted: Look | null = null;

  const say = (listener: FeedListener, connection: Connection): void => {
    if (!closed) listener.connection(connection);
  };
  const sendLook = async (look: Look): Promise<void> => {
    if (stream === null) return;
    looking = true;
    try {
      await asking.request('look', { watch: stream.id, look: lookShape.pack(look) });
    } catch {
      // The stream's own end tells what is wrong.
    }
    looking = false;
    const next = wanted;
    wanted = null;
    if (next !== null && !closed) await sendLook(next);
  };

  return {
    open(look, listener) {
      say(listener, { state: 'connecting' });
      let count = 0;
      stream = asking.stream(
        'watch',
        { look: lookShape.pack(look), rateHz },
        (raw) => {
          if (closed) return;
          let window: Window;
          try {
            window = windowShape.unpack(raw);
          } catch (error) {
            say(listener, { state: 'ended', why: `the coordinator speaks another version: ${oneLine(error)}` });
            return;
          }
          count++;
          if (count === 1) say(listener, { state: 'live' });
          listener.window(window);
          // After what the window caused: a screen that cannot be written stops the next one from being made.
          setImmediate(() => {
            if (!closed) stream?.taken(count);
          });
        },
        (error) => say(listener, { state: 'ended', why: error === null ? 'the coordinator ended' : oneLine(error) }),
      );
    },
    look(look) {
      if (closed) return;
      if (looking) wanted = look;
      else void sendLook(look);
    },
    act: mayAct ? (command) => outcomeOf(asking, command) : undefined,
    explain: (job, index) => asking.request('explain', { job, index }),
    logTail: (job, index, bytes) => tailOf(asking, job, index, bytes),
    close() {
      closed = true;
      stream?.close();
    },
  };
}

async function outcomeOf(asking: Asking, command: Command): Promise<Outcome> {
  try {
    return { accepted: true, says: await act(asking, command) };
  } catch (error) {
    return { accepted: false, why: oneLine(error) };
  }
}

/** Asks for what a command wants; returns what was done. */
async function act(asking: Asking, command: Command): Promise<string> {
  const all = false;
  switch (command.kind) {
    case 'pause': {
      const { nodes, reason } = command;
      return `paused ${names((await asking.request('pause', { nodes: [...nodes], all, reason })).nodes)}`;
    }
    case 'resume': {
      const { nodes, reason } = command;
      return `resumed ${names((await asking.request('resume', { nodes: [...nodes], all, reason })).nodes)}`;
    }
    case 'drain': {
      const { nodes, reason, now } = command;
      const done = await asking.request('drain', { nodes: [...nodes], all, reason, now, deadlineMs: null });
      return `draining ${names(done.nodes)}`;
    }
    case 'throttle': {
      const { nodes, share } = command;
      const done = await asking.request('throttle', { nodes: [...nodes], all, share });
      return `throttled ${names(done.nodes)} to ${Math.round(share * 100)} %`;
    }
    case 'cancel': {
      const { job, index } = command;
      return `cancelled ${tasks((await asking.request('cancel', { job, index })).tasks)} of job ${job}`;
    }
    case 'retry': {
      const { job, index, onlyFailed } = command;
      return `queued ${tasks((await asking.request('retry', { job, index, onlyFailed })).tasks)} of job ${job} again`;
    }
    case 'purge':
      await asking.request('purge', { job: command.job });
      return `forgot job ${command.job}`;
    case 'pause-queue':
      await asking.request('pause-queue', { paused: command.paused, reason: command.reason });
      return command.paused ? 'queue paused: nothing new starts' : 'queue resumed';
    case 'policy': {
      const now = await asking.request('policy', { policy: command.policy, queue: command.queue });
      return `policy ${now.policy}, queue ${now.queue}`;
    }
    case 'record': {
      const { file } = await asking.request('record', { file: command.file });
      return file === null ? 'recording ended' : `recording to ${file}`;
    }
    case 'shutdown':
      await asking.request('shutdown', { reason: command.reason });
      return 'the coordinator ends';
  }
}

function names(nodes: readonly string[]): string {
  return nodes.length <= 3 ? nodes.join(', ') || 'no node' : `${nodes.length} nodes`;
}

function tasks(count: number): string {
  return count === 1 ? '1 task' : `${count} tasks`;
}

/** The last bytes that a task has written, as the coordinator has them. */
function tailOf(asking: Asking, job: number, index: number, tail: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const pieces: Uint8Array[] = [];
    let count = 0;
    const stream = asking.stream(
      'logs',
      { job, index, follow: false, tail },
      (piece) => {
        pieces.push(Uint8Array.from(piece.data));
        stream.taken(++count);
      },
      (error) => {
        if (error !== null) return reject(error);
        resolve(Buffer.concat(pieces));
      },
    );
  });
}
