/** What facts about tasks do to the state. */
import type { Fact, FactOf } from '../model/fact.ts';
import type { TaskState } from '../model/job.ts';
import { type Attempt, attemptId } from '../model/node.ts';
import { undelay } from './apply-job.ts';
import { enqueueJob } from './lanes.ts';
import { learn } from './learned.ts';
import { holdRoom, releaseRoom } from './room.ts';
import { type JobRecord, ownAstray, ownCounts, ownDelayed, ownReturned, type State } from './state.ts';
import { highestAttempt, parting } from './task-table.ts';

export type TaskFact = FactOf<
  'assigned' | 'started' | 'progressed' | 'ended' | 'requeued' | 'recalled' | 'stop-asked' | 'released'
>;

/** Changes `state` by a fact about a task. */
export function applyTaskFact(state: State, fact: TaskFact): void {
  const job = state.jobs.get(fact.job);
  switch (fact.kind) {
    case 'released':
      // The room is free even where the job is gone.
      release(state, fact.node, fact);
      if (job !== undefined) foundAgain(job, fact);
      if (fact.executed) state.lateResults++;
      return;
    case 'stop-asked':
      return stopAsked(state, fact, job);
    case 'progressed': {
      const held = heldBy(state, fact.node, fact);
      if (held !== undefined) held.progress = { share: fact.share, note: fact.note };
      return;
    }
    case 'recalled': {
      const held = heldBy(state, fact.node, fact);
      if (held !== undefined) held.recalled = true;
      return;
    }
  }
  if (job === undefined) return;
  switch (fact.kind) {
    case 'assigned':
      return assigned(state, fact, job);
    case 'started':
      return started(state, fact, job);
    case 'ended':
      return ended(state, fact, job);
    case 'requeued':
      return requeued(state, fact, job);
  }
}

function assigned(state: State, fact: FactOf<'assigned'>, job: JobRecord): void {
  const { tasks } = job;
  const { ordinal } = fact;
  move(state, job, ordinal, 'assigned');
  undelay(state, job, ordinal);
  // Only a dispatch raises the attempt: else the node has it already, and it goes on there.
  const known = tasks.get(ordinal, 'attempt') === fact.attempt;
  const adopted = known || fact.adopted;
  foundAgain(job, fact);
  const parted = tasks.get(ordinal, 'parting');
  if (known && !Number.isNaN(tasks.get(ordinal, 'startedAt'))) {
    // It ran all the time: nothing is done twice, and its node was not lost through it.
    tasks.set(ordinal, 'parting', 0);
    tasks.set(ordinal, 'losses', Math.max(0, tasks.get(ordinal, 'losses') - 1));
  } else {
    if (parted !== 0) tasks.set(ordinal, 'parting', parted & parting.begun);
    tasks.set(ordinal, 'attempt', fact.attempt);
    tasks.set(ordinal, 'startedAt', Number.NaN);
  }
  const node = state.nodes.get(fact.node);
  if (node === undefined) return;
  tasks.set(ordinal, 'place', node.place);
  if (!adopted) {
    state.lastPlace = node.place;
    node.assignments++;
  }
  holdRoom(node, {
    job: job.id,
    ordinal,
    attempt: fact.attempt,
    cpus: job.spec.cpus,
    memoryBytes: job.spec.memoryBytes,
    resources: job.spec.resources,
    current: true,
    startedAt: null,
    assignedAt: fact.at,
    number: adopted ? 0 : node.assignments,
    recalled: false,
    stopping: null,
    requeue: false,
    progress: null,
  });
}

function started(state: State, fact: FactOf<'started'>, job: JobRecord): void {
  const { tasks } = job;
  const { ordinal } = fact;
  const counts = tasks.state(ordinal) === 'assigned' && tasks.get(ordinal, 'attempt') === fact.attempt;
  // Known already of an attempt that was adopted.
  const before = counts ? tasks.get(ordinal, 'startedAt') : Number.NaN;
  const startedAt = Number.isNaN(before) ? fact.at : before;
  const node = state.nodes.get(fact.node);
  const held = heldBy(state, fact.node, fact);
  if (node !== undefined && held !== undefined && held.startedAt === null) {
    held.startedAt = startedAt;
    node.assigned--;
    node.running++;
    node.unfitInARow = 0;
  }
  if (!counts) return;
  move(state, job, ordinal, 'running');
  tasks.set(ordinal, 'startedAt', startedAt);
  tasks.set(ordinal, 'unfits', 0);
  countAgain(state, job, ordinal);
}

/** An attempt begins, or has ended without a word of its start: was the task's work begun before? */
function countAgain(state: State, job: JobRecord, ordinal: number): void {
  const { tasks } = job;
  const parted = tasks.get(ordinal, 'parting');
  if ((parted & parting.begun) === 0) return;
  tasks.set(ordinal, 'parting', parted & ~parting.begun);
  state.reexecuted++;
}

function ended(state: State, fact: FactOf<'ended'>, job: JobRecord): void {
  const { tasks } = job;
  const { ordinal } = fact;
  const assigned = tasks.state(ordinal) === 'assigned';
  move(state, job, ordinal, fact.state);
  tasks.set(ordinal, 'endedAt', fact.at);
  tasks.setError(ordinal, fact.error);
  undelay(state, job, ordinal);
  foundAgain(job, fact);
  const ran = (fact.state === 'succeeded' || fact.state === 'failed') && fact.node !== null;
  if (ran) {
    if (assigned) countAgain(state, job, ordinal);
    if (fact.exitCode !== null) tasks.set(ordinal, 'exitCode', fact.exitCode);
    tasks.set(ordinal, 'runMs', fact.runMs);
    tasks.set(ordinal, 'cpuMs', fact.cpuMs);
    tasks.set(ordinal, 'peakBytes', fact.peakBytes);
    // A task so short that its start was never told on its own.
    // Or was told late: what the node measured is nearer to the truth than when its words came.
    const began = fact.at - fact.runMs;
    if (!(tasks.get(ordinal, 'startedAt') <= began)) tasks.set(ordinal, 'startedAt', began);
    job.ranCount++;
    job.ranMs += fact.runMs;
  } else if (fact.runMs > 0) tasks.set(ordinal, 'runMs', fact.runMs);
  // Room for the next one, where the job has a limit of its own.
  enqueueJob(state, job);
  if (fact.node === null) return;
  const node = state.nodes.get(fact.node);
  if (node === undefined) return;
  tasks.set(ordinal, 'place', node.place);
  if (ran) node[fact.state === 'succeeded' ? 'succeeded' : 'failed']++;
  if (ran) node.unfitInARow = 0;
  if (fact.state === 'succeeded') learn(state.learned, job.spec, fact.node, fact.runMs);
  if (fact.state === 'cancelled') {
    // Its processes may still run: the room is free when the node says so.
    const held = node.held.get(attemptId(fact.job, ordinal, fact.attempt));
    if (held !== undefined) held.current = false;
  } else release(state, fact.node, fact);
}

function requeued(state: State, fact: FactOf<'requeued'>, job: JobRecord): void {
  const { tasks } = job;
  const { ordinal } = fact;
  const hadStarted = tasks.state(ordinal) === 'running';
  if (job.endedAt !== null) {
    job.endedAt = null;
    job.endState = null;
  }
  move(state, job, ordinal, 'queued');
  tasks.set(ordinal, 'queuedAt', fact.at);
  tasks.set(ordinal, 'endedAt', Number.NaN);
  tasks.setError(ordinal, fact.error);
  if (fact.reason === 'retried') forgetRuns(job, ordinal);
  if (fact.charged) tasks.set(ordinal, 'tries', tasks.get(ordinal, 'tries') + 1);
  if (fact.reason === 'unfit') tasks.set(ordinal, 'unfits', tasks.get(ordinal, 'unfits') + 1);
  if (hadStarted && fact.reason === 'node-lost') tasks.set(ordinal, 'losses', tasks.get(ordinal, 'losses') + 1);
  const astray = fact.reason === 'node-lost' || fact.reason === 'node-left';
  const elsewhere = fact.reason === 'retry' || fact.reason === 'unfit';
  const begun = hadStarted && !fact.charged ? parting.begun : tasks.get(ordinal, 'parting') & parting.begun;
  tasks.set(ordinal, 'parting', begun | (elsewhere ? parting.elsewhere : 0));
  if (!hadStarted || !astray) tasks.set(ordinal, 'startedAt', Number.NaN);
  if (astray) goneAstray(job, fact);
  else foundAgain(job, fact);
  state.requeued++;
  if (fact.notBefore > fact.at) {
    ownDelayed(job).set(ordinal, fact.notBefore);
    state.delayedJobs.add(job.id);
  } else ownReturned(job).push(ordinal);
  if (fact.node !== null) {
    const node = state.nodes.get(fact.node);
    if (node !== undefined && fact.reason === 'unfit') node.unfitInARow++;
    release(state, fact.node, fact);
  }
  enqueueJob(state, job);
}

/** A task that an operator queues again begins anew, but for the number of its attempts. */
function forgetRuns(job: JobRecord, ordinal: number): void {
  const { tasks } = job;
  for (const column of ['tries', 'losses', 'unfits', 'parting'] as const) tasks.set(ordinal, column, 0);
  for (const column of ['runMs', 'cpuMs', 'peakBytes'] as const) tasks.set(ordinal, column, Number.NaN);
  tasks.set(ordinal, 'exitCode', -1);
}

function stopAsked(state: State, fact: FactOf<'stop-asked'>, job: JobRecord | undefined): void {
  const node = state.nodes.get(fact.node);
  if (node === undefined) return;
  const held = node.held.get(attemptId(fact.job, fact.ordinal, fact.attempt));
  if (held !== undefined) {
    held.stopping = fact.why;
    held.requeue = fact.requeue;
    return;
  }
  // Its number must not be given again.
  const { ordinal, attempt } = fact;
  if (job !== undefined && ordinal < job.tasks.count && attempt > highestAttempt(job, ordinal))
    job.tasks.set(ordinal, 'met', attempt);
  // A stray attempt that the node brought along: it takes room until it is gone.
  holdRoom(node, {
    job: fact.job,
    ordinal: fact.ordinal,
    attempt: fact.attempt,
    cpus: job?.spec.cpus ?? 1,
    memoryBytes: job?.spec.memoryBytes ?? 0,
    resources: job?.spec.resources ?? {},
    current: false,
    startedAt: null,
    assignedAt: fact.at,
    number: 0,
    recalled: false,
    stopping: fact.why,
    requeue: false,
    progress: null,
  });
}

function move(state: State, job: JobRecord, ordinal: number, to: TaskState): void {
  const counts = ownCounts(job);
  const from = job.tasks.state(ordinal);
  job.tasks.setState(ordinal, to);
  counts[from]--;
  counts[to]++;
  state.totals[from]--;
  state.totals[to]++;
}

function goneAstray(job: JobRecord, { ordinal, attempt }: Attempt): void {
  const astray = ownAstray(job);
  const others = astray.get(ordinal);
  if (others === undefined) astray.set(ordinal, [attempt]);
  else if (!others.includes(attempt)) others.push(attempt);
}

function foundAgain(job: JobRecord, { ordinal, attempt }: Attempt): void {
  if (job.astray.size === 0) return;
  const astray = ownAstray(job);
  const rest = astray.get(ordinal)?.filter((other) => other !== attempt);
  if (rest === undefined) return;
  if (rest.length === 0) astray.delete(ordinal);
  else astray.set(ordinal, rest);
}

function heldBy(state: State, name: string, fact: Extract<Fact, { attempt: number }>) {
  return state.nodes.get(name)?.held.get(attemptId(fact.job, fact.ordinal, fact.attempt));
}

function release(state: State, name: string, fact: { job: number; ordinal: number; attempt: number }): void {
  const node = state.nodes.get(name);
  if (node !== undefined) releaseRoom(node, attemptId(fact.job, fact.ordinal, fact.attempt));
}
