/** What draining nodes would do, before it is done. Pure: nothing is decided here. */
import { indexOf, type JobSpec, taskId } from '../model/job.ts';
import { mightTake } from './admission.ts';
import { remainingMs } from './learned.ts';
import type { Held, NodeState, State } from './state.ts';

/** A task that is at a node which would drain. */
export interface LeavingTask {
  readonly task: string;
  /** False: it would return to the queue at once. */
  readonly running: boolean;
  readonly ranMs: number;
  /** How much longer it is expected to run; null where nothing is known of its kind, and for what has not started. */
  readonly leftMs: number | null;
  /** No other node that is there and active has what it needs: stopped or not started, it would wait. */
  readonly stuck: boolean;
}

export interface LeavingNode {
  readonly node: string;
  readonly tasks: readonly LeavingTask[];
  /** Until nothing runs there any more; null where of a running task nothing is known. */
  readonly leftMs: number | null;
}

export interface DrainPreview {
  readonly nodes: readonly LeavingNode[];
  /** Jobs with tasks that wait now and could run on none of the nodes that remain. */
  readonly stuckJobs: readonly number[];
  readonly remaining: { readonly nodes: number; readonly slots: number };
}

/** Returns what draining the named nodes (those that are known) would do at `now`. */
export function drainPreview(state: State, names: readonly string[], now: number): DrainPreview {
  const leaving = new Set(names.flatMap((name) => state.nodes.get(name) ?? []));
  const others = [...state.nodes.values()].filter((node) => !leaving.has(node));
  const able = new Map<JobSpec, boolean>();
  const stuck = (spec: JobSpec) => {
    let takes = able.get(spec);
    if (takes === undefined) {
      takes = others.some((node) => mightTake(node, spec));
      able.set(spec, takes);
    }
    return !takes;
  };
  const stuckJobs: number[] = [];
  for (const job of state.jobs.values())
    if (job.endedAt === null && job.counts.queued > 0 && stuck(job.spec)) stuckJobs.push(job.id);
  const remaining = others.filter(
    ({ health, intent }) => (health === 'up' || health === 'suspect') && intent === 'active',
  );
  return {
    nodes: [...leaving].map((node) => leavingNode(state, node, stuck, now)),
    stuckJobs,
    remaining: { nodes: remaining.length, slots: remaining.reduce((sum, { info }) => sum + info.slots, 0) },
  };
}

function leavingNode(state: State, node: NodeState, stuck: (spec: JobSpec) => boolean, now: number): LeavingNode {
  const tasks = [...node.held.values()].flatMap((held) => leavingTask(state, node, held, stuck, now) ?? []);
  let leftMs: number | null = 0;
  for (const task of tasks) {
    if (!task.running) continue;
    leftMs = leftMs === null || task.leftMs === null ? null : Math.max(leftMs, task.leftMs);
  }
  return { node: node.name, tasks, leftMs };
}

function leavingTask(
  state: State,
  node: NodeState,
  { job: id, ordinal, startedAt, current }: Held,
  stuck: (spec: JobSpec) => boolean,
  now: number,
): LeavingTask | undefined {
  const spec = state.jobs.get(id)?.spec;
  if (spec === undefined || !current) return undefined;
  const running = startedAt !== null;
  const ranMs = running ? Math.max(0, now - startedAt) : 0;
  return {
    task: taskId(id, indexOf(spec.span, ordinal)),
    running,
    ranMs,
    leftMs: running ? remainingMs(state.learned, spec, node.name, ranMs) : null,
    stuck: stuck(spec),
  };
}
