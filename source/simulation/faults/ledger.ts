/** Reads along with the facts and with what nodes really did, and says what must never happen: the checks I1–I12 that a state alone cannot answer. */
import type { Fact, FactOf } from '../../model/fact.ts';
import { type Attempt, attemptId } from '../../model/node.ts';
import { closedFor } from '../../scheduler/admission.ts';
import type { State } from '../../scheduler/state.ts';

interface TaskStory {
  attempt: number;
  queued: boolean;
  ended: boolean;
  charged: number;
}

export interface Ledger {
  /** A fact was said, and is applied to the state (null: it is read again from the journal). Throws where it must not have been. */
  read(fact: Fact, state: State | null): void;
  /** What was not durable is lost: what is left is the truth. */
  reread(facts: readonly Fact[]): void;
  /** The coordinator goes on from what was durable. Throws where that is less than somebody was told. */
  recovered(state: State): void;
  /** The crash of its machine took these: the numbers of these attempts may be given again. */
  forget(facts: readonly Fact[]): void;
  /** A node really began an attempt. */
  began(attempt: Attempt, noRetry: boolean, node: string): void;
  /** A node really ended an attempt well. */
  succeeded(attempt: Attempt): void;
  /** A user was told so. */
  acknowledge(job: number): void;
  /** A user was told that a task has ended so. */
  told(fact: FactOf<'ended'>): void;
}

export function createLedger(): Ledger {
  let jobs = new Map<number, TaskStory[]>();
  let purged = new Set<number>();
  let runs = new Map<string, number>();
  const acknowledged = new Set<number>();
  /** Which run of a task (an operator's retry begins another) ended how. */
  const toldEnds = new Map<string, string>();
  let ends = new Map<string, string>();
  const successes = new Set<string>();
  const begun = new Map<string, string>();
  const forgotten = new Set<string>();
  /** An attempt may begin late, when its task was queued again and the next run has begun. */
  const runOfAttempt = new Map<string, string>();
  /** Tasks of `--no-retry` jobs: the run that began. */
  const begunOnce = new Set<string>();

  const runOf = ({ job, ordinal }: { job: number; ordinal: number }) =>
    `${job}.${ordinal} run ${runs.get(`${job}.${ordinal}`) ?? 0}`;

  function taskOf({ job, ordinal }: { job: number; ordinal: number }): TaskStory {
    const task = jobs.get(job)?.[ordinal];
    if (task === undefined) throw new Error(`I1: there is no task ${job}.${ordinal}`);
    return task;
  }

  function assigned(fact: FactOf<'assigned'>, state: State | null): void {
    const task = taskOf(fact);
    const id = attemptId(fact.job, fact.ordinal, fact.attempt);
    if (!task.queued) throw new Error(`I2: ${id} was assigned and did not wait`);
    task.queued = false;
    runOfAttempt.set(id, runOf(fact));
    if (fact.attempt === task.attempt) return; // goes on where it is
    if (fact.adopted) {
      task.attempt = fact.attempt;
      return;
    }
    if (fact.attempt < task.attempt) throw new Error(`I3: ${id} after attempt ${task.attempt}`);
    task.attempt = fact.attempt;
    if (state === null) return;
    const node = state.nodes.get(fact.node);
    const closed = node === undefined ? 'unknown' : closedFor(node);
    if (closed !== null) throw new Error(`I5: ${id} was assigned to ${fact.node}, which is ${closed}`);
    if (state.queuePaused) throw new Error(`I5: ${id} was assigned while the queue is paused`);
    const job = state.jobs.get(fact.job);
    if (job !== undefined && job.waitsFor.size > 0) throw new Error(`I9: ${id} was assigned before its time`);
    if (job !== undefined && job.counts.assigned + job.counts.running > (job.spec.limit ?? Infinity))
      throw new Error(`I4: ${id} is beyond its job's limit`);
  }

  function read(fact: Fact, state: State | null): void {
    switch (fact.kind) {
      case 'job-submitted':
        jobs.set(
          fact.job,
          Array.from({ length: fact.spec.span.count }, () => ({ attempt: 0, queued: true, ended: false, charged: 0 })),
        );
        return;
      case 'assigned':
        return assigned(fact, state);
      case 'ended': {
        const task = taskOf(fact);
        if (fact.state === 'succeeded' && !successes.has(attemptId(fact.job, fact.ordinal, fact.attempt)))
          throw new Error(`I2: ${runOf(fact)} succeeded by attempt ${fact.attempt}, which no node says`);
        if (task.ended) throw new Error(`I2: ${runOf(fact)} ended twice`);
        task.ended = true;
        task.queued = false;
        ends.set(runOf(fact), fact.state);
        return;
      }
      case 'job-closed':
        for (const task of jobs.get(fact.job) ?? [])
          if (task.queued) {
            task.queued = false;
            task.ended = true;
          }
        return;
      case 'requeued': {
        const task = taskOf(fact);
        if (task.ended !== (fact.reason === 'retried'))
          throw new Error(
            `I2: ${fact.job}.${fact.ordinal} returned to the queue, ${fact.reason}, ended: ${task.ended}`,
          );
        // A node that was taken for lost says that the attempt failed: that counts, and the task waits for its next try.
        if (task.queued && fact.reason !== 'retry')
          throw new Error(`I2: ${fact.job}.${fact.ordinal} returned to the queue and was there`);
        if (fact.charged && task.charged === fact.attempt)
          throw new Error(`I2: ${fact.job}.${fact.ordinal}#${fact.attempt} was charged twice`);
        if (fact.charged) task.charged = fact.attempt;
        task.ended = false;
        task.queued = true;
        const id = `${fact.job}.${fact.ordinal}`;
        if (fact.reason === 'retried') runs.set(id, (runs.get(id) ?? 0) + 1);
        return;
      }
      case 'job-ended':
        if (jobs.get(fact.job)?.some(({ ended }) => !ended))
          throw new Error(`I2: job ${fact.job} ended before its tasks`);
        return;
      case 'job-purged':
        purged.add(fact.job);
        return;
    }
  }

  return {
    read,
    reread(facts) {
      jobs = new Map();
      purged = new Set();
      runs = new Map();
      ends = new Map();
      for (const fact of facts) read(fact, null);
      for (const [run, end] of toldEnds)
        if (ends.get(run) !== end) throw new Error(`I2: ${run} was told as ${end} and is now ${ends.get(run)}`);
    },
    recovered(state) {
      for (const job of acknowledged)
        if (!state.jobs.has(job) && !purged.has(job)) throw new Error(`I1: job ${job} was acknowledged and is gone`);
    },
    forget(facts) {
      for (const fact of facts)
        if (fact.kind === 'assigned') forgotten.add(attemptId(fact.job, fact.ordinal, fact.attempt));
    },
    began(attempt, noRetry, node) {
      const id = attemptId(attempt.job, attempt.ordinal, attempt.attempt);
      const before = begun.get(id);
      if (before !== undefined && !forgotten.has(id))
        throw new Error(`I3: ${id} began on ${before} and again on ${node}`);
      begun.set(id, node);
      if (!noRetry) return;
      const run = runOfAttempt.get(id) ?? runOf(attempt);
      if (begunOnce.has(run)) throw new Error(`I11: ${run} must not begin twice`);
      begunOnce.add(run);
    },
    succeeded: ({ job, ordinal, attempt }) => successes.add(attemptId(job, ordinal, attempt)),
    acknowledge: (job) => acknowledged.add(job),
    told(fact) {
      // Unless it was queued again before anybody heard of it.
      if (ends.get(runOf(fact)) === fact.state) toldEnds.set(runOf(fact), fact.state);
    },
  };
}
