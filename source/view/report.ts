/** The rows of the contract's JSON, made of the state: what commands print and what the interface builds on. */
import { indexOf, taskId } from '../model/job.ts';
import { attemptId } from '../model/node.ts';
import type { JobRow, NodeRow, Status, TaskRow } from '../model/report.ts';
import { type Learned, meanMs } from '../scheduler/learned.ts';
import { type JobRecord, jobState, type NodeState, nodeOf, type State } from '../scheduler/state.ts';
import { quantilesOf } from './quantiles.ts';
import { type Series, throughput } from './series.ts';

/** What only the process that holds the state knows. */
export interface Footprint {
  journalBytes: number;
  rssBytes: number;
}

/** Returns the answer to `status` at the instant `now`. */
export function statusOf(state: State, series: Series, now: number, footprint: Footprint): Status {
  const nodes = { up: 0, suspect: 0, lost: 0, paused: 0, draining: 0, drained: 0 };
  const slots = { total: 0, busy: 0 };
  for (const node of state.nodes.values()) {
    if (node.health !== 'left') nodes[node.health]++;
    if (node.intent === 'paused') nodes.paused++;
    if (node.intent === 'draining') nodes[node.drained ? 'drained' : 'draining']++;
    if (isThere(node)) {
      slots.total += node.info.slots;
      slots.busy += node.running;
    }
  }
  const [waitP50 = null, waitP99 = null] = quantilesOf(series.waits, now, [0.5, 0.99]);
  const [runP50 = null, runP99 = null] = quantilesOf(series.runs, now, [0.5, 0.99]);
  return {
    version: state.version,
    uptimeMs: Math.max(0, now - state.startedAt),
    policy: state.policy,
    queue: state.discipline,
    queuePaused: state.queuePaused,
    nodes,
    slots,
    tasks: { ...state.totals },
    reexecuted: state.reexecuted,
    lateResults: state.lateResults,
    throughput: {
      perSecond1s: throughput(series, now, 1),
      perSecond10s: throughput(series, now, 10),
      perSecond60s: throughput(series, now, 60),
    },
    latencyMs: { waitP50, waitP99, runP50, runP99 },
    ...footprint,
  };
}

/** Returns true where a node counts as part of the fleet: it is up, or silent for so short that it may be. */
export function isThere(node: NodeState): boolean {
  return node.health === 'up' || node.health === 'suspect';
}

/** Returns one node as `nodes` shows it. */
export function nodeRow(node: NodeState, now: number): NodeRow {
  const { info, sample } = node;
  return {
    name: node.name,
    health: node.health,
    intent: node.intent,
    drained: node.drained,
    reason: node.reason === '' ? null : node.reason,
    overloaded: node.overloaded,
    cpu: sample?.cpu ?? null,
    cpuOurs: sample?.cpuOurs ?? null,
    cores: info.cores,
    cpuModel: info.cpuModel,
    memoryUsed: sample?.memoryUsed ?? null,
    memoryTotal: info.memoryTotal,
    load1: sample?.load1 ?? null,
    slots: info.slots,
    assigned: node.assigned,
    running: node.running,
    succeeded: node.succeeded,
    failed: node.failed,
    throttle: node.throttle,
    labels: info.labels,
    lastHeartbeatMs: node.sampledAt === null ? null : Math.max(0, now - node.sampledAt),
    address: node.address,
    direct: info.listen,
    version: info.version,
  };
}

/** Returns one job as `jobs` shows it. */
export function jobRow({ learned }: Pick<State, 'learned'>, job: JobRecord, now: number): JobRow {
  return {
    job: job.id,
    name: job.spec.name,
    state: jobState(job),
    tasks: job.spec.span.count,
    ...job.counts,
    submittedAt: job.submittedAt,
    endedAt: job.endedAt,
    etaMs: etaMs(learned, job, now),
  };
}

/**
 * Returns how long a job will still take if it goes on as until now, or null where nothing is known of its tasks or nothing
 * runs. Two estimates, of which each is too long in its own case: by the pace since submission (a job that waited first),
 * and by the mean duration (that of its own tasks, else what was learned of their kind) and the tasks that run now (short
 * tasks, of which few are seen running).
 */
export function etaMs(learned: Learned, job: JobRecord, now: number): number | null {
  if (job.endedAt !== null) return null;
  const { queued, assigned, running } = job.counts;
  const left = queued + assigned + running;
  if (left === 0 || assigned + running === 0) return null;
  const taskMs = job.ranCount > 0 ? job.ranMs / job.ranCount : meanMs(learned, job.spec);
  if (taskMs === null) return null;
  const byPace = job.ranCount > 0 ? (left * (now - job.submittedAt)) / job.ranCount : Number.POSITIVE_INFINITY;
  return Math.max(0, Math.min(byPace, (left * taskMs) / Math.max(1, running)));
}

/** Returns one task as `tasks` shows it. */
export function taskRow(state: State, job: JobRecord, ordinal: number): TaskRow {
  const { tasks } = job;
  const index = indexOf(job.spec.span, ordinal);
  const queuedAt = tasks.get(ordinal, 'queuedAt');
  const exitCode = tasks.get(ordinal, 'exitCode');
  return {
    task: taskId(job.id, index),
    index,
    state: tasks.state(ordinal),
    node: nodeOf(state, job, ordinal)?.name ?? null,
    attempt: tasks.get(ordinal, 'attempt'),
    exitCode: exitCode < 0 ? null : exitCode,
    queuedAt: Number.isNaN(queuedAt) ? job.submittedAt : queuedAt,
    startedAt: known(tasks.get(ordinal, 'startedAt')),
    endedAt: known(tasks.get(ordinal, 'endedAt')),
    error: tasks.error(ordinal) ?? closedWhy(job, ordinal),
    ...taskUse(job, ordinal),
    ...progressOf(state, job, ordinal),
  };
}

function progressOf(state: State, job: JobRecord, ordinal: number): Pick<TaskRow, 'progress' | 'note'> {
  const { tasks } = job;
  if (job.spec.work.kind !== 'task' || tasks.state(ordinal) !== 'running') return { progress: null, note: null };
  const held = nodeOf(state, job, ordinal)?.held.get(attemptId(job.id, ordinal, tasks.get(ordinal, 'attempt')));
  const { share = null, note = '' } = held?.progress ?? {};
  return { progress: share, note: note === '' ? null : note };
}

/** Of a task that was cancelled or skipped with others of its job: why; null of any other. */
export function closedWhy({ tasks, closedWhy: why }: JobRecord, ordinal: number): string | null {
  const state = tasks.state(ordinal);
  return why !== '' && (state === 'cancelled' || state === 'skipped') ? why : null;
}

/** What the last attempt of a task used; null where that is not known. Single floats: what is beyond a microsecond is noise. */
export function taskUse({ tasks }: JobRecord, ordinal: number): Pick<TaskRow, 'runMs' | 'cpuMs' | 'peakBytes'> {
  const ms = (column: 'runMs' | 'cpuMs'): number | null => {
    const value = tasks.get(ordinal, column);
    return Number.isNaN(value) ? null : Math.round(value * 1_000) / 1_000;
  };
  // Nothing that runs takes none: it was too short to be looked at.
  return { runMs: ms('runMs'), cpuMs: ms('cpuMs'), peakBytes: known(tasks.get(ordinal, 'peakBytes')) || null };
}

function known(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
