import { endStates, indexOf } from '../model/job.ts';
import type { JobRecord } from '../scheduler/state.ts';
import type { LogPlace } from '../wire/verbs.ts';
import type { Desk } from './answers.ts';
import type { StreamNumber } from './outputs.ts';
import { finished, pending, type Source } from './source.ts';
import { storedMark } from './stored-mark.ts';

/** So many bytes an item: all that may be under way to a slow reader stay well below what a peer may keep waiting. */
const pieceBytes = 64 * 1024;

interface Position {
  attempt: number;
  offsets: [number, number];
  cutTold: [boolean, boolean];
}

function positionOf({ attempt, stdout, stderr, stdoutCut, stderrCut }: LogPlace): Position {
  return { attempt, offsets: [stdout, stderr], cutTold: [stdoutCut, stderrCut] };
}

const ended: ReadonlySet<string> = new Set(endStates);

export interface LogsWanted {
  /** Of one task; null: of all. */
  ordinal: number | null;
  follow: boolean;
  tail: number | null;
  /** Where to go on; null: from the beginning. */
  place: (LogPlace & { ordinal: number }) | null;
}

/**
 * The output of a job's tasks in order of index, or of one task. With `follow` it waits at a task until that has ended;
 * without, it gives what is there. Of a task that runs again it begins anew with that attempt's output.
 */
export function logsSource(
  job: JobRecord,
  { ordinal, follow, tail, place }: LogsWanted,
  desk: Pick<Desk, 'outputs' | 'clock' | 'durable'>,
  wake: () => void,
): Source {
  const { outputs } = desk;
  let current = place?.ordinal ?? ordinal ?? 0;
  const last = ordinal ?? job.tasks.count - 1;
  let position = place && positionOf(place);
  const stored = storedMark(desk);
  const unwatch = follow
    ? outputs.watch(job.id, (changed) => {
        if (changed === current || changed === null) wake();
      })
    : () => {};

  async function startOf(task: number): Promise<Position> {
    const attempt = job.tasks.get(task, 'attempt');
    const from = async (stream: StreamNumber) => {
      if (tail === null) return 0;
      const { bytes, cut } = await outputs.size(job.id, task, stream);
      return Math.max(0, bytes - cut - tail);
    };
    return { attempt, offsets: [await from(1), await from(2)], cutTold: [false, false] };
  }

  async function piece(position: Position, stream: StreamNumber): Promise<unknown> {
    const at = position.offsets[stream - 1] as number;
    const over = ended.has(job.tasks.state(current));
    const read = await outputs.read(job.id, current, stream, at, pieceBytes);
    const index = indexOf(job.spec.span, current);
    if (read !== null && (read.data.length > 0 || read.next > at)) {
      position.offsets[stream - 1] = read.next;
      if (read.cut > 0) position.cutTold[stream - 1] = true;
      return { index, stream, data: read.data, cut: read.cut, attempt: position.attempt, next: read.next };
    }
    // Nothing more is held: what was cut is told once, at the end of the task.
    if (!over || position.cutTold[stream - 1]) return null;
    const { cut } = await outputs.size(job.id, current, stream);
    if (cut === 0) return null;
    position.cutTold[stream - 1] = true;
    return { index, stream, data: new Uint8Array(0), cut, attempt: position.attempt, next: at };
  }

  return {
    async pull() {
      for (;;) {
        // Whether it has ended is asked first: what is read after that is all there is.
        const over = !follow || ended.has(job.tasks.state(current));
        if (job.tasks.get(current, 'attempt') !== position?.attempt) position = await startOf(current);
        const next = (await piece(position, 1)) ?? (await piece(position, 2));
        if (next !== null) return next;
        if (!over) return pending;
        if (follow && !stored.covers(job.tasks.get(current, 'endedAt'))) {
          await stored.settle();
          continue;
        }
        if (current === last) return finished;
        current += 1;
        position = null;
      }
    },
    close: unwatch,
  };
}
