/**
 * Tasks that clients take to their nodes themselves. The scheduler places them as all others, and they count as all
 * others; only the `assign` becomes a ticket for the client. What nobody has taken there in time goes to the same node the
 * usual way: the node takes an attempt once, whichever way it comes first.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { limits } from '../model/limits.ts';
import { type Attempt, attemptId, keyOf } from '../model/node.ts';
import type { State } from '../scheduler/state.ts';
import { type Ticket, ticketSigner } from '../wire/ticket.ts';
import type { NodeSession, NumberedTask } from './node-session.ts';

/** A ticket, and where to go with it. */
export interface IssuedTicket extends Attempt {
  node: string;
  address: string;
  ticket: Ticket;
  key: Uint8Array;
}

export interface TicketOffice {
  readonly publicKey: Uint8Array;
  /** The pre-shared key by which this node knows those who bring tickets. */
  callerKey(node: string): Uint8Array;
  /** Makes tickets of tasks for a node. Answers false where it is no case for tickets. */
  offer(to: NodeSession, job: number, tasks: readonly NumberedTask[]): boolean;
  /** Gives a client the tickets of a job, those that wait first. Returns the way to end that. */
  collect(job: number, take: (issued: IssuedTicket) => void): () => void;
  /** The client cannot use it: the task goes the usual way now. */
  giveBack(attempt: Attempt): void;
  close(): void;
}

export interface TicketOfficeOptions {
  state: State;
  session(node: string): NodeSession | undefined;
  now(): number;
}

interface Offer {
  issued: IssuedTicket;
  numbered: NumberedTask;
  timer: NodeJS.Timeout;
}

/** Clocks of coordinator and node may differ by so much before a ticket's end tells more than it should. */
const skewMs = 1_000;

/** Returns an office without tickets. */
export function ticketOffice({ state, session, now }: TicketOfficeOptions): TicketOffice {
  const signer = ticketSigner();
  const own = randomBytes(32);
  const callerKey = (node: string) => Uint8Array.from(createHmac('sha256', own).update(node).digest());
  const offers = new Map<string, Offer>();
  const collectors = new Map<number, (issued: IssuedTicket) => void>();

  function offer(to: NodeSession, job: number, tasks: readonly NumberedTask[]): boolean {
    const spec = state.jobs.get(job)?.spec;
    const address = state.nodes.get(to.name)?.info.listen ?? null;
    if (spec === undefined || !spec.direct || address === null) return false;
    const key = callerKey(to.name);
    for (const numbered of tasks) {
      const { task, number: seq } = numbered;
      const body = { node: to.name, expiresAt: now() + limits.ticketMs, seq, job, spec, task };
      const attempt = { job, ordinal: task.ordinal, attempt: task.attempt };
      const issued = { ...attempt, node: to.name, address, ticket: signer.sign(body), key };
      const timer = setTimeout(() => giveBack(attempt), limits.ticketMs + skewMs);
      offers.set(attemptId(job, task.ordinal, task.attempt), { issued, numbered, timer });
      collectors.get(job)?.(issued);
    }
    return true;
  }

  function giveBack({ job, ordinal, attempt }: Attempt): void {
    const id = attemptId(job, ordinal, attempt);
    const one = offers.get(id);
    if (one === undefined) return;
    clearTimeout(one.timer);
    offers.delete(id);
    const held = state.nodes.get(one.issued.node)?.held.get(id);
    const spec = state.jobs.get(job)?.spec;
    const begun = held === undefined || held.startedAt !== null || held.recalled || held.stopping !== null;
    if (begun || spec === undefined) return;
    session(one.issued.node)?.assign(job, spec, [one.numbered]);
  }

  return {
    publicKey: signer.publicKey,
    callerKey,
    offer,
    collect(job, take) {
      collectors.set(job, take);
      for (const { issued } of offers.values()) if (issued.job === job) take(issued);
      return () => {
        if (collectors.get(job) !== take) return;
        collectors.delete(job);
        for (const { issued } of [...offers.values()]) if (issued.job === job) giveBack(keyOf(issued));
      };
    },
    giveBack,
    close() {
      for (const { timer } of offers.values()) clearTimeout(timer);
      offers.clear();
    },
  };
}
