/** Opens the source behind a streaming verb. */
import { LbtopError } from '../model/errors.ts';
import type { VerbArgs } from '../wire/verbs.ts';
import { type Caller, type Desk, jobOf, ordinalFor } from './answers.ts';
import { eventsSource } from './events-source.ts';
import { historySource } from './history-source.ts';
import { logsSource } from './logs-source.ts';
import { resultsSource } from './results-source.ts';
import type { Source } from './source.ts';
import { ticketsSource } from './tickets-source.ts';
import { waitSource } from './wait-source.ts';

export type SourceVerb = 'wait' | 'follow' | 'logs' | 'events' | 'history' | 'tickets';

/** Returns the source for the checked arguments of a verb; `wake` is called when it may have something. Throws LbtopError. */
export function openSource(verb: SourceVerb, args: unknown, desk: Desk, caller: Caller, wake: () => void): Source {
  switch (verb) {
    case 'wait': {
      const { jobs } = args as VerbArgs<'wait'>;
      for (const job of jobs) jobOf(desk, caller, job);
      return waitSource(jobs, desk.scheduler, desk.clock, desk.watch, wake);
    }
    case 'follow': {
      const { job, order, from } = args as VerbArgs<'follow'>;
      return resultsSource(jobOf(desk, caller, job), { order, from }, { ...desk, state: desk.scheduler.state }, wake);
    }
    case 'logs': {
      const { job: id, index, follow, tail, from } = args as VerbArgs<'logs'>;
      const job = jobOf(desk, caller, id);
      const place = from === null ? null : { ...from, ordinal: ordinalFor(job, from.index) as number };
      return logsSource(job, { ordinal: ordinalFor(job, index), follow, tail, place }, desk, wake);
    }
    case 'events': {
      const { last, follow } = args as VerbArgs<'events'>;
      return eventsSource(desk.series, last, follow, wake);
    }
    case 'tickets': {
      const { scheduler, watch, tickets } = desk;
      const job = jobOf(desk, caller, (args as VerbArgs<'tickets'>).job);
      if (!job.spec.direct) throw new LbtopError('usage', `job ${job.id} was not submitted for direct calls`);
      return ticketsSource(job, { state: scheduler.state, watch, tickets }, wake);
    }
    case 'history':
      return historySource(desk.history);
  }
}
