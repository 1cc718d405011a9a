import { endStates, indexOf } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import type { JobRecord } from '../scheduler/state.ts';
import type { Outputs, StreamNumber } from './outputs.ts';
import { finished, pending, type Source } from './source.ts';

interface Position {
  attempt: number;
  offsets: [number, number];
  cutTold: [boolean, boolean];
}

const ended: ReadonlySet<string> = new Set(endStates);

/**
 * The output of a job's tasks in order of index, or of one task. With `follow` it waits at a task until that has ended;
 * without, it gives what is there. Of a task that runs again it begins anew with that attempt's output.
 */
export function logsSource(
  job: JobRecord,
  ordinal: number | null,
  follow: boolean,
  tail: number | null,
  outputs: Outputs,
  wake: () => void,
): Source {
  let current = ordinal ?? 0;
  const last = ordinal ?? job.tasks.count - 1;
  let position = startOf(current);
  const unwatch = follow
    ? outputs.watch(job.id, (changed) => {
        if (changed === current || changed === null) wake();
      })
    : () => {};

  function startOf(task: number): Position {
    const from = (stream: StreamNumber) => {
      if (tail === null) return 0;
      const { bytes, cut } = outputs.size(job.id, task, stream);
      return Math.max(0, bytes - cut - tail);
    };
    return { attempt: job.tasks.get(task, 'attempt'), offsets: [from(1), from(2)], cutTold: [false, false] };
  }

  function piece(stream: StreamNumber): unknown {
    const at = position.offsets[stream - 1] as number;
    const read = outputs.read(job.id, current, stream, at, limits.outputPieceBytes);
    const index = indexOf(job.spec.span, current);
    if (read !== null && read.data.length > 0) {
      position.offsets[stream - 1] = at + read.data.length;
      if (read.cut > 0) position.cutTold[stream - 1] = true;
      return { index, stream, data: read.data, cut: read.cut };
    }
    // Nothing more is held: what was cut is told once, at the end of the task.
    const { cut } = outputs.size(job.id, current, stream);
    if (cut === 0 || position.cutTold[stream - 1] || !ended.has(job.tasks.state(current))) return null;
    position.cutTold[stream - 1] = true;
    return { index, stream, data: new Uint8Array(0), cut };
  }

  return {
    pull() {
      for (;;) {
        // Whether it has ended is asked first: what is read after that is all there is.
        const over = !follow || ended.has(job.tasks.state(current));
        if (job.tasks.get(current, 'attempt') !== position.attempt) position = startOf(current);
        const next = piece(1) ?? piece(2);
        if (next !== null) return next;
        if (!over) return pending;
        if (current === last) return finished;
        position = startOf(++current);
      }
    },
    close: unwatch,
  };
}
