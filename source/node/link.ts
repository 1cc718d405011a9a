/** The way to a coordinator: found, lost and found again, for as long as the agent lives. */
import { LbtopError, oneLine } from '../model/errors.ts';
import { liveness } from '../model/limits.ts';
import { backoffLimitMs } from '../wire/backoff.ts';
import type { Connection, ConnectionEvents } from '../wire/connection.ts';
import type { Credential } from '../wire/credential.ts';
import { connect } from '../wire/endpoint.ts';
import type { Message } from '../wire/messages.ts';
import type { Clock } from './clock.ts';

export interface Address {
  host: string;
  port: number;
}

/** Opens a conversation with a coordinator; as `connect` of wire/endpoint.ts, which it is outside of tests. */
export type Dial = (options: {
  host: string;
  port: number;
  secret: Credential | null;
  role: 'node';
  who: string;
  version: string;
  timeoutMs: number;
  signal?: AbortSignal;
  events: ConnectionEvents;
}) => Promise<Peer>;

/** What the link needs of a connection. */
export type Peer = Pick<Connection, 'address' | 'send' | 'backlogBytes' | 'open' | 'close' | 'destroy'>;

export const dialOverTcp: Dial = connect;

/** The coordinator that leads: the only one to go to. */
export interface LeaderAddress {
  readonly address: Address | null;
  onChange(listener: () => void): void;
}

export interface LinkOptions {
  /** Tried in turn. At least one, unless there is a `leader`. */
  coordinators: readonly Address[];
  /** Who leads, where somebody else knows; null: nobody does. */
  leader?: LeaderAddress | undefined;
  secret: Credential | null;
  /** What to show once a connection was lost; `secret` if there is none. Does not reject. */
  secretAgain?: (() => Promise<Credential | null>) | undefined;
  who: string;
  version: string;
  dial: Dial;
  clock: Clock;
  /** 0 ≤ x < 1. */
  random(): number;
  log(line: string): void;
  /** A coordinator said `welcome`: speak first. */
  opened(): void;
  messages(batch: Message[]): void;
  /** What waited for the coordinator to read has gone out. */
  drained(): void;
  lost(reason: string): void;
  /** A coordinator will not have us: the link has ended. */
  refused(error: LbtopError): void;
}

export type LinkState = 'connecting' | 'open' | 'closed';

export interface Link {
  readonly state: LinkState;
  /** The coordinator's `host:port`; null where there is none now. */
  readonly address: string | null;
  /** Since when there is none, in ms of the clock; null while there is one. */
  readonly downSince: number | null;
  /** When the coordinator last said anything, in ms of the clock. */
  readonly heardAt: number;
  readonly backlogBytes: number;
  /** Of so many heartbeats one has to be answered, so that three may miss before the coordinator counts as silent. */
  readonly beatEvery: number;
  /** How often a coordinator was reached. */
  readonly connections: number;
  /** Says something, or drops it where there is nobody to hear. */
  send(message: Message): void;
  /** All went well with this coordinator: the next wait is short again. */
  trust(): void;
  close(reason: string): void;
}

const changed = 'another coordinator leads';
const dialTimeoutMs = 5_000;
const longestBackoffMs = 15_000;
/** Before a coordinator counts as silent. */
const answersMissed = 3;

/** Starts to connect at once. */
export function openLink(options: LinkOptions): Link {
  const { clock, log } = options;
  // With somebody else to go to it is given up sooner.
  const silenceMs = options.coordinators.length > 1 ? liveness.suspectAfterMs : liveness.lostAfterMs;
  const abort = new AbortController();
  let state: LinkState = 'connecting';
  let peer: Peer | null = null;
  let tries = 0;
  let turn = 0;
  let connections = 0;
  let complained = false;
  let downSince: number | null = clock.now();
  let heardAt = 0;
  let cancel: (() => void) | null = null;
  let dialling = new AbortController();

  function attempt(): void {
    cancel = null;
    const target = options.leader?.address ?? options.coordinators[turn++ % options.coordinators.length];
    if (target === undefined) return failed('nobody leads', null);
    /** Of this connection; a later one has its own. */
    let mine: Peer | null = null;
    const current = (): boolean => mine !== null && mine === peer;
    const { who, version } = options;
    dialling = new AbortController();
    const signal = AbortSignal.any([abort.signal, dialling.signal]);
    const events: ConnectionEvents = {
      messages(batch) {
        heardAt = clock.now();
        if (current()) options.messages(batch);
      },
      heard() {
        heardAt = clock.now();
      },
      drained() {
        if (current()) options.drained();
      },
      closed(reason) {
        if (current()) dropped(reason);
      },
    };
    const dial = (secret: Credential | null): Promise<Peer> =>
      options.dial({ ...target, secret, who, version, role: 'node', timeoutMs: dialTimeoutMs, signal, events });
    const again = connections === 0 ? undefined : options.secretAgain;
    (again === undefined ? dial(options.secret) : again().then(dial))
      .then((connection) => {
        mine = connection;
        if (state === 'closed') connection.destroy('the node stops');
        else welcome(connection);
      })
      .catch((error: unknown) => failed(error, target));
  }

  function welcome(connection: Peer): void {
    peer = connection;
    connections += 1;
    state = 'open';
    heardAt = clock.now();
    downSince = null;
    log(`${complained ? 'connected again' : 'connected'} to ${connection.address}`);
    complained = true;
    options.opened();
    watchSilence();
  }

  function failed(error: unknown, target: Address | null): void {
    if (state === 'closed') return;
    if (error instanceof LbtopError && error.code !== 'unreachable') return refuse(error);
    const place = target === null ? '' : ` at ${target.host}:${target.port}`;
    if (!complained) log(`no coordinator${place} yet (${oneLine(error)}): trying until there is one`);
    complained = true;
    again();
  }

  function refuse(error: LbtopError): void {
    close(error.message);
    options.refused(error);
  }

  function again(): void {
    cancel = clock.after(options.random() * backoffLimitMs(tries++, longestBackoffMs), attempt);
  }

  function dropped(reason: string): void {
    if (state !== 'open') return;
    const { address } = peer ?? { address: 'the coordinator' };
    peer = null;
    state = 'connecting';
    downSince = clock.now();
    cancel?.();
    log(`lost ${address} (${reason}): trying again`);
    options.lost(reason);
    if (state === 'connecting') again();
  }

  /** Only what the peer says proves that it is there: a dead connection may take our words for minutes. */
  function watchSilence(): void {
    const asleep = clock.now();
    cancel = clock.after(liveness.heartbeatMs, () => {
      const now = clock.now();
      // We were held ourselves: what was said meanwhile is still to be read.
      if (now - asleep > liveness.heartbeatMs + liveness.stallMs) heardAt = now;
      if (now - heardAt > silenceMs) {
        const silent = peer;
        dropped(`silent for ${Math.round((now - heardAt) / 1_000)} s`);
        silent?.destroy('silent');
      } else watchSilence();
    });
  }

  function close(reason: string): void {
    if (state === 'closed') return;
    state = 'closed';
    cancel?.();
    abort.abort(new LbtopError('unreachable', reason));
    peer?.close(reason);
    peer = null;
  }

  /** Whoever led before may only have paused: its connection would be open for long. */
  options.leader?.onChange(() => {
    if (state === 'closed' || options.leader?.address == null) return;
    const before = peer;
    tries = 0;
    if (state === 'open') {
      dropped(changed);
      before?.destroy(changed);
    } else if (cancel === null) dialling.abort(new LbtopError('unreachable', changed));
    else {
      cancel();
      again();
    }
  });

  attempt();
  return {
    get state() {
      return state;
    },
    get address() {
      return peer?.address ?? null;
    },
    get downSince() {
      return downSince;
    },
    get heardAt() {
      return heardAt;
    },
    get backlogBytes() {
      return peer?.backlogBytes ?? 0;
    },
    beatEvery: Math.floor(silenceMs / liveness.heartbeatMs / answersMissed),
    get connections() {
      return connections;
    },
    send: (message) => peer?.send(message),
    trust() {
      tries = 0;
    },
    close,
  };
}
