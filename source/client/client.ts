/**
 * A client of a coordinator: verbs.ts over messages.ts. Requests go out as they are asked and are answered in any order;
 * of a stream no more items are under way than its receiver has said that it has taken, and 64.
 */
import { hostname, userInfo } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { LbtopError, oneLine } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { ShapeError } from '../model/shape.ts';
import type { Connection } from '../wire/connection.ts';
import type { Credential } from '../wire/credential.ts';
import { type ConnectOptions, connect } from '../wire/endpoint.ts';
import { callerIdentity } from '../wire/keys.ts';
import type { Message, Role } from '../wire/messages.ts';
import { ClosedSilently } from '../wire/reach.ts';
import { type VerbArgs, type VerbGives, type VerbName, verbs } from '../wire/verbs.ts';
import { takeOneByOne } from './take.ts';
import { packageVersion } from './version.ts';

/** How to connect: wire's `connect`, or a test's. */
export type Dial = (options: ConnectOptions) => Promise<Connection>;

export interface ClientOptions {
  host: string;
  port: number;
  /** What to show; null where the coordinator runs without protection. */
  secret: Credential | null;
  /** What this client may do; `operator` if left out. A token or a certificate says it itself. */
  role?: Role;
  /** For the record of who did what; `user@host` if left out. */
  who?: string;
  /** For everything until the coordinator's welcome, ms; 5,000 if left out. */
  timeoutMs?: number;
  /** A coordinator that says nothing for so long while a request waits is taken for gone, ms; 30,000 if left out. */
  answerMs?: number;
  /** Ends the attempt to connect. */
  signal?: AbortSignal;
  /** Instead of TCP, for tests. */
  dial?: Dial;
}

/** A stream that is open. */
export interface Streaming {
  /** The request's number on the wire, by which `look` names the stream. */
  readonly id: number;
  /** Says that so many items in all have been taken: as many more may come. */
  taken(count: number): void;
  /** Ends it; nothing is called afterwards. */
  close(): void;
}

export interface Client {
  /** `host:port` of the coordinator. */
  readonly address: string;
  /** False once the connection is lost or closed: nothing can be asked any more. */
  readonly connected: boolean;
  /** Tells the coordinator's jobs from others of the same numbers; '' where it did not say. */
  readonly data: string;
  /**
   * Asks and resolves with the answer. Throws LbtopError: the coordinator's refusal with its code, `unreachable` when
   * the connection is lost, `failed` where an answer makes no sense.
   */
  request<V extends VerbName>(verb: V, args: VerbArgs<V>): Promise<VerbGives<V>>;
  /**
   * Asks for a stream and gives its items to `onItem`, the next when that has resolved; items are its to keep. Resolves
   * when the stream is done or `signal` ended it. Throws as `request` does, and whatever `onItem` throws.
   */
  stream<V extends VerbName>(
    verb: V,
    args: VerbArgs<V>,
    onItem: (item: VerbGives<V>) => void | Promise<void>,
    signal?: AbortSignal,
  ): Promise<void>;
  /**
   * The same for whoever says himself what he has taken: items come as they arrive, binary parts valid only during the
   * call. `onEnd` comes once, with null where the stream ended as it should. Throws LbtopError where it cannot be asked.
   */
  open<V extends VerbName>(
    verb: V,
    args: VerbArgs<V>,
    onItem: (item: VerbGives<V>) => void,
    onEnd: (error: unknown) => void,
  ): Streaming;
  /** Connects to a node that takes tickets, with the key that came with one. Throws LbtopError as `connectClient` does. */
  toNode(address: { host: string; port: number }, key: Uint8Array, signal: AbortSignal): Promise<Client>;
  /** Ends the connection; whatever waits is rejected. */
  close(): void;
}

/** One request that waits. */
interface Pending {
  streams: boolean;
  item(value: unknown): void;
  done(value: unknown): void;
  fail(error: unknown): void;
}

/** A verb's shapes, for code that has no verb in particular. */
interface Shapes {
  args: { pack(value: unknown): unknown };
  gives: { unpack(raw: unknown): unknown };
}

/** The longest first wait; it doubles with each try. */
const firstWaitMs = 100;

/** A coordinator to which a thousand nodes return at once turns some away unheard: that is no answer, for half of the time. */
async function dialPatiently(dial: Dial, options: Parameters<Dial>[0]): Promise<Connection> {
  const { timeoutMs, signal } = options;
  const patientUntil = performance.now() + timeoutMs / 2;
  for (let waitMs = firstWaitMs; ; waitMs *= 2) {
    try {
      return await dial({ ...options, timeoutMs: Math.max(1, patientUntil + timeoutMs / 2 - performance.now()) });
    } catch (error) {
      if (!(error instanceof ClosedSilently) || performance.now() + waitMs > patientUntil) throw error;
      await sleep(Math.random() * waitMs, undefined, { ...(signal && { signal }) }).catch(() => {}); // dial says why
    }
  }
}

/** Connects to a coordinator. Throws LbtopError: `unreachable` where there is none, `refused` where it does not let us in. */
export async function connectClient(options: ClientOptions): Promise<Client> {
  const { answerMs = 30_000, dial = connect } = options;
  const pending = new Map<number, Pending>();
  let nextId = 1;
  let requests = 0;
  let heardAt = 0;
  let silence: NodeJS.Timeout | undefined;
  let lost: LbtopError | null = null;
  let data = '';

  const connection = await dialPatiently(dial, {
    host: options.host,
    port: options.port,
    secret: options.secret,
    role: options.role ?? 'operator',
    who: options.who ?? whoWeAre(),
    version: packageVersion(),
    timeoutMs: options.timeoutMs ?? 5_000,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    welcomed(welcome) {
      data = welcome.data;
    },
    events: {
      heard() {
        heardAt = performance.now();
      },
      messages(batch) {
        for (const message of batch) take(message);
      },
      closed: (reason) => lose(`the coordinator at ${address} closed the connection: ${reason}`),
    },
  });
  const { address } = connection;

  function lose(why: string): void {
    lost ??= new LbtopError('unreachable', why);
    clearInterval(silence);
    const waiting = [...pending.values()];
    pending.clear();
    for (const one of waiting) one.fail(lost);
  }

  function take(message: Message): void {
    switch (message.kind) {
      case 'reply':
        return settle(message.id, (one) => one.done(message.value));
      case 'done':
        return settle(message.id, (one) => one.done(undefined));
      case 'fail':
        return settle(message.id, (one) => one.fail(new LbtopError(message.code, message.message)));
      case 'item':
        return pending.get(message.id)?.item(message.value);
      case 'refuse':
        lost ??= new LbtopError(message.code, `${address} refused: ${message.reason}`); // it closes after this
        return;
      default: // of a later version, or not for clients
    }
  }

  function settle(id: number, act: (one: Pending) => void): void {
    const one = pending.get(id);
    if (one === undefined) return; // the answer to a stream that was given up
    forget(id);
    act(one);
  }

  function forget(id: number): void {
    const one = pending.get(id);
    if (one === undefined || !pending.delete(id) || one.streams) return;
    requests -= 1;
    if (requests === 0) clearInterval(silence);
  }

  /** Returns the request's id. Throws LbtopError where it cannot be sent. */
  function ask(verb: VerbName, args: unknown, one: Pending): number {
    if (lost !== null) throw lost;
    if (!connection.open) throw new LbtopError('unreachable', `the connection to ${address} is closed`);
    const id = nextId++;
    pending.set(id, one);
    if (!one.streams && ++requests === 1) watchSilence();
    try {
      connection.send({ kind: 'request', id, verb, args: shapesOf(verb).args.pack(args) });
    } catch (error) {
      forget(id);
      throw new LbtopError('usage', `this ${verb} is too large to be sent: ${oneLine(error)}`);
    }
    return id;
  }

  /** A stopped process and a cut cable look alike: nothing comes. */
  function watchSilence(): void {
    heardAt = performance.now();
    silence = setInterval(
      () => {
        if (performance.now() - heardAt < answerMs) return;
        const seconds = Math.round(answerMs / 1_000);
        lose(`the coordinator at ${address} has not answered for ${seconds} s: is it stopped, or the network cut?`);
        connection.destroy('no answer');
      },
      Math.max(10, answerMs / 4),
    );
  }

  function senseless(verb: VerbName, error: unknown): LbtopError {
    const what = error instanceof ShapeError ? error.message : oneLine(error);
    return new LbtopError('failed', `cannot read what ${address} answers to ${verb} (${what}): is it another version?`);
  }

  const request: Client['request'] = <V extends VerbName>(verb: V, args: VerbArgs<V>) =>
    new Promise<VerbGives<V>>((resolve, reject) => {
      ask(verb, args, {
        streams: false,
        item: () => {},
        done(value) {
          try {
            resolve(shapesOf(verb).gives.unpack(value) as VerbGives<V>);
          } catch (error) {
            reject(senseless(verb, error));
          }
        },
        fail: reject,
      });
    });

  const open: Client['open'] = (verb, args, onItem, onEnd) => {
    const { gives } = shapesOf(verb);
    const id = ask(verb, args, {
      streams: true,
      item(value) {
        try {
          onItem(gives.unpack(value) as VerbGives<typeof verb>);
        } catch (error) {
          close();
          onEnd(error instanceof ShapeError ? senseless(verb, error) : error);
        }
      },
      done: () => onEnd(null),
      fail: onEnd,
    });
    function close(): void {
      if (!pending.has(id)) return;
      forget(id);
      connection.send({ kind: 'abandon', id });
    }
    return {
      id,
      taken: (count) => connection.send({ kind: 'ready', id, taken: count }),
      close,
    };
  };

  return {
    address,
    get connected() {
      return lost === null && connection.open;
    },
    data,
    request,
    open,
    stream: (verb, args, onItem, signal) => takeOneByOne((item, end) => open(verb, args, item, end), onItem, signal),
    toNode(at, callerKey, signal) {
      const key = Buffer.from(callerKey);
      const secret = { kind: 'key', role: 'submitter', identity: callerIdentity, key } as const;
      return connectClient({ ...options, ...at, secret, role: 'submitter', signal });
    },
    close() {
      lose(`the connection to ${address} was closed`);
      connection.close('done');
    },
  };
}

function shapesOf(verb: VerbName): Shapes {
  return verbs[verb] as unknown as Shapes;
}

/** `ana@desk` */
function whoWeAre(): string {
  let user = 'unknown';
  try {
    user = userInfo().username;
  } catch {
    // A user without a name: containers have them.
  }
  return `${user}@${hostname()}`.slice(0, limits.reasonLength);
}
