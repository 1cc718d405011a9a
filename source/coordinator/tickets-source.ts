import type { JobRecord, State } from '../scheduler/state.ts';
import type { JobWatch } from './job-watch.ts';
import { finished, pending, type Source } from './source.ts';
import type { IssuedTicket, TicketOffice } from './ticket-office.ts';

/** The tickets of a job as its tasks are placed, until it has ended. */
export function ticketsSource(
  job: JobRecord,
  { state, watch, tickets }: { state: State; watch: JobWatch; tickets: TicketOffice },
  wake: () => void,
): Source {
  const waiting: IssuedTicket[] = [];
  const endCollecting = tickets.collect(job.id, (issued) => {
    waiting.push(issued);
    wake();
  });
  const unwatch = watch.ended(job.id, wake);
  return {
    pull() {
      const issued = waiting.shift();
      if (issued !== undefined) return issued;
      return job.endedAt !== null || !state.jobs.has(job.id) ? finished : pending;
    },
    close() {
      unwatch();
      endCollecting();
    },
  };
}
