/** Reads along with the facts and the truth, and says what must never happen. */
import type { Fact, FactOf } from '../../source/model/fact.ts';
import type { Attempt } from '../../source/model/node.ts';
import { attemptId } from '../../source/model/node.ts';
import { closedFor } from '../../source/scheduler/admission.ts';
import type { State } from '../../source/scheduler/state.ts';

interface TaskStory {
  attempt: number;
  queued: boolean;
  ended: boolean;
  /** The last attempt that was charged as a try. */
  charged: number;
}

export class Ledger {
  /** How often the tasks of `--no-retry` jobs began. */
  readonly #begun = new Map<string, number>();
  readonly #jobs = new Map<number, TaskStory[]>();
  /** What happened, by kind: a run in which nothing happens proves nothing. */
  readonly counts = new Map<string, number>();

  /** An attempt began on a node. Throws where it must not have. */
  began({ job, ordinal }: Attempt, noRetry: boolean): void {
    if (!noRetry) return;
    const id = `${job}.${ordinal}`;
    const times = (this.#begun.get(id) ?? 0) + 1;
    this.#begun.set(id, times);
    if (times > 1) throw new Error(`${id} must not run twice and began ${times} times`);
  }

  /** A fact was said, and is applied. Throws where it must not have been. */
  read(fact: Fact, state: State): void {
    this.counts.set(fact.kind, (this.counts.get(fact.kind) ?? 0) + 1);
    switch (fact.kind) {
      case 'job-submitted':
        this.#jobs.set(
          fact.job,
          Array.from({ length: fact.spec.span.count }, () => ({ attempt: 0, queued: true, ended: false, charged: 0 })),
        );
        return;
      case 'assigned':
        return this.#assigned(fact, state);
      case 'ended':
        this.count(fact.state);
        // Its node was lost, and came back with the result before anybody else had the task.
        if (fact.state === 'succeeded' && this.#task(fact).queued) this.count('believed');
        return this.#ended(fact, `${attemptId(fact.job, fact.ordinal, fact.attempt)} ${fact.state}`);
      case 'job-closed':
        for (const task of this.#jobs.get(fact.job) ?? []) {
          if (!task.queued) continue;
          task.queued = false;
          task.ended = true;
        }
        return;
      case 'released':
        if (fact.executed) this.count('late');
        return;
      case 'requeued': {
        this.count(`requeued ${fact.reason}`);
        const task = this.#task(fact);
        if (task.ended !== (fact.reason === 'retried')) throw new Error(`${fact.job}.${fact.ordinal} ${fact.reason}`);
        if (fact.charged && task.charged === fact.attempt)
          throw new Error(`${fact.job}.${fact.ordinal}#${fact.attempt} was charged twice`);
        if (fact.charged) task.charged = fact.attempt;
        task.ended = false;
        task.queued = true;
        // An operator's retry is a run of its own.
        if (fact.reason === 'retried') this.#begun.delete(`${fact.job}.${fact.ordinal}`);
        return;
      }
      case 'job-ended':
        if (this.#jobs.get(fact.job)?.some(({ ended }) => !ended))
          throw new Error(`job ${fact.job} ended before its tasks`);
        return;
    }
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  #assigned(fact: FactOf<'assigned'>, state: State): void {
    const task = this.#task(fact);
    const id = attemptId(fact.job, fact.ordinal, fact.attempt);
    const node = state.nodes.get(fact.node);
    if (!task.queued) throw new Error(`${id} was assigned and did not wait`);
    task.queued = false;
    if (fact.attempt === task.attempt) {
      // Goes on where it is.
      this.count('adopted');
      return;
    }
    if (fact.attempt < task.attempt) throw new Error(`${id} after attempt ${task.attempt}`);
    task.attempt = fact.attempt;
    const closed = node === undefined ? 'unknown' : closedFor(node);
    if (closed !== null) throw new Error(`${id} was assigned to ${fact.node}, which is ${closed}`);
    // Only `partition` fills the queues of nodes; with a discipline that makes reservations nothing waits there.
    const ahead = state.discipline === 'fifo' ? (node?.info.slots ?? 0) : 0;
    const deep = state.policy === 'partition' && state.discipline === 'fifo';
    if (node !== undefined && !deep && node.usedCpus > node.info.slots + ahead + 1e-6)
      throw new Error(`${id} was assigned to ${fact.node}, which had no room`);
    if (state.queuePaused) throw new Error(`${id} was assigned while the queue is paused`);
    const job = state.jobs.get(fact.job);
    if (job !== undefined && job.waitsFor.size > 0) throw new Error(`${id} was assigned before its time`);
    const underWay = job === undefined ? 0 : job.counts.assigned + job.counts.running;
    if (underWay > (job?.spec.limit ?? Infinity)) throw new Error(`${id} is beyond its job's limit`);
  }

  #ended(fact: Attempt, what: string): void {
    const task = this.#task(fact);
    if (task.ended) throw new Error(`${what} after its end`);
    task.ended = true;
    task.queued = false;
  }

  #task({ job, ordinal }: Attempt): TaskStory {
    const task = this.#jobs.get(job)?.[ordinal];
    if (task === undefined) throw new Error(`there is no task ${job}.${ordinal}`);
    return task;
  }
}
