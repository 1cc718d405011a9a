/** What draining nodes would do, before it is done. Pure: nothing is decided here. */
import { indexOf, type JobSpec, taskId } from '../model/job.ts';
import type { DrainPreview, LeavingNode, LeavingTask } from '../model/report.ts';
import { mightTake } from './admission.ts';
import { remainingMs } from './learned.ts';
import type { Held, NodeState, State } from './state.ts';

/** So many tasks are told of all nodes together; counts are of all. */
const tasksTold = 1_000;
const jobsTold = 1_000;

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
  let untold = tasksTold;
  const nodes = [...leaving].map((node) => {
    const told = leavingNode(state, node, stuck, now, untold);
    untold -= told.tasks.length;
    return told;
  });
  const stuckJobs: number[] = [];
  for (const job of state.jobs.values())
    if (job.endedAt === null && job.counts.queued > 0 && stuckJobs.length < jobsTold && stuck(job.spec))
      stuckJobs.push(job.id);
  const remaining = others.filter(
    ({ health, intent }) => (health === 'up' || health === 'suspect') && intent === 'active',
  );
  return {
    nodes,
    stuckJobs,
    remaining: { nodes: remaining.length, slots: remaining.reduce((sum, { info }) => sum + info.slots, 0) },
  };
}

function leavingNode(
  state: State,
  node: NodeState,
  stuck: (spec: JobSpec) => boolean,
  now: number,
  most: number,
): LeavingNode {
  const tasks = [...node.held.values()].flatMap((held) => leavingTask(state, node, held, stuck, now) ?? []);
  tasks.sort((a, b) => Number(b.running) - Number(a.running));
  let leftMs: number | null = 0;
  for (const task of tasks) {
    if (!task.running) break;
    leftMs = leftMs === null || task.leftMs === null ? null : Math.max(leftMs, task.leftMs);
  }
  const running = tasks.filter((task) => task.running).length;
  return {
    node: node.name,
    running,
    assigned: tasks.length - running,
    stuck: tasks.filter((task) => task.stuck).length,
    leftMs,
    tasks: tasks.slice(0, most),
  };
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
