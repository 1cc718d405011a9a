import { finished, type Source } from './source.ts';

/**
 * A submission and what waits for its end, in one: `waitFor` is asked once the job is there. Where it was not taken, the
 * first `pull` rejects. Whoever stops reading leaves the job alone.
 */
export function runSource(submitted: Promise<{ job: number }>, waitFor: (job: number) => Source): Source {
  let waits: Source | null = null;
  let closed = false;
  const there = submitted.then(({ job }) => {
    if (!closed) waits = waitFor(job);
  });
  there.catch(() => {}); // told to who pulls, if anybody does
  const next = (): unknown => (waits === null ? finished : waits.pull());
  return {
    pull: () => (waits === null ? there.then(next) : next()),
    close() {
      closed = true;
      waits?.close();
    },
  };
}
