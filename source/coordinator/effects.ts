/**
 * What facts make us say to nodes. Work leaves as soon as its facts survive our own end: killed and started again, we know
 * of it. A crash of the machine may forget the last of it; the node that has it then says so, and it goes on there, or its
 * task runs a second time. So two kinds wait until they are durable: tasks that must not run twice, and those of a job that
 * is not durable itself, whose number might be another job's then.
 */
import type { Fact, FactOf } from '../model/fact.ts';
import { indexOf } from '../model/job.ts';
import { type Attempt, attemptId } from '../model/node.ts';
import type { State } from '../scheduler/state.ts';
import type { ItemShelf } from './item-shelf.ts';
import type { NodeSession, NumberedTask } from './node-session.ts';
import type { TicketOffice } from './ticket-office.ts';

export interface EffectsOptions {
  state: State;
  items: Pick<ItemShelf, 'get'>;
  /** The session that speaks for a node now, or undefined. */
  session(node: string): NodeSession | undefined;
  tickets: Pick<TicketOffice, 'offer' | 'publicKey' | 'callerKey'>;
}

export interface Effects {
  /** To be called, in order, with facts that survive the end of this process. */
  written(facts: readonly Fact[]): void;
  /** To be called, in order, with facts that are durable. */
  durable(facts: readonly Fact[]): void;
}

/** Returns the functions that turn facts into messages. */
export function effects({ state, items, session, tickets }: EffectsOptions): Effects {
  /** Tasks of one batch for one node, by job: they leave as one `assign` a job. */
  const assigns = new Map<string, Map<number, NumberedTask[]>>();

  function sendAssigns(node: string): void {
    const jobs = assigns.get(node);
    if (jobs === undefined) return;
    assigns.delete(node);
    const to = session(node);
    if (to === undefined) return; // it will not hold them when it joins again, and they go elsewhere
    for (const [id, tasks] of jobs) {
      const job = state.jobs.get(id);
      if (job !== undefined && !tickets.offer(to, id, tasks)) to.assign(id, job.spec, tasks);
    }
  }

  /** Jobs whose submission is not durable. */
  const fresh = new Set<number>();
  /** Assignments that wait until they are durable. */
  const late = new Set<Fact>();

  function assign(fact: FactOf<'assigned'>): void {
    const job = state.jobs.get(fact.job);
    if (job === undefined) return;
    const held = state.nodes.get(fact.node)?.held.get(attemptId(fact.job, fact.ordinal, fact.attempt));
    // What the node does not hold any more went back to the queue meanwhile; what has no number it brought along itself;
    // and what was taken back it has been told, or is told now, not to begin.
    if (held === undefined || held.number === 0 || held.recalled || held.stopping !== null) return;
    let jobs = assigns.get(fact.node);
    if (jobs === undefined) {
      jobs = new Map();
      assigns.set(fact.node, jobs);
    }
    const assigned: NumberedTask = {
      number: held.number,
      task: {
        ordinal: fact.ordinal,
        index: indexOf(job.spec.span, fact.ordinal),
        attempt: fact.attempt,
        item: items.get(fact.job)?.get(fact.ordinal) ?? null,
      },
    };
    const tasks = jobs.get(fact.job);
    if (tasks === undefined) jobs.set(fact.job, [assigned]);
    else tasks.push(assigned);
  }

  function written(facts: readonly Fact[]): void {
    for (const fact of facts) {
      switch (fact.kind) {
        case 'job-submitted':
          fresh.add(fact.job);
          break;
        case 'assigned':
          if (fresh.has(fact.job) || state.jobs.get(fact.job)?.spec.noRetry) late.add(fact);
          else assign(fact);
          break;
        case 'recalled':
          sendAssigns(fact.node);
          session(fact.node)?.send({ kind: 'recall', attempts: [keyOf(fact)] });
          break;
        case 'stop-asked':
          sendAssigns(fact.node);
          session(fact.node)?.send({ kind: 'stop', attempts: [keyOf(fact)], why: fact.why });
          break;
        case 'node-throttled':
          session(fact.node)?.send({ kind: 'throttle', share: fact.throttle });
          break;
        case 'node-joined':
          session(fact.node)?.send({
            kind: 'joined',
            name: fact.node,
            throttle: state.nodes.get(fact.node)?.throttle ?? fact.info.throttle,
            ticketKey: tickets.publicKey,
            callerKey: tickets.callerKey(fact.node),
          });
          break;
        case 'node-health':
          // Whatever still hangs there must come anew, with what it holds.
          if (fact.health === 'lost') session(fact.node)?.drop(`taken for lost: ${fact.reason}`);
          break;
        case 'job-ended':
        case 'job-purged':
          for (const node of state.nodes.keys()) session(node)?.forget(fact.job);
          break;
      }
    }
    for (const node of [...assigns.keys()]) sendAssigns(node);
  }

  return {
    written,
    durable(facts) {
      for (const fact of facts) {
        if (fact.kind === 'job-submitted') fresh.delete(fact.job);
        if (fact.kind === 'assigned' && late.delete(fact)) assign(fact);
      }
      for (const node of [...assigns.keys()]) sendAssigns(node);
    },
  };
}

function keyOf({ job, ordinal, attempt }: Attempt): Attempt {
  return { job, ordinal, attempt };
}
