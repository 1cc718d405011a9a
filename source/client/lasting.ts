/**
 * A client that outlives its connection. Jobs are durable, and a coordinator that is started again has them: what waits for
 * them connects again and goes on where it was. What could be done twice by that is not said again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { LbtopError, oneLine } from '../model/errors.ts';
import { backoffLimitMs } from '../wire/backoff.ts';
import type { VerbArgs, VerbName } from '../wire/verbs.ts';
import type { Client } from './client.ts';
import { duration } from './format.ts';
import { restOf } from './resume.ts';

export interface LastingOptions {
  /** Connects anew. Throws LbtopError: after `unreachable` it is tried again, all else ends it. */
  connect(signal: AbortSignal): Promise<Client>;
  /** From the loss of a connection on, ms; 0: what is lost stays lost. */
  reconnectMs: number;
  /** Is told once that the coordinator went away, and why. */
  onLost?: (why: string) => void;
  /** Is told once that it is there again, and for how long it was not. */
  onBack?: (awayMs: number) => void;
  /** 0 to 1; `Math.random` if left out. */
  random?: () => number;
}

/** Where nothing is said: a restart takes seconds, that of its machine a minute or two. */
export const defaultReconnectMs = 120_000;
const longestBackoffMs = 2_000;
/** A connection that breaks sooner belongs to the outage before it. */
const settledMs = 5_000;

/** What changes nothing, or nothing more the second time. */
const repeatable: ReadonlySet<VerbName> = new Set<VerbName>([
  ...(['status', 'nodes', 'jobs', 'tasks', 'results', 'explain', 'pick', 'drain-preview'] as const),
  ...(['token-list', 'ticket-back'] as const),
]);

interface Outage {
  beganAt: number;
  tries: number;
  told: boolean;
}

/** Returns a client that begins with `first`. */
export function lastingClient(first: Client, options: LastingOptions): Client {
  const { reconnectMs, random = Math.random } = options;
  const closing = new AbortController();
  /** Items travel ahead of the job that has them, over its connection. */
  const uploads = new Map<number, Client>();
  let current = first;
  let connectedAt = Number.NEGATIVE_INFINITY; // the first one was there before anybody asked
  let outage: Outage | null = null;
  let returning: Promise<Client> | null = null;

  /** Resolves with a client that is connected. Throws LbtopError `unreachable` after `reconnectMs`. */
  async function ready(why?: unknown): Promise<Client> {
    if (current.connected || closing.signal.aborted || reconnectMs === 0) return current; // it says itself what is wrong
    returning ??= connectAgain(why).finally(() => {
      returning = null;
    });
    return returning;
  }

  async function connectAgain(why: unknown): Promise<Client> {
    const now = performance.now();
    if (outage === null || now - connectedAt > settledMs) {
      outage = { beganAt: now, tries: 0, told: false };
      connectedAt = Number.POSITIVE_INFINITY; // until it is there again this outage goes on
      options.onLost?.(why === undefined ? `the connection to ${current.address} is closed` : oneLine(why));
    }
    const { signal } = closing;
    for (;;) {
      const leftMs = outage.beganAt + reconnectMs - performance.now();
      // Whoever asks after the end is answered at once: it is tried once more.
      await sleep(Math.max(0, Math.min(leftMs, random() * backoffLimitMs(outage.tries++, longestBackoffMs))), null, {
        signal,
      }).catch(() => {});
      try {
        const next = await options.connect(signal);
        if (signal.aborted) next.close();
        signal.throwIfAborted();
        if (!outage.told) options.onBack?.(performance.now() - outage.beganAt);
        outage.told = true;
        connectedAt = performance.now();
        current = next;
        return next;
      } catch (error) {
        if (signal.aborted) return current;
        if (!(error instanceof LbtopError) || error.code !== 'unreachable') throw error;
        if (performance.now() - outage.beganAt < reconnectMs) continue;
        throw new LbtopError(
          'unreachable',
          `${error.message} (it went away, and was tried for ${duration(reconnectMs)})`,
        );
      }
    }
  }

  const request: Client['request'] = async (verb, args) => {
    const upload = uploadOf(verb, args);
    for (let why: unknown; ; ) {
      const client = (upload === null ? undefined : uploads.get(upload)) ?? (await ready(why));
      if (verb === 'upload' && upload !== null) uploads.set(upload, client);
      if (verb === 'submit' && upload !== null) uploads.delete(upload);
      try {
        return await client.request(verb, args);
      } catch (error) {
        if (!isLoss(error, client)) throw error;
        if (verb === 'upload' && upload !== null) {
          uploads.delete(upload);
          throw new LbtopError('unreachable', `${error.message}; nothing was queued`);
        }
        if (!isRepeatable(verb, args)) throw new LbtopError('unreachable', error.message + unknownOutcome(verb));
        if (reconnectMs === 0 || closing.signal.aborted) throw error;
        why = error;
      }
    }
  };

  const stream: Client['stream'] = async (verb, args, onItem, signal) => {
    const rest = restOf(verb, args);
    if (rest === null) return (await ready()).stream(verb, args, onItem, signal);
    let data: string | null = null;
    for (let why: unknown; signal?.aborted !== true; ) {
      const client = await unlessAborted(ready(why), signal);
      if (client === null) return;
      if (verb !== 'events' && data !== null && client.data !== data)
        throw new LbtopError(
          'failed',
          `${client.address} is there again without the jobs that it had: it kept them in memory`,
        );
      data = client.data;
      const take = (item: Parameters<typeof onItem>[0]): void | Promise<void> => {
        const fresh = rest.fresh(item);
        if (fresh !== null) return onItem(fresh);
      };
      try {
        return await client.stream(verb, rest.args(), take, signal);
      } catch (error) {
        if (!isLoss(error, client) || reconnectMs === 0 || closing.signal.aborted) throw error;
        why = error;
      }
    }
  };

  return {
    get address() {
      return current.address;
    },
    get connected() {
      return current.connected;
    },
    get data() {
      return current.data;
    },
    request,
    stream,
    open: (verb, args, onItem, onEnd) => current.open(verb, args, onItem, onEnd),
    toNode: (address, key, signal) => current.toNode(address, key, signal),
    close() {
      closing.abort();
      current.close();
    },
  };
}

/** The connection is gone: no word of the coordinator's about the request. */
function isLoss(error: unknown, client: Client): error is LbtopError {
  return error instanceof LbtopError && error.code === 'unreachable' && !client.connected;
}

function uploadOf(verb: VerbName, args: unknown): number | null {
  return verb === 'upload' || verb === 'submit' ? (args as VerbArgs<'upload' | 'submit'>).upload : null;
}

function isRepeatable(verb: VerbName, args: unknown): boolean {
  if (verb !== 'submit') return repeatable.has(verb);
  const { spec, upload } = args as VerbArgs<'submit'>;
  return spec.key !== null && upload === null; // the same key twice is one job
}

function unknownOutcome(verb: VerbName): string {
  return verb === 'submit'
    ? '; whether the job was queued is not known: lbtop jobs shows it (with --key it can be submitted again, and is there once)'
    : `; whether ${verb} was done is not known`;
}

async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T | null> {
  if (signal === undefined) return promise;
  const aborted = Promise.withResolvers<null>();
  const abort = (): void => aborted.resolve(null);
  signal.addEventListener('abort', abort);
  try {
    return await Promise.race([promise, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
    promise.catch(() => {}); // nobody waits for it any more
  }
}
