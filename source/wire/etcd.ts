/**
 * A client for etcd 3.4 and newer, through the HTTP/JSON gateway that its members have beside gRPC: calls with a
 * deadline that go to another member when one does not answer, and watches. Keys are texts, values bytes.
 * https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/
 */
import { Agent, type IncomingMessage, request } from 'node:http';
import { LbtopError, oneLine } from '../model/errors.ts';
import { type EtcdAddress, memberList } from './etcd-address.ts';

/**
 * Why a call failed: nobody answered in time (whether it was carried out is not known), no member takes anything for
 * want of room, a watch began at a revision that is gone, or the call itself was wrong.
 */
export type EtcdFault = 'unavailable' | 'no-space' | 'compacted' | 'refused';

/** What every call rejects with, but for the reason of a signal. */
export class EtcdError extends LbtopError {
  readonly fault: EtcdFault;

  constructor(fault: EtcdFault, message: string) {
    super(fault === 'unavailable' ? 'unreachable' : 'failed', message);
    this.fault = fault;
  }
}

/** What a call returns: as JSON has it, numbers of 64 bits as texts, bytes as base64, and nothing that is zero. */
export type EtcdAnswer = Readonly<Record<string, unknown>>;

export interface EtcdEntry {
  readonly key: string;
  /** Empty where the key was deleted. */
  readonly value: Buffer;
  readonly createRevision: number;
  readonly modRevision: number;
}

export interface EtcdEvent extends EtcdEntry {
  readonly deleted: boolean;
}

export interface CallOptions {
  /** Tried again, at one member after the other, for so long; `withinMs` if not given. */
  withinMs?: number;
  /** A member that takes longer is left for the next. */
  deadlineMs?: number;
  signal?: AbortSignal | undefined;
}

export interface WatchOptions {
  /** The first revision of which something is wanted. */
  from: number;
  /** Ends after so long without an event: the member may be gone without a word. */
  quietMs: number;
  signal?: AbortSignal | undefined;
}

export interface Etcd {
  readonly prefix: string;
  /**
   * Calls a method of the gateway (`kv/txn`). May be carried out more than once: an answer that was lost is asked for
   * again. Rejects with EtcdError, or the signal's reason.
   */
  call(method: string, body: object, options?: CallOptions): Promise<EtcdAnswer>;
  /** Yields what happens to the keys of `range`, in order; ends when it was quiet, rejects as `call`. */
  watch(range: EtcdRange, options: WatchOptions): AsyncGenerator<readonly EtcdEvent[], void, undefined>;
  close(): void;
}

/** Keys from `key` on and before `range_end`, in base64; without an end that key alone. */
export interface EtcdRange {
  readonly key: string;
  readonly range_end?: string;
}

/** Of one try, where the call does not say. */
const usualDeadlineMs = 1_000;
const withinMs = 5_000;
/** Between two rounds in which no member answered. */
const roundMs = 50;
/** gRPC's codes. */
const cancelled = 1;
const deadlineExceeded = 4;
const exhausted = 8;
const outOfRange = 11;
const unavailable = 14;

/** Returns the key as the gateway wants it. */
export function keyBytes(key: string): string {
  return Buffer.from(key).toString('base64');
}

/** Returns the range of one key, or from `key` on and before `end`. */
export function keyRange(key: string, end?: string): EtcdRange {
  return end === undefined ? { key: keyBytes(key) } : { key: keyBytes(key), range_end: keyBytes(end) };
}

/** Returns the range of all keys that begin with `prefix`, which ends with a slash. */
export function keysUnder(prefix: string): EtcdRange {
  return keyRange(prefix, `${prefix.slice(0, -1)}0`); // '0' comes after '/'
}

/** Returns the entries of an answer to a range. */
export function entriesOf(answer: unknown): EtcdEntry[] {
  const { kvs } = (answer ?? {}) as { kvs?: readonly Record<string, string>[] };
  return (kvs ?? []).map(entryOf);
}

/** Returns the engine's revision when it answered. */
export function revisionOf(answer: EtcdAnswer): number {
  return Number((answer.header as { revision?: string } | undefined)?.revision ?? 0);
}

/** Returns the comparison, for a transaction, that a key was put at that revision; 0: that it is not there. */
export function keyRevisionIs(key: string, revision: number): object {
  return { key: keyBytes(key), target: 'MOD', result: 'EQUAL', mod_revision: `${revision}` };
}

function entryOf(kv: Record<string, string>): EtcdEntry {
  return {
    key: Buffer.from(kv.key ?? '', 'base64').toString(),
    value: Buffer.from(kv.value ?? '', 'base64'),
    createRevision: Number(kv.create_revision ?? 0),
    modRevision: Number(kv.mod_revision ?? 0),
  };
}

/** Returns a client; nothing is asked yet. */
export function openEtcd(address: EtcdAddress): Etcd {
  const { members, prefix } = address;
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const closing = new AbortController();
  let turn = 0;

  /** Sends a request to the member whose turn it is; resolves with the beginning of its answer. */
  function send(method: string, body: string, signal: AbortSignal): Promise<IncomingMessage> {
    const { host, port } = members[turn % members.length] as (typeof members)[number];
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const sent = request({ agent, host, port, path: `/v3/${method}`, method: 'POST', headers, signal }, resolve);
      sent.on('error', reject);
      sent.end(body);
    });
  }

  async function once(method: string, body: string, signal: AbortSignal): Promise<EtcdAnswer> {
    const answer = await send(method, body, signal);
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part as Buffer);
    const said = parse(Buffer.concat(parts).toString());
    if (answer.statusCode !== 200) throw faultOf(said);
    return said;
  }

  async function call(method: string, given: object, options: CallOptions = {}): Promise<EtcdAnswer> {
    const body = JSON.stringify(given);
    const until = performance.now() + (options.withinMs ?? withinMs);
    const { deadlineMs = usualDeadlineMs } = options;
    for (let tries = 1; ; tries++) {
      const mine = turn;
      const late = AbortSignal.timeout(deadlineMs);
      const signals = [late, closing.signal, ...(options.signal === undefined ? [] : [options.signal])];
      try {
        return await once(method, body, AbortSignal.any(signals));
      } catch (error) {
        options.signal?.throwIfAborted();
        if (error instanceof EtcdError && error.fault !== 'unavailable') throw error;
        // Unless another call went on to the next one already.
        if (mine === turn) turn += 1;
        const why = late.aborted ? `no answer within ${deadlineMs} ms` : oneLine(error);
        if (closing.signal.aborted || performance.now() >= until) throw silent(address, why);
      }
      if (tries % members.length === 0) await new Promise((resolve) => setTimeout(resolve, roundMs));
    }
  }

  async function* watch(range: EtcdRange, { from, quietMs, signal }: WatchOptions) {
    const quiet = new AbortController();
    const timer = setTimeout(() => quiet.abort(), quietMs);
    const ends = AbortSignal.any([quiet.signal, closing.signal, ...(signal === undefined ? [] : [signal])]);
    const mine = turn;
    try {
      const body = JSON.stringify({ create_request: { ...range, start_revision: `${from}` } });
      const answer = await send('watch', body, ends);
      let rest = '';
      for await (const part of answer.setEncoding('utf8')) {
        const lines = (rest + part).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          const events = eventsOf(parse(line));
          if (events.length === 0) continue;
          timer.refresh();
          yield events;
        }
      }
    } catch (error) {
      signal?.throwIfAborted();
      if (quiet.signal.aborted) return;
      if (error instanceof EtcdError && error.fault !== 'unavailable') throw error;
      if (mine === turn) turn += 1;
      throw silent(address, oneLine(error));
    } finally {
      clearTimeout(timer);
      quiet.abort(); // whoever stops early leaves no request behind
    }
  }

  return {
    prefix,
    call,
    watch,
    close() {
      closing.abort();
      agent.destroy();
    },
  };
}

function eventsOf(said: EtcdAnswer): EtcdEvent[] {
  if (said.error !== undefined) throw faultOf(said.error as EtcdAnswer);
  const { events, canceled, compact_revision } = (said.result ?? {}) as {
    events?: readonly { type?: string; kv: Record<string, string> }[];
    canceled?: boolean;
    compact_revision?: string;
  };
  if (Number(compact_revision ?? 0) > 0) throw new EtcdError('compacted', 'what was to be watched is compacted');
  if (canceled === true) throw new EtcdError('unavailable', 'the watch was cancelled');
  return (events ?? []).map(({ type, kv }) => ({ ...entryOf(kv), deleted: type === 'DELETE' }));
}

function parse(text: string): EtcdAnswer {
  try {
    const said: unknown = JSON.parse(text);
    if (typeof said === 'object' && said !== null) return said as EtcdAnswer;
  } catch {
    // said below
  }
  throw new EtcdError('unavailable', `not an answer of etcd: ${oneLine(text.slice(0, 80))}`);
}

function faultOf({ code, error, message }: EtcdAnswer): EtcdError {
  const why = oneLine(message ?? error ?? 'no reason given');
  if (code === exhausted && why.includes('space exceeded'))
    return new EtcdError(
      'no-space',
      'the engine has no room: raise its --quota-backend-bytes, or purge jobs; then etcdctl defrag, etcdctl alarm disarm',
    );
  if (code === outOfRange && why.includes('compacted')) return new EtcdError('compacted', why);
  if (code === unavailable || code === deadlineExceeded || code === exhausted || code === cancelled)
    return new EtcdError('unavailable', why);
  return new EtcdError('refused', `the engine refuses: ${why}`);
}

function silent(address: EtcdAddress, why: string): EtcdError {
  return new EtcdError('unavailable', `the engine at ${memberList(address)} does not answer (${why})`);
}
