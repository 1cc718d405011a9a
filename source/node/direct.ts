/** Takes tasks straight from clients: each brings a ticket of the coordinator and gets what its task writes, and its end. */
import type { KeyObject } from 'node:crypto';
import os from 'node:os';
import { LbtopError, oneLine } from '../model/errors.ts';
import { limits } from '../model/limits.ts';
import { attemptId } from '../model/node.ts';
import { ShapeError } from '../model/shape.ts';
import type { Connection, ConnectionEvents } from '../wire/connection.ts';
import { listen } from '../wire/endpoint.ts';
import { callerKeyring } from '../wire/keys.ts';
import type { Message, MessageOf, Role } from '../wire/messages.ts';
import { reachOf } from '../wire/permission.ts';
import { readTicket, type Ticket, ticketKey } from '../wire/ticket.ts';
import { type VerbGives, verbs } from '../wire/verbs.ts';
import type { AttemptWatcher } from './attempt.ts';
import type { Executor } from './executor.ts';
import type { Address } from './link.ts';

export interface DirectOptions {
  listen: Address;
  version: string;
  /** This node's name: tickets of others are not taken. */
  name: string;
  tasks(): Executor;
  log(line: string): void;
  /** ms since the epoch, for the end of tickets. */
  now?(): number;
}

export interface Direct {
  /** Where clients find it. */
  readonly address: string;
  /** Whose tickets it takes from now on, and the key of those who bring them; null: nobody's. */
  trust(publicKey: Uint8Array | null, callerKey: Uint8Array | null): void;
  close(): Promise<void>;
}

/** What a client has not taken yet, beyond which the task waits. */
const windowItems = 64;
const windowBytes = 1024 * 1024;

type Item = VerbGives<'redeem'>;

/** Begins to listen. Rejects with LbtopError (usage) where the address cannot be had. */
export async function openDirect(options: DirectOptions): Promise<Direct> {
  const { now = Date.now, name } = options;
  let key: KeyObject | null = null;
  let callerKey: Buffer | null = null;

  /** Begins the task of a ticket. Throws LbtopError where it is not to be begun. */
  function redeem(ticket: Ticket, watcher: AttemptWatcher): () => void {
    const body = key === null ? null : readTicket(ticket, key);
    if (body === null) throw new LbtopError('refused', `this ticket is not signed by the coordinator of ${name}`);
    if (body.node !== name) throw new LbtopError('refused', `this ticket is for node ${body.node}, not for ${name}`);
    if (now() > body.expiresAt) throw new LbtopError('refused', 'this ticket has expired: ask for a new one');
    const { job, spec, seq, task } = body;
    const refusal = options.tasks().takeDirectly({ job, spec, seq, task, watcher });
    if (refusal !== null) throw new LbtopError('refused', refusal);
    return () => options.tasks().unwatch(attemptId(job, task.ordinal, task.attempt));
  }

  const listener = await listen({
    ...options.listen,
    secret: callerKeyring(() => callerKey),
    version: options.version,
    peer: (connection, { role }) => acceptCaller(connection, role, redeem),
    rejected: (address, reason) => options.log(`direct: ${address} turned away: ${reason}`),
  });
  const { host } = options.listen;
  const named = host === '0.0.0.0' || host === '::' ? os.hostname() : host;
  const address = `${named.includes(':') ? `[${named}]` : named}:${listener.port}`;
  options.log(`takes tasks directly at ${address}`);
  return {
    address,
    trust(publicKey, ofCallers) {
      key = publicKey === null ? null : ticketKey(publicKey);
      callerKey = ofCallers === null ? null : Buffer.from(ofCallers);
    },
    close: () => listener.close(),
  };
}

/** One task of a client's. */
interface Call {
  taken(count: number): void;
  drained(): void;
  close(): void;
}

function acceptCaller(
  connection: Connection,
  role: Role,
  redeem: (ticket: Ticket, watcher: AttemptWatcher) => () => void,
): ConnectionEvents {
  const calls = new Map<number, Call>();

  function request({ id, verb, args }: MessageOf<'request'>): void {
    try {
      if (verb !== 'redeem') throw new LbtopError('usage', `a node takes tickets only: ${verb} is for its coordinator`);
      reachOf(verb, verbs.redeem.may, role);
      if (calls.has(id)) throw new LbtopError('usage', `a stream with the id ${id} is open`);
      begin(id, verbs.redeem.args.unpack(args).ticket);
    } catch (error) {
      const code = error instanceof LbtopError ? error.code : error instanceof ShapeError ? 'usage' : 'failed';
      connection.send({ kind: 'fail', id, code, message: oneLine(error).slice(0, limits.textLength) });
    }
  }

  function begin(id: number, ticket: Ticket): void {
    let sent = 0;
    let taken = 0;
    let resume: (() => void) | null = null;
    let over = false;
    const full = (): boolean => sent - taken >= windowItems || connection.backlogBytes >= windowBytes;
    const say = (item: Item): void => {
      sent += 1;
      connection.send({ kind: 'item', id, value: verbs.redeem.gives.pack(item) });
    };
    const goOn = (): void => {
      if (resume === null || full()) return;
      const then = resume;
      resume = null;
      then();
    };
    const leave = redeem(ticket, {
      output(stream, chunk, whenReady) {
        for (let at = 0; at < chunk.length; at += limits.outputPieceBytes)
          say({ stream, data: chunk.subarray(at, at + limits.outputPieceBytes), outcome: null });
        if (!full()) return true;
        resume = whenReady;
        return false;
      },
      ended(outcome) {
        over = true;
        calls.delete(id);
        if (outcome === null)
          return connection.send({ kind: 'fail', id, code: 'unreachable', message: 'the task was taken back' });
        say({ stream: 0, data: new Uint8Array(0), outcome });
        connection.send({ kind: 'done', id });
      },
    });
    if (over) return;
    calls.set(id, {
      taken(count) {
        taken = Math.min(sent, Math.max(taken, count));
        goOn();
      },
      drained: goOn,
      close() {
        calls.delete(id);
        leave();
        resume?.(); // nobody listens any more: the coordinator still does
      },
    });
  }

  function take(message: Message): void {
    if (message.kind === 'request') request(message);
    else if (message.kind === 'ready') calls.get(message.id)?.taken(message.taken);
    else if (message.kind === 'abandon') calls.get(message.id)?.close();
    else if (message.kind !== 'bye') connection.close(`unexpected ${message.kind}`);
  }

  return {
    messages(batch) {
      for (const message of batch) take(message);
    },
    drained() {
      for (const call of [...calls.values()]) call.drained();
    },
    closed() {
      for (const call of [...calls.values()]) call.close();
    },
  };
}
