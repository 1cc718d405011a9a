/**
 * What a screen shows of a state: the rows that are looked at, the totals, the graphs, the newest events. It is selected,
 * sorted and filtered where the state is, so that an interface costs the same for ten nodes and for ten thousand.
 */
import { limits } from '../model/limits.ts';
import { type EventLine, eventLineShape, jobRowShape, nodeRowShape } from '../model/report.ts';
import { bytes, type Infer, int, list, nullable, real, struct, text } from '../model/shape.ts';
import type { JobRecord, State } from '../scheduler/state.ts';
import { eventPage, eventRowShape } from './event-rows.ts';
import { jobPage, workText } from './job-rows.ts';
import { type Look, lookShape } from './look.ts';
import { nodeLine, nodeLineShape, nodePage } from './node-rows.ts';
import { jobRow, nodeRow } from './report.ts';
import { latest } from './ring.ts';
import { historyOf, lastEvents, lastEventsAbout, type Series, samplesKept } from './series.ts';
import { heldPage, jobTaskPage, taskLineShape } from './task-rows.ts';
import { totalsOf, totalsShape } from './totals.ts';

const count = real(0);
const values = list(count, 720);

/** A node looked at: what it says of itself, and its CPU over the last heartbeats in half percents. */
export const nodeDetailShape = struct({
  row: nodeRowShape,
  line: nodeLineShape,
  cpu: bytes(samplesKept),
  ours: bytes(samplesKept),
  host: text(limits.reasonLength),
  platform: text(limits.nameLength),
  joinedAt: count,
  memoryOurs: nullable(count),
});
export type NodeDetail = Infer<typeof nodeDetailShape>;

/** A job looked at. */
export const jobDetailShape = struct({
  row: jobRowShape,
  by: text(limits.reasonLength),
  /** What it runs. */
  work: text(limits.reasonLength),
  priority: real(),
  retries: count,
  meanMs: nullable(count),
});
export type JobDetail = Infer<typeof jobDetailShape>;

/** A recording that is being written. */
export const recordingShape = struct({
  file: text(limits.textLength),
  bytes: count,
  /** Why facts are not being written at the moment; '' where they are. */
  stalled: text(limits.textLength),
});
export type Recording = Infer<typeof recordingShape>;

export const windowShape = struct({
  /** The look that this answers. */
  look: lookShape,
  at: count,
  totals: totalsShape,
  /** Values of the graphs, oldest first, one each `bucketMs`. `ended` is a second's. */
  graphs: struct({ bucketMs: count, queued: values, running: values, ended: values }),
  /** Rows that there are, that match the filter; how many were looked through where that was not all. */
  total: count,
  matched: count,
  searched: nullable(count),
  /** Place of the first row among those that match, and of the selected one; -1 where it is not there. */
  top: count,
  selectedAt: int(-1, Number.MAX_SAFE_INTEGER),
  /** One of these has the rows: `nodes` (also for `charts`), `jobs`, `tasks` (also for `node` and `job`), `events`. */
  nodes: list(nodeLineShape, limits.windowRows),
  jobs: list(jobRowShape, limits.windowRows),
  tasks: list(taskLineShape, limits.windowRows),
  events: list(eventRowShape, limits.windowRows),
  /** Null on other screens, and where the node or the job is not there. */
  node: nullable(nodeDetailShape),
  job: nullable(jobDetailShape),
  /** The newest events, oldest first; of one node or one job, where that is looked at. */
  newest: list(eventLineShape, 200),
  /** Known only where it is written. */
  recording: nullable(recordingShape),
});
export type Window = Infer<typeof windowShape>;

type Rows = Pick<Window, 'nodes' | 'jobs' | 'tasks' | 'events' | 'node' | 'job'>;
type Found = Partial<Rows> & { total: number; matched: number; searched?: number | null; selectedAt: number };

/** Returns what a look sees at the instant `now`. Nothing of the state is changed or kept. */
export function selectWindow(state: State, series: Series, now: number, look: Look): Window {
  const found = find(state, series, now, look);
  return {
    look,
    at: now,
    totals: totalsOf(state, series, now),
    graphs: graphsOf(series, now, look),
    total: found.total,
    matched: found.matched,
    searched: found.searched ?? null,
    top: look.top,
    selectedAt: found.selectedAt,
    nodes: found.nodes ?? [],
    jobs: found.jobs ?? [],
    tasks: found.tasks ?? [],
    events: found.events ?? [],
    node: found.node ?? null,
    job: found.job ?? null,
    newest: newestEvents(series, look),
    recording: null,
  };
}

/** Returns the window as those may see it who are not to know what tasks run. */
export function maskedWindow(window: Window): Window {
  return window.job === null ? window : { ...window, job: { ...window.job, work: '(hidden from viewers)' } };
}

/** On the screen of one node or one job, those about it. */
function newestEvents(series: Series, { screen, of, events }: Look): EventLine[] {
  if (of === null || events === 0) return lastEvents(series, events);
  if (screen === 'node') return lastEventsAbout(series, events, (subject) => subject === of);
  const [job, task] = [`job ${of}`, `${of}.`];
  return lastEventsAbout(series, events, (subject) => subject === job || subject.startsWith(task));
}

function find(state: State, series: Series, now: number, look: Look): Found {
  switch (look.screen) {
    case 'nodes':
    case 'charts': {
      const { rows, ...page } = nodePage(state, series, now, look);
      return { ...page, nodes: rows };
    }
    case 'jobs': {
      const { rows, ...page } = jobPage(state, now, look);
      return { ...page, jobs: rows };
    }
    case 'events': {
      const { rows, ...page } = eventPage(series, look);
      return { ...page, events: rows };
    }
    case 'tasks': {
      const { rows, ...page } = heldPage(state, null, look);
      return { ...page, tasks: rows };
    }
    case 'node':
      return findNode(state, series, now, look);
    case 'job': {
      const job = look.of === null ? undefined : state.jobs.get(Number(look.of));
      if (job === undefined) return { total: 0, matched: 0, selectedAt: -1 };
      const { rows, ...page } = jobTaskPage(state, job, look);
      return { ...page, tasks: rows, job: jobDetail(state, job, now) };
    }
  }
}

function findNode(state: State, series: Series, now: number, look: Look): Found {
  const node = look.of === null ? undefined : state.nodes.get(look.of);
  if (node === undefined) return { total: 0, matched: 0, selectedAt: -1 };
  const { rows, ...page } = heldPage(state, node, look);
  const detail: NodeDetail = {
    row: nodeRow(node, now),
    line: nodeLine(state, node, series, now),
    cpu: historyOf(series, node.name, 'cpu'),
    ours: historyOf(series, node.name, 'ours'),
    host: node.info.host,
    platform: node.info.platform,
    joinedAt: node.joinedAt,
    memoryOurs: node.sample?.memoryOurs ?? null,
  };
  return { ...page, tasks: rows, node: detail };
}

function jobDetail(state: State, job: JobRecord, now: number): JobDetail {
  return {
    row: jobRow(state, job, now),
    by: job.by,
    work: workText(job.spec),
    priority: job.spec.priority,
    retries: job.spec.retries,
    meanMs: job.ranCount === 0 ? null : job.ranMs / job.ranCount,
  };
}

function graphsOf(series: Series, now: number, look: Look): Window['graphs'] {
  const { coarse } = look;
  const wanted = Math.min(look.values, (coarse ? series.queuedTens : series.queued).values.length);
  const ended = latest(coarse ? series.endedTens : series.ended, now, wanted, 0);
  return {
    bucketMs: coarse ? 10_000 : 1_000,
    queued: latest(coarse ? series.queuedTens : series.queued, now, wanted, series.queuedNow, true),
    running: latest(coarse ? series.runningTens : series.running, now, wanted, series.runningNow, true),
    ended: coarse ? ended.map((sum) => sum / 10) : ended,
  };
}
