/** One node's connection: its messages become events, what the scheduler wants of it becomes messages. */
import { behind, type Lineage } from '../journal/lineage.ts';
import type { LbtopError } from '../model/errors.ts';
import type { Fact } from '../model/fact.ts';
import type { JobSpec } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { type Attempt, attemptId, type Outcome, roundedSample } from '../model/node.ts';
import { joinObjection } from '../scheduler/join.ts';
import type { State } from '../scheduler/state.ts';
import type { Connection, ConnectionEvents } from '../wire/connection.ts';
import type { AssignedTask, Message, MessageOf } from '../wire/messages.ts';
import { type JoinOrder, joinOrder } from './join-order.ts';
import type { Loop } from './loop.ts';
import type { Outputs, StreamNumber } from './outputs.ts';

/** A task to be sent, with the node's count of assignments when it was made. */
export interface NumberedTask {
  number: number;
  task: AssignedTask;
}

export interface NodeSession {
  readonly name: string;
  send(message: Message): void;
  /** Sends tasks, and before the first of a job what the job is. */
  assign(job: number, spec: JobSpec, tasks: NumberedTask[]): void;
  /** The end of the attempt is durable: told with the next tasks, or in a moment. The node has only to be told some time. */
  settle(attempt: Attempt): void;
  /** The job has ended: should it have tasks again, the node is told anew what it is. */
  forget(job: number): void;
  /** Cuts the connection. */
  drop(reason: string): void;
}

/** A journal of which nodes know how far it had come. */
export interface WatchedJournal {
  readonly lineage: Lineage;
  /** The last durable batch. */
  head(): number;
  /** A node has shown that it is an older copy. */
  outdated(error: LbtopError): void;
}

export interface NodeSessionsOptions {
  state: State;
  loop: Loop;
  outputs: Outputs;
  /** What nodes keep for us; null, or absent: there is no durable state, or nobody keeps watch over it. */
  journal?: WatchedJournal | null;
  log(line: string): void;
}

/** The nodes that are connected. */
export interface NodeSessions {
  get(node: string): NodeSession | undefined;
  /** Takes a connection whose peer said that it is a node. */
  accept(connection: Connection): ConnectionEvents;
  /** Says goodbye to all. */
  close(reason: string): void;
}

/** A heartbeat says as much; only what comes between them is worth an event of its own. */
const heardEveryMs = 500;
/**
 * What is settled becomes durable after the next tasks of that node have left: it goes with those after them. So do jobs that
 * have ended: a node need not forget them before somebody else hears of their end.
 */
const settleMs = 5;
/** A node gets one with each beat: those of one moment the same. */
const receiptMs = 250;
const partBytes = 2 * 1024 * 1024;

/** Returns the sessions of a coordinator, none yet. */
export function nodeSessions(options: NodeSessionsOptions): NodeSessions {
  const byName = new Map<string, OwnSession>();
  const order = joinOrder();
  const receipt = receiptsOf(options.journal ?? null);
  return {
    get: (node) => byName.get(node),
    accept: (connection) => acceptNode(connection, options, byName, order, receipt),
    close(reason) {
      for (const session of byName.values()) session.drop(reason);
    },
  };
}

function acceptNode(
  connection: Connection,
  { state, loop, outputs, journal, log }: NodeSessionsOptions,
  byName: Map<string, OwnSession>,
  order: JoinOrder,
  receipt: () => string | null,
): ConnectionEvents {
  let session: OwnSession | null = null;
  let left = false;
  let heardAt = 0;
  let given: string | null = null;
  let beatEvery = 1;
  /** Heartbeats since one was answered. */
  let unanswered = 0;

  const isCurrent = () => session?.current === true;

  function join({
    name,
    incarnation,
    info,
    running,
    waiting,
    ended,
    joins,
    receipt,
    ...asks
  }: MessageOf<'join'>): void {
    if (receipt !== null && journal?.lineage.isBehind(receipt)) {
      const error = behind(`node ${name} (${connection.address})`);
      // Its tasks go on: the newest data may be put back.
      connection.send({ kind: 'refuse', code: 'unreachable', reason: error.message });
      connection.close(error.message);
      return journal.outdated(error);
    }
    const objection = session === null ? joinObjection(state, name, incarnation) : 'joined already';
    if (objection !== null) {
      connection.send({ kind: 'refuse', code: 'refused', reason: objection });
      connection.close(objection);
      log(`node ${name} from ${connection.address} refused: ${objection}`);
      return;
    }
    // Said on a connection that its node has given up since: what it holds is told by the later one.
    if (order.isStale(name, incarnation, joins)) return connection.close('the node has connected again since');
    const before = byName.get(name);
    session = newSession(name, connection);
    byName.set(name, session);
    beatEvery = asks.beatEvery;
    before?.end();
    before?.drop('the node connected again');
    loop.post({
      kind: 'join',
      node: name,
      incarnation,
      info,
      address: connection.address,
      holding: { running, waiting, ended },
    });
    giveReceipt(session);
  }

  /** Ends whose output is not on its way to the disk yet. */
  const untold = new Set<Promise<void>>();

  function ended(node: string, { outcomes }: MessageOf<'ended'>): void {
    for (const outcome of outcomes) {
      // Once the end is durable the node forgets the output.
      const output = outputs.pending(outcome);
      if (output === null) tellEnd(node, outcome);
      else {
        const told = output.then(() => {
          untold.delete(told);
          tellEnd(node, outcome);
        });
        untold.add(told);
      }
    }
  }

  function tellEnd(node: string, outcome: Outcome): void {
    const { job, ordinal, attempt } = outcome;
    loop.report(
      { kind: 'outcome', node, outcome },
      () => {
        if (isCurrent()) session?.settle({ job, ordinal, attempt });
      },
      (facts) => {
        // What nobody returned need not be kept for every task of a million.
        if (outcome.result !== null && outcome.result !== 'null' && facts.some((fact) => isEndOf(fact, outcome)))
          outputs.setResult(outcome, outcome.result);
      },
    );
  }

  function output(node: string, message: MessageOf<'output'>): void {
    const { job, ordinal, attempt, stream, offset, data, cut } = message;
    const stored = (offset: number) => {
      if (isCurrent()) session?.send({ kind: 'stored', job, ordinal, attempt, stream, offset });
    };
    // Only of attempts that are its own; of others it is told that all is well, and nothing is kept.
    const held = state.nodes.get(node)?.held.get(attemptId(job, ordinal, attempt));
    if (held?.current) outputs.append(message, stream as StreamNumber, offset, data, cut, stored);
    else stored(offset + data.length + cut);
  }

  function giveReceipt(to: NodeSession): void {
    const next = receipt();
    if (next === null || next === given) return;
    given = next;
    to.send({ kind: 'receipt', receipt: next });
  }

  function take(message: Message): void {
    if (message.kind === 'join') return join(message);
    if (message.kind === 'bye') return;
    if (session === null) {
      connection.send({ kind: 'refuse', code: 'refused', reason: 'a node says join before anything else' });
      connection.close('join expected');
      return;
    }
    const node = session.name;
    switch (message.kind) {
      case 'heartbeat':
        heardAt = performance.now();
        if (++unanswered >= beatEvery) {
          unanswered = 0;
          session.send({ kind: 'beat', seq: message.seq });
        }
        giveReceipt(session);
        loop.gather({ kind: 'heartbeat', node, seen: message.seen, sample: roundedSample(message.sample) });
        return;
      case 'started':
        for (const attempt of message.attempts) loop.post({ kind: 'started', node, attempt });
        return;
      case 'returned':
        for (const attempt of message.attempts) loop.post({ kind: 'returned', node, attempt });
        return;
      case 'ended':
        return ended(node, message);
      case 'output':
        return output(node, message);
      case 'progress': {
        const { job, ordinal, attempt, share, note } = message;
        return loop.post({ kind: 'progress', node, attempt: { job, ordinal, attempt }, share, note });
      }
      case 'leaving':
        loop.post({ kind: 'leaving', node, reason: message.reason });
        return;
      case 'leave':
        left = true;
        if (untold.size === 0) loop.post({ kind: 'leave', node });
        else void Promise.all(untold).then(() => loop.post({ kind: 'leave', node }));
        return;
      default:
        connection.send({ kind: 'refuse', code: 'refused', reason: `a node does not say ${message.kind}` });
        connection.close(`unexpected ${message.kind}`);
    }
  }

  return {
    messages(batch) {
      if (session !== null && !isCurrent()) return; // replaced: what it says is told on the new connection
      for (const message of batch) take(message);
    },
    heard() {
      if (!isCurrent() || performance.now() - heardAt < heardEveryMs) return;
      heardAt = performance.now();
      loop.gather({ kind: 'heard', node: (session as NodeSession).name });
    },
    closed(reason) {
      if (session === null || !isCurrent()) return;
      byName.delete(session.name);
      session.end();
      if (!left) loop.post({ kind: 'dropped', node: session.name, reason: reason.slice(0, 256) });
    },
  };
}

/** As its own connection sees it. */
interface OwnSession extends NodeSession {
  /** Until `end`: the node has another, or none. */
  readonly current: boolean;
  end(): void;
}

function newSession(name: string, connection: Connection): OwnSession {
  let current = true;
  const told = new Set<number>();
  let settled: Attempt[] = [];
  let forgotten: number[] = [];
  let timer: NodeJS.Timeout | null = null;

  function tellSettled(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (settled.length > 0) connection.send({ kind: 'settled', attempts: settled });
    settled = [];
    for (const job of forgotten) connection.send({ kind: 'forget', job });
    forgotten = [];
  }

  return {
    name,
    get current() {
      return current;
    },
    end() {
      current = false;
    },
    send: connection.send,
    settle(attempt) {
      settled.push(attempt);
      if (settled.length >= limits.rowsPerMessage) tellSettled();
      else timer ??= setTimeout(tellSettled, settleMs);
    },
    assign(job, spec, tasks) {
      tellSettled();
      if (!told.has(job)) {
        told.add(job);
        connection.send({ kind: 'job', job, spec });
      }
      for (const part of partsOf(tasks)) {
        const seq = part.at(-1)?.number ?? 0;
        connection.send({ kind: 'assign', seq, job, tasks: part.map(({ task }) => task) });
      }
    },
    forget(job) {
      if (!told.delete(job)) return;
      forgotten.push(job);
      timer ??= setTimeout(tellSettled, settleMs);
    },
    drop: connection.destroy,
  };
}

function isEndOf(fact: Fact, { job, ordinal }: Attempt): boolean {
  return fact.kind === 'ended' && fact.job === job && fact.ordinal === ordinal;
}

/** Returns what makes receipts for nodes: null, or one of the last moment. */
function receiptsOf(journal: WatchedJournal | null): () => string | null {
  if (journal === null) return () => null;
  let last = '';
  let madeAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() - madeAt < receiptMs) return last;
    madeAt = performance.now();
    last = journal.lineage.receipt(journal.head());
    return last;
  };
}

/** Tasks whose items are long leave in several messages, each well within a frame. */
function partsOf(tasks: NumberedTask[]): NumberedTask[][] {
  const parts: NumberedTask[][] = [[]];
  let bytes = 0;
  for (const numbered of tasks) {
    // UTF-8 takes at most three bytes a unit.
    bytes += 32 + 3 * (numbered.task.item?.length ?? 0);
    if (bytes > partBytes && parts.at(-1)?.length !== 0) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(numbered);
  }
  return parts;
}
