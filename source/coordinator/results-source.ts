import { isEndState } from '../model/job.ts';
import type { ResultRow } from '../model/report.ts';
import type { JobRecord, State } from '../scheduler/state.ts';
import type { Desk } from './answers.ts';
import { resultRows, rowsOf } from './results.ts';
import { finished, pending, type Source } from './source.ts';
import { storedMark } from './stored-mark.ts';

/** Rows of one page at most: a page of them is read at once. */
const pageRows = 128;

/** The results of a job as its tasks end, each once: in order of index, or in that of their ends. */
export function resultsSource(
  job: JobRecord,
  /** `from`: in order of index so many are known already. */
  { order, from }: { order: 'index' | 'end'; from: number },
  desk: { state: State } & Pick<Desk, 'outputs' | 'watch' | 'clock' | 'durable'>,
  wake: () => void,
): Source {
  const { state, outputs, watch } = desk;
  const { tasks } = job;
  const stored = storedMark(desk);
  const hasEnded = (ordinal: number): boolean => isEndState(tasks.state(ordinal));
  const isOver = (): boolean => job.endedAt !== null || !state.jobs.has(job.id);
  const source = order === 'index' ? byIndex() : byEnd();
  const ended = (ordinal: number | null): void => {
    if (ordinal !== null) stored.note(tasks.get(ordinal, 'endedAt'));
    source.ended(ordinal);
  };
  const unwatch = [watch.taskEnded(job.id, ended), watch.ended(job.id, wake)];

  /** What these wrote is stored; mostly it is by now. */
  async function storedOf(ordinals: readonly number[]): Promise<void> {
    if (!ordinals.every((ordinal) => stored.covers(tasks.get(ordinal, 'endedAt')))) await stored.settle();
  }

  function byIndex() {
    let next = from;
    return {
      ended(ordinal: number | null): void {
        if (ordinal === null || ordinal === next) wake();
      },
      pull(): unknown {
        let count = 0;
        while (count < pageRows && next + count < tasks.count && hasEnded(next + count)) count++;
        if (count === 0) return next >= tasks.count || isOver() ? finished : pending;
        return page(count);
      },
    };

    async function page(count: number): Promise<ResultRow[]> {
      await storedOf(Array.from({ length: count }, (_, i) => next + i));
      const rows = await resultRows(state, job, outputs, next, count);
      next += rows.length; // a page may be shorter
      return rows;
    }
  }

  function byEnd() {
    const known = new Uint8Array(tasks.count);
    const waiting: number[] = [];
    let head = 0; // what stands before it has been given
    const add = (ordinal: number): void => {
      if (known[ordinal] === 1) return;
      known[ordinal] = 1;
      waiting.push(ordinal);
    };
    const addAll = (): void => {
      for (let ordinal = 0; ordinal < tasks.count; ordinal++) if (hasEnded(ordinal)) add(ordinal);
    };
    addAll();
    waiting.sort((a, b) => tasks.get(a, 'endedAt') - tasks.get(b, 'endedAt'));
    return {
      ended(ordinal: number | null): void {
        if (ordinal === null) addAll();
        else add(ordinal);
        wake();
      },
      pull(): unknown {
        // The state is ahead of what is told: of a job that is over there may be ends that nobody has said yet.
        if (head === waiting.length && isOver()) addAll();
        return head < waiting.length ? page() : isOver() ? finished : pending;
      },
    };

    async function page(): Promise<ResultRow[]> {
      const ordinals = waiting.slice(head, head + pageRows);
      await storedOf(ordinals);
      const rows = await rowsOf(state, job, outputs, ordinals);
      head += rows.length; // a page may be shorter
      return rows;
    }
  }

  return {
    pull: source.pull,
    close() {
      for (const end of unwatch) end();
    },
  };
}
