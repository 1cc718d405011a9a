/** One client's connection: requests in, answers and streams out. */
import { LbtopError, oneLine } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { type Shape, ShapeError } from '../model/shape.ts';
import type { Connection, ConnectionEvents } from '../wire/connection.ts';
import type { Message, MessageOf } from '../wire/messages.ts';
import { type Reach, reachOf } from '../wire/permission.ts';
import { beforeWrites } from '../wire/turn-end.ts';
import { type VerbArgs, type VerbName, verbs } from '../wire/verbs.ts';
import { answers, type Caller, type Desk, type OnceVerb } from './answers.ts';
import { isAction, type Speaker } from './audit.ts';
import { inTurns } from './in-turns.ts';
import { finished, pending } from './source.ts';
import { openSource, type SourceVerb } from './sources.ts';

/** Items that may be under way to a client beyond those that it said it has taken. */
const streamWindow = 64;
const streamsPerClient = 64;
/** Bytes that wait for a client that reads slowly, above which its streams are not asked for more, and it is not listened to. */
const clientBacklogBytes = 2 * 1024 * 1024;
/** Requests of one client that may be in hand at once, and those of them whose answers are read from the disk first. */
const requestsInHand = 1_024;
const pagesInHand = 4;

type StreamVerb = SourceVerb | 'watch';

/** A request that is answered many times. */
interface Stream {
  /** The client has taken so many items in all. */
  taken(count: number): void;
  close(): void;
  /** The client has read what waited for it. */
  drained?(): void;
  look?(raw: unknown): void;
}

/** Takes a connection whose peer said that it is a client; returns what the connection is to tell. */
export function acceptClient(connection: Connection, speaker: Speaker, desk: Desk): ConnectionEvents {
  const streams = new Map<number, Stream>();
  const uploads: Caller['uploads'] = new Map();
  let inHand = 0;
  let pages = 0;

  function fail(id: number, error: unknown): void {
    const code = error instanceof LbtopError ? error.code : error instanceof ShapeError ? 'usage' : 'failed';
    connection.send({ kind: 'fail', id, code, message: oneLine(error).slice(0, limits.textLength) });
  }

  async function request({ id, verb, args }: MessageOf<'request'>): Promise<void> {
    const row = Object.hasOwn(verbs, verb) ? verbs[verb as VerbName] : undefined;
    if (row === undefined)
      return fail(id, new LbtopError('usage', `this coordinator does not know the request ${verb}`));
    let checked: unknown;
    const tell = (error: unknown): void => {
      if (isAction(verb as VerbName, checked)) desk.audit.tell(speaker, verb as VerbName, checked, error);
    };
    const page = verb === 'results' ? 1 : 0;
    inHand += 1;
    pages += page;
    try {
      const reach = reachOf(verb, row.may, speaker.role);
      checked = row.args.unpack(args);
      await answer(id, verb as VerbName, checked, reach);
      tell(null);
    } catch (error) {
      tell(error);
      fail(id, error);
    } finally {
      inHand -= 1;
      pages -= page;
      listening.goOn();
    }
  }

  async function answer(id: number, verb: VerbName, args: unknown, reach: Reach): Promise<void> {
    if (verb === 'redeem') throw new LbtopError('usage', 'a node takes tickets, not its coordinator');
    const row = verbs[verb];
    if (verb === 'look') {
      const { watch, look } = args as VerbArgs<'look'>;
      streams.get(watch)?.look?.(look);
      connection.send({ kind: 'reply', id, value: row.gives.pack({} as never) });
      return;
    }
    const caller: Caller = { who: speaker.who, reach, uploads };
    if (row.streams) return openStream(id, verb as StreamVerb, args, caller);
    const once = answers[verb as OnceVerb] as (args: unknown, desk: Desk, caller: Caller) => unknown;
    const value = await once(args, desk, caller);
    connection.send({ kind: 'reply', id, value: row.gives.pack(value as never) });
  }

  function openStream(id: number, verb: StreamVerb, args: unknown, caller: Caller): void {
    if (streams.has(id)) throw new LbtopError('usage', `a stream with the id ${id} is open`);
    if (streams.size >= streamsPerClient) throw new LbtopError('usage', 'too many streams on one connection');
    if (verb === 'watch') {
      const { look, rateHz } = args as VerbArgs<'watch'>;
      const send = (value: unknown): void => connection.send({ kind: 'item', id, value });
      const watcher = desk.hub.watch(look, rateHz, send, caller.reach === 'masked');
      let taken = 0;
      // Whoever says that it has taken what still waits here is not believed: it skips as other slow ones do.
      const believe = (): void => {
        if (connection.backlogBytes < clientBacklogBytes) watcher.taken(taken);
      };
      streams.set(id, {
        taken(count) {
          taken = count;
          believe();
        },
        drained: believe,
        look: watcher.look,
        close: watcher.close,
      });
    } else openPulled(id, verb, args, caller);
  }

  function openPulled(id: number, verb: SourceVerb, args: unknown, caller: Caller): void {
    const shape = verbs[verb].gives as Shape<unknown>;
    let sent = 0;
    let taken = 0;
    let asked = false;
    // Sources wake from their own callbacks: several wakes in a turn are one pump.
    const wake = () => {
      if (asked) return;
      asked = true;
      beforeWrites(() => {
        asked = false;
        if (streams.has(id)) void pump();
      });
    };
    const source = openSource(verb, args, desk, caller, wake);
    let pulling = false;
    let again = false;
    let over = false;
    const pump = async () => {
      // Whoever wakes it meanwhile may have what the value under way did not see.
      again = pulling;
      if (pulling) return;
      pulling = true;
      try {
        while (sent - taken < streamWindow && connection.backlogBytes < clientBacklogBytes) {
          const pulled = source.pull();
          const value = pulled instanceof Promise ? await pulled : pulled;
          if (over) return;
          if (value === pending) {
            if (!again) return;
            again = false;
            continue;
          }
          if (value === finished) {
            endStream(id);
            connection.send({ kind: 'done', id });
            return;
          }
          sent++;
          connection.send({ kind: 'item', id, value: shape.pack(value) });
        }
      } catch (error) {
        if (over) return;
        endStream(id);
        fail(id, error);
      } finally {
        pulling = false;
      }
    };
    streams.set(id, {
      taken(count) {
        taken = Math.min(sent, Math.max(taken, count));
        void pump();
      },
      drained: () => void pump(),
      close() {
        over = true;
        source.close();
      },
    });
    void pump();
  }

  function endStream(id: number): void {
    streams.get(id)?.close();
    streams.delete(id);
  }

  function take(message: Message): void {
    switch (message.kind) {
      case 'request':
        void request(message);
        return;
      case 'ready':
        streams.get(message.id)?.taken(message.taken);
        return;
      case 'abandon':
        return endStream(message.id);
      case 'bye':
        return;
      default:
        connection.send({ kind: 'refuse', code: 'refused', reason: `a client does not say ${message.kind}` });
        connection.close(`unexpected ${message.kind}`);
    }
  }

  const listening = inTurns(
    connection,
    take,
    () => inHand >= requestsInHand || pages >= pagesInHand || connection.backlogBytes >= clientBacklogBytes,
  );

  return {
    messages: listening.add,
    drained() {
      for (const stream of [...streams.values()]) stream.drained?.();
      listening.goOn();
    },
    closed() {
      listening.stop();
      for (const id of [...streams.keys()]) endStream(id);
    },
  };
}
