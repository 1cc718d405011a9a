/**
 * Where peers wait that have connected and are not yet welcome: few at a time and not for long, so that whoever only
 * connects, says nothing, or speaks something else cannot keep those out who belong here.
 */
import type { Socket } from 'node:net';
import { limits } from '../model/limits.ts';
import {
  addressOf,
  type Connection,
  type ConnectionEvents,
  type ConnectionSocket,
  openConnection,
} from './connection.ts';
import { judgeHello, type Refusal, refusal, type VersionRange } from './greeting.ts';
import type { Identity } from './keys.ts';
import { type Message, type MessageOf, protocol } from './messages.ts';
import { fewLines, type Tell } from './turned-away.ts';
import { wrongKeys } from './wrong-keys.ts';

export interface ReceptionOptions {
  /** The version of lbtop, said in `welcome`. */
  version: string;
  /** Said in `welcome`: tells these jobs from others of the same numbers. */
  data?: string;
  /** Asked for each peer that proved who it is and speaks our protocol: null lets it in, a string is why not. */
  admit?(hello: MessageOf<'hello'>, identity: Identity | null): string | null;
  /**
   * Called once `welcome` is on its way: may send at once. Returns what the connection tells from then on. `hello.who` is
   * the proven name, where one was proven; `identity` is null where nothing was.
   */
  peer(connection: Connection, hello: MessageOf<'hello'>, identity: Identity | null): ConnectionEvents;
  /**
   * For logs: a peer went away, or was turned away, before its welcome; or a connection could not be accepted. Of many
   * in one second a few are told, and then how many more there were.
   */
  rejected?: Tell;
  /** Is told of peers that were welcome and were cut off for what they did: who, and why. */
  cutOff?: Tell;
  /** Instead of the protocol's range and of limits.helloMs and limits.unauthenticatedPeers, for tests. */
  versions?: VersionRange;
  helloMs?: number;
  unauthenticatedPeers?: number;
}

export interface Reception {
  /**
   * A peer's TCP socket was accepted: from now on it is counted and its time runs. `begin` is called when it may speak:
   * at once, or after a while where wrong secrets came from its address.
   */
  arrived(socket: Socket, begin: () => void): void;
  /** It said so much that it may be one of ours: who says less makes room first. */
  spoke(address: string): void;
  /** Its socket can be spoken over: the same one, or the protected one above it, with whom it has proven to be. */
  ready(socket: ConnectionSocket, identity: Identity | null): void;
  /** The same, of one that has proven nothing: it is told why it has to go. */
  refuse(socket: ConnectionSocket, reason: string): void;
  /** It will go, or went, for this reason. */
  explain(address: string, reason: string): void;
  /** The same, and it showed no secret of ours: others from its address will wait. */
  mistrust(address: string, reason: string): void;
  /** Says `bye` to all that are welcome and cuts the others; resolves when all are closed and have been told. */
  close(reason: string): Promise<void>;
}

/** A peer without welcome. */
interface Stranger {
  socket: Socket;
  timer: NodeJS.Timeout;
  /** Until it may speak; null where it may. */
  waiting: NodeJS.Timeout | null;
  spoke: boolean;
  host: string;
  /** Why it went, once that is known. */
  reason: string;
}

/** Returns a reception without peers. */
export function reception(options: ReceptionOptions): Reception {
  const { versions = protocol, helloMs = limits.helloMs } = options;
  const { unauthenticatedPeers = limits.unauthenticatedPeers } = options;
  /** By address, oldest first. */
  const strangers = new Map<string, Stranger>();
  const welcomed = new Set<Connection>();
  const wrong = wrongKeys();
  const rejected = fewAddresses((address, reason) => options.rejected?.(address, reason));
  const cutOff = fewAddresses((address, reason) => options.cutOff?.(address, reason));
  const allGone = Promise.withResolvers<void>();
  let closing = false;

  function explain(address: string, reason: string): void {
    const stranger = strangers.get(address);
    if (stranger !== undefined) stranger.reason = reason;
  }

  function mistrust(address: string, reason: string): void {
    const host = strangers.get(address)?.host;
    if (host !== undefined) wrong.shown(host);
    explain(address, reason);
  }

  /** Ends a stranger's stay, whether welcome or gone; returns why it went, or null if it was none any more. */
  function forget(address: string, socket?: Socket): string | null {
    const stranger = strangers.get(address);
    if (stranger === undefined || (socket !== undefined && stranger.socket !== socket)) return null;
    clearTimeout(stranger.timer);
    if (stranger.waiting !== null) clearTimeout(stranger.waiting);
    strangers.delete(address);
    return stranger.reason;
  }

  function turnAway(address: string, reason: string): void {
    const socket = strangers.get(address)?.socket;
    if (socket === undefined) return;
    forget(address);
    socket.destroy();
    rejected(address, reason);
  }

  /** The oldest of those that have said nothing, or wait for what came from their address before; else of all. */
  function leastWelcome(): string | undefined {
    for (const [address, { spoke }] of strangers) if (!spoke) return address;
    const [oldest] = strangers.keys();
    return oldest;
  }

  function arrived(socket: Socket, begin: () => void): void {
    const address = addressOf(socket);
    const host = socket.remoteAddress ?? 'unknown';
    const timer = setTimeout(() => turnAway(address, `no hello within ${helloMs} ms`), helloMs).unref();
    const stranger: Stranger = {
      socket,
      timer,
      waiting: null,
      spoke: false,
      host,
      reason: 'went away before its welcome',
    };
    strangers.set(address, stranger);
    socket.on('error', () => {}); // 'close' follows
    const leave = (): void => {
      const reason = forget(address, socket);
      if (reason !== null) rejected(address, reason);
    };
    socket.on('close', () => setImmediate(leave)); // once the connection, or TLS, had its chance to explain
    const waitMs = wrong.waitMs(host);
    if (waitMs === 0) begin();
    else
      stranger.waiting = setTimeout(() => {
        stranger.waiting = null;
        if (!socket.destroyed) begin();
      }, waitMs).unref();
    const last = strangers.size > unauthenticatedPeers ? leastWelcome() : undefined;
    if (last !== undefined) turnAway(last, `more than ${unauthenticatedPeers} peers without welcome`);
  }

  function refuse(socket: ConnectionSocket, reason: string): void {
    const address = addressOf(socket);
    const connection = openConnection(socket, { messages() {}, closed() {} });
    mistrust(address, reason);
    connection.send(refusal({ code: 'refused', reason }));
    connection.close(`refused: ${reason}`);
  }

  function ready(socket: ConnectionSocket, identity: Identity | null): void {
    const address = addressOf(socket);
    let events: ConnectionEvents = { messages: judge, closed: (reason) => explain(address, reason) };
    let known = '';
    const connection = openConnection(socket, {
      messages: (batch) => events.messages(batch),
      heard: () => events.heard?.(),
      drained: () => events.drained?.(),
      closed(reason, fault) {
        if (welcomed.delete(connection) && fault) cutOff(address, `${known}: ${reason}`);
        if (closing && welcomed.size === 0) allGone.resolve();
        events.closed(reason, fault);
      },
    });

    function judge(batch: Message[]): void {
      const judged = judgeHello(batch, versions, identity?.role ?? null);
      if (!('hello' in judged)) return turnBack(judged);
      const hello = { ...judged.hello, who: identity?.name ?? judged.hello.who };
      const objection = options.admit?.(hello, identity) ?? null;
      if (objection !== null) return turnBack({ code: 'refused', reason: objection });
      const host = strangers.get(address)?.host;
      if (forget(address) === null || closing) return; // turned away a moment ago
      if (host !== undefined) wrong.forgive(host);
      welcomed.add(connection);
      known = `${hello.role} ${hello.who}`;
      const { version, data = '' } = options;
      connection.send({ kind: 'welcome', protocol: judged.version, version, at: Date.now(), data });
      connection.allowLargeFrames();
      events = options.peer(connection, hello, identity);
    }

    function turnBack(why: Refusal): void {
      connection.send(refusal(why));
      connection.close(`refused: ${why.reason}`);
    }
  }

  return {
    arrived,
    ready,
    refuse,
    spoke(address) {
      const stranger = strangers.get(address);
      if (stranger !== undefined) stranger.spoke = true;
    },
    explain,
    mistrust,
    close(reason) {
      closing = true;
      rejected.flush();
      cutOff.flush();
      for (const { socket } of strangers.values()) socket.destroy();
      for (const connection of welcomed) connection.close(reason);
      if (welcomed.size === 0) allGone.resolve();
      return allGone.promise;
    },
  };
}

function fewAddresses(tell: Tell) {
  return fewLines(tell, (count) => tell(`${count} more`, 'for reasons like those before'));
}
