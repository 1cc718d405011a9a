/** A coordinator in memory: it speaks the messages of the wire and holds its side of the window of streams. */

import type { Dial } from '../../source/client/client.ts';
import { LbtopError } from '../../source/model/errors.ts';
import type { Connection } from '../../source/wire/connection.ts';
import type { ConnectOptions } from '../../source/wire/endpoint.ts';
import type { Message, MessageOf } from '../../source/wire/messages.ts';
import { type VerbArgs, type VerbGives, type VerbName, verbs } from '../../source/wire/verbs.ts';

type Answer<V extends VerbName> = (
  args: VerbArgs<V>,
) => VerbGives<V> | Promise<VerbGives<V>> | Iterable<VerbGives<V>> | AsyncIterable<VerbGives<V>>;

/** Answers by verb; what streams gives an iterable. A LbtopError that is thrown becomes `fail`. */
export type Answers = { [V in VerbName]?: Answer<V> };

export interface FakeCoordinator {
  dial: Dial;
  /** What clients asked, in order. */
  readonly asked: { verb: VerbName; args: unknown }[];
  readonly abandoned: number[];
  /** The most items of one stream that were under way at once, beyond what was taken. */
  readonly mostUnderWay: () => number;
  readonly options: () => ConnectOptions;
  /** Says in its welcomes which jobs it has. */
  introduce(data: string): void;
  /** Says something to the client. */
  say(message: Message): void;
  /** Cuts the connection. */
  cut(reason: string): void;
}

const window = 64;

interface Stream {
  sent: number;
  taken: number;
  wake(): void;
  over: boolean;
}

/** Returns a coordinator that knows these answers and refuses all else. */
export function fakeCoordinator(answers: Answers): FakeCoordinator {
  const asked: FakeCoordinator['asked'] = [];
  const abandoned: number[] = [];
  const streams = new Map<number, Stream>();
  let options: ConnectOptions | undefined;
  let open = true;
  let most = 0;
  let data = '';

  const say = (message: Message): void => {
    setImmediate(() => {
      if (open) options?.events.messages([message]);
    });
  };

  async function request({ id, verb, args }: MessageOf<'request'>): Promise<void> {
    const row = verbs[verb as VerbName] as unknown as {
      args: { unpack(raw: unknown): unknown };
      gives: { pack(value: unknown): unknown };
      streams: boolean;
    };
    try {
      const checked = row.args.unpack(args);
      asked.push({ verb: verb as VerbName, args: checked });
      const answer = answers[verb as VerbName] as ((args: unknown) => unknown) | undefined;
      if (answer === undefined) throw new LbtopError('refused', `${verb} is not allowed here`);
      const given = await answer(checked);
      if (!row.streams) return say({ kind: 'reply', id, value: row.gives.pack(given) });
      const stream: Stream = { sent: 0, taken: 0, wake: () => {}, over: false };
      streams.set(id, stream);
      for await (const item of given as AsyncIterable<unknown>) {
        while (stream.sent - stream.taken >= window && !stream.over)
          await new Promise<void>((resolve) => (stream.wake = resolve));
        if (stream.over) return;
        stream.sent += 1;
        most = Math.max(most, stream.sent - stream.taken);
        say({ kind: 'item', id, value: row.gives.pack(item) });
      }
      if (!stream.over) say({ kind: 'done', id });
    } catch (error) {
      if (!(error instanceof LbtopError)) throw error;
      say({ kind: 'fail', id, code: error.code, message: error.message });
    }
  }

  function take(message: Message): void {
    if (message.kind === 'request') void request(message);
    else if (message.kind === 'ready') {
      const stream = streams.get(message.id);
      if (stream === undefined) return;
      stream.taken = message.taken;
      stream.wake();
    } else if (message.kind === 'abandon') {
      abandoned.push(message.id);
      const stream = streams.get(message.id);
      if (stream === undefined) return;
      stream.over = true;
      stream.wake();
    } else throw new Error(`a client does not say ${message.kind}`);
  }

  return {
    asked,
    abandoned,
    mostUnderWay: () => most,
    options() {
      if (options === undefined) throw new Error('nobody connected');
      return options;
    },
    introduce(said) {
      data = said;
    },
    say,
    cut(reason) {
      open = false;
      setImmediate(() => options?.events.closed(reason));
    },
    async dial(given) {
      options = given;
      given.welcomed?.({ kind: 'welcome', protocol: 1, version: '1.0.0', at: 0, data });
      const connection: Connection = {
        address: '127.0.0.1:7077',
        send: take,
        backlogBytes: 0,
        get open() {
          return open;
        },
        allowLargeFrames() {},
        hold() {},
        close() {
          open = false;
        },
        destroy() {
          open = false;
        },
      };
      return connection;
    },
  };
}
