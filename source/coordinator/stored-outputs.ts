/** What tasks wrote and returned, in the store. In memory is only how much of each running attempt is held. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Commits } from '../journal/commit.ts';
import type { OutputRecord, Store } from '../journal/store.ts';
import { oneLine } from '../model/errors.ts';
import { type Attempt, attemptId } from '../model/node.ts';
import type { State } from '../scheduler/state.ts';
import { outputWatch } from './output-watch.ts';
import type { Outputs, StreamNumber, TaskText } from './outputs.ts';

export interface StoredOutputsOptions {
  store: Store;
  commits: Commits;
  state: State;
  log(line: string): void;
}

/** Up to which offset stdout and stderr of an attempt are held. */
type HeldUpTo = [stdout: number, stderr: number];

interface Running {
  readonly attempt: number;
  /** Null until the store has told it. */
  upTo: HeldUpTo | null;
  told: Promise<void>;
}

const none = new Uint8Array(0);
/** Between two tries to learn what the store has of an output. */
const askAgainMs = 500;

/** Returns the outputs of a store. What runs already, as `state` says, goes on where the store has it. */
export function storedOutputs({ store, commits, state, log }: StoredOutputsOptions): Outputs {
  const jobs = new Map<number, Map<number, Running>>();
  const watchers = outputWatch();
  /** Of jobs since this coordinator began: a bit for each task of which something is in the store, or on its way there. */
  const texts = new Map<number, Uint8Array>();
  const firstJob = state.nextJob;

  // Asked for before the nodes come back, so that their first words need not wait for it.
  for (const node of state.nodes.values())
    for (const held of node.held.values())
      if (held.current && held.startedAt !== null) tasksOf(held.job).set(held.ordinal, resumed(held));

  function tasksOf(job: number): Map<number, Running> {
    let tasks = jobs.get(job);
    if (tasks === undefined) {
      tasks = new Map();
      jobs.set(job, tasks);
    }
    return tasks;
  }

  function runningOf(attempt: Attempt): Running {
    const tasks = tasksOf(attempt.job);
    let running = tasks.get(attempt.ordinal);
    if (running?.attempt !== attempt.attempt) {
      running = isNew(attempt) ? { attempt: attempt.attempt, upTo: [0, 0], told: Promise.resolve() } : resumed(attempt);
      tasks.set(attempt.ordinal, running);
    }
    return running;
  }

  /** Placed since this coordinator started: nothing of it can be in the store. */
  function isNew({ job, ordinal, attempt }: Attempt): boolean {
    const node = state.places[state.jobs.get(job)?.tasks.get(ordinal, 'place') ?? -1];
    const held = node?.held.get(attemptId(job, ordinal, attempt));
    // What has no number its node brought along.
    return held !== undefined && held.number > 0 && held.assignedAt > state.startedAt;
  }

  function resumed(attempt: Attempt): Running {
    const running: Running = { attempt: attempt.attempt, upTo: null, told: Promise.resolve() };
    running.told = ask(attempt, running);
    return running;
  }

  /** Without an answer nothing is put, and its end waits: an engine that did not answer does so soon. */
  async function ask({ job, ordinal, attempt }: Attempt, running: Running): Promise<void> {
    const size = (stream: StreamNumber) => store.outputSize(job, ordinal, attempt, stream);
    for (let said = ''; ; await pause(askAgainMs, null, { ref: false })) {
      try {
        const [stdout, stderr] = await Promise.all([size(1), size(2)]);
        running.upTo = [stdout.bytes, stderr.bytes];
        return;
      } catch (error) {
        if (jobs.get(job)?.get(ordinal) !== running) return; // nobody waits for it any more
        const why = oneLine(error);
        if (why !== said) log(`output of task ${job}.${ordinal} waits: ${why}`);
        said = why;
      }
    }
  }

  function noteText(job: number, ordinal: number): void {
    let bits = texts.get(job);
    if (bits === undefined) {
      const count = state.jobs.get(job)?.tasks.count;
      if (count === undefined) return; // it is forgotten already
      bits = new Uint8Array((count + 7) >> 3);
      texts.set(job, bits);
    }
    bits[ordinal >> 3] = (bits[ordinal >> 3] as number) | (1 << (ordinal & 7));
  }

  /** Whether there may be something of these tasks. */
  function mayHaveText(job: number, from: number, count: number): boolean {
    if (job < firstJob) return true;
    const bits = texts.get(job);
    if (bits === undefined) return false;
    for (let ordinal = from; ordinal < from + count; ordinal++)
      if (((bits[ordinal >> 3] as number) & (1 << (ordinal & 7))) !== 0) return true;
    return false;
  }

  function put(upTo: HeldUpTo, record: OutputRecord, stored: (offset: number) => void): void {
    const { stream, offset, data } = record;
    const held = upTo[stream - 1] as number;
    const end = offset + data.length + record.cut;
    const records: OutputRecord[] = [];
    if (offset > held) records.push({ ...record, offset: held, data: none, cut: offset - held });
    const from = Math.max(held, offset);
    if (end > from) {
      const fresh = data.subarray(Math.min(data.length, from - offset));
      records.push({ ...record, offset: from, data: fresh, cut: end - from - fresh.length });
    }
    upTo[stream - 1] = Math.max(held, end);
    noteText(record.job, record.ordinal);
    commits.commit([], records).then(
      () => {
        stored(Math.max(held, end));
        watchers.tell(record.job, record.ordinal);
      },
      () => {}, // not stored, so not said to be
    );
  }

  const attemptOf = (job: number, ordinal: number) => state.jobs.get(job)?.tasks.get(ordinal, 'attempt') ?? 0;

  return {
    append({ job, ordinal, attempt }, stream, offset, data, cut, stored) {
      const running = runningOf({ job, ordinal, attempt });
      const record: OutputRecord = { kind: 'output', job, ordinal, attempt, stream, offset, data, cut };
      const { upTo } = running;
      if (upTo !== null) put(upTo, record, stored);
      else
        void running.told.then(() => {
          if (running.upTo !== null) put(running.upTo, record, stored);
        });
    },
    pending({ job, ordinal, attempt }) {
      const running = jobs.get(job)?.get(ordinal);
      return running?.attempt === attempt && running.upTo === null ? running.told : null;
    },
    async read(job, ordinal, stream, offset, maxBytes) {
      const piece = await store.readOutput(job, ordinal, attemptOf(job, ordinal), stream, offset, maxBytes);
      return piece === null ? null : { ...piece, next: offset + piece.data.length + piece.cut };
    },
    size: (job, ordinal, stream) => store.outputSize(job, ordinal, attemptOf(job, ordinal), stream),
    async page(job, from, count, streamBytes) {
      if (!mayHaveText(job, from, count)) return { tasks: new Map(), next: from + count };
      const page = await store.readTasks(job, from, count, streamBytes);
      const tasks = new Map<number, TaskText>();
      for (const { ordinal, attempt, result, streams } of page.tasks)
        if (attempt === attemptOf(job, ordinal)) tasks.set(ordinal, { result, streams });
      return { tasks, next: page.next ?? from + count };
    },
    setResult({ job, ordinal, attempt }, json) {
      noteText(job, ordinal);
      commits.commit([], [{ kind: 'result', job, ordinal, attempt, json }]).catch(() => {}); // that of the end fails with it
    },
    ended(job, ordinal) {
      if (ordinal !== null) jobs.get(job)?.delete(ordinal);
      if (jobs.get(job)?.size === 0) jobs.delete(job);
      watchers.tell(job, ordinal);
    },
    forget(job) {
      jobs.delete(job);
      texts.delete(job);
      commits.commit([], [{ kind: 'forget', job }]).catch(() => {}); // that of the purge fails with it
    },
    watch: watchers.watch,
  };
}
