/** The rows of tasks: those that nodes hold now, of the whole fleet or of one node, and those of one job. */

import { indexOf, stateCode, taskId, taskStates } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { type Infer, nullable, optional, real, struct, text, word } from '../model/shape.ts';
import type { Held, JobRecord, NodeState, State } from '../scheduler/state.ts';
import { nodeOf } from '../scheduler/state.ts';
import { type Columns, matcher } from './filter.ts';
import type { Look } from './look.ts';
import { type Page, pageOf } from './page.ts';
import { taskRow } from './report.ts';

const count = real(0);

export const taskLineShape = struct({
  task: text(limits.nameLength),
  job: count,
  /** The job's name. */
  name: text(limits.reasonLength),
  index: count,
  state: word(taskStates),
  node: nullable(text(limits.nameLength)),
  attempt: count,
  exitCode: nullable(real()),
  queuedAt: count,
  startedAt: nullable(count),
  endedAt: nullable(count),
  runMs: nullable(count),
  cpuMs: nullable(count),
  /** What went wrong, what is being done to it, or what it says itself. */
  note: text(limits.textLength),
  /** How far it says that it is, 0–1. */
  progress: optional(nullable(real(0, 1)), null),
});
export type TaskLine = Infer<typeof taskLineShape>;

export type TaskPage = Page<TaskLine> & {
  total: number;
  /** How many rows were looked through, where that was not all of them; else null. */
  searched: number | null;
};

/** Rows looked through for one window: a filter over a job of millions must not hold up the coordinator. */
const searchLimit = 100_000;

interface Item {
  job: JobRecord;
  ordinal: number;
  held: Held | null;
  node: NodeState | null;
}

/** Returns the attempts that nodes hold: all of them, or those of one node. */
export function heldPage(state: State, node: NodeState | null, look: Look): TaskPage {
  const nodes = node === null ? state.nodes.values() : [node];
  const matches = matcher(look.filter, columnsOf(state), textOf);
  const items: Item[] = [];
  let total = 0;
  let searched = 0;
  for (const one of nodes) {
    total += one.held.size;
    for (const held of one.held.values()) {
      if (searched >= searchLimit) break;
      searched++;
      const job = held.current ? state.jobs.get(held.job) : undefined;
      if (job === undefined) continue;
      const item: Item = { job, ordinal: held.ordinal, held, node: one };
      if (matches === null || matches(item)) items.push(item);
    }
  }
  const page = pageOf(items, keyOf(look), look, (item) => idOf(item) === look.selected);
  return {
    ...page,
    rows: page.rows.map((item) => taskLine(state, item)),
    total,
    searched: searched < total ? searched : null,
  };
}

/** Returns tasks of one job; its natural order, by index, costs nothing however many there are. */
export function jobTaskPage(state: State, job: JobRecord, look: Look): TaskPage {
  const total = job.tasks.count;
  const matches = matcher(look.filter, columnsOf(state), textOf);
  const key = total > searchLimit ? null : keyOf(look);
  const itemAt = (ordinal: number): Item => ({ job, ordinal, held: null, node: null });
  if (matches === null && key === null) return { ...naturalPage(state, job, look, itemAt), total, searched: null };
  const searched = Math.min(total, searchLimit);
  const items: Item[] = [];
  for (let ordinal = 0; ordinal < searched; ordinal++) {
    const item = itemAt(ordinal);
    if (matches === null || matches(item)) items.push(item);
  }
  const page = pageOf(items, key, look, (item) => idOf(item) === look.selected);
  return {
    ...page,
    rows: page.rows.map((item) => taskLine(state, item)),
    total,
    searched: searched < total ? searched : null,
  };
}

function naturalPage(state: State, job: JobRecord, look: Look, itemAt: (ordinal: number) => Item): Page<TaskLine> {
  const total = job.tasks.count;
  const rows: TaskLine[] = [];
  for (let place = look.top; place < Math.min(total, look.top + look.rows); place++)
    rows.push(taskLine(state, itemAt(look.reverse ? total - 1 - place : place)));
  let selectedAt = -1;
  if (look.selected !== null) {
    const { first, step } = job.spec.span;
    const ordinal = (Number(look.selected.slice(look.selected.indexOf('.') + 1)) - first) / step;
    if (Number.isInteger(ordinal) && ordinal >= 0 && ordinal < total)
      selectedAt = look.reverse ? total - 1 - ordinal : ordinal;
  }
  return { rows, matched: total, selectedAt };
}

function idOf({ job, ordinal }: Item): string {
  return taskId(job.id, indexOf(job.spec.span, ordinal));
}

function columnsOf(state: State): Columns<Item> {
  return {
    job: ({ job }) => job.id,
    name: ({ job }) => job.spec.name,
    index: ({ job, ordinal }) => indexOf(job.spec.span, ordinal),
    state: ({ job, ordinal }) => job.tasks.state(ordinal),
    node: ({ job, ordinal, node }) => (node ?? nodeOf(state, job, ordinal))?.name ?? null,
    attempt: ({ job, ordinal }) => job.tasks.get(ordinal, 'attempt'),
    exit: ({ job, ordinal }) => job.tasks.get(ordinal, 'exitCode'),
    run: ({ job, ordinal }) => job.tasks.get(ordinal, 'runMs'),
  };
}

function textOf(item: Item): string {
  const { job, ordinal } = item;
  return `${idOf(item)} ${job.spec.name} ${job.tasks.state(ordinal)} ${item.node?.name ?? ''} ${job.tasks.error(ordinal) ?? ''}`;
}

const notEnded = new Set<number>([stateCode.queued, stateCode.assigned, stateCode.running]);

function keyOf(look: Look): ((item: Item) => number | string | null) | null {
  switch (look.sort) {
    case 'task':
      // Of one job this is the order in which they come.
      return look.screen === 'job' ? null : ({ job, ordinal }) => job.id * limits.tasksPerJob + ordinal;
    case 'state':
      // What is under way first, then what failed.
      return ({ job, ordinal }) => {
        const code = stateCode[job.tasks.state(ordinal)];
        return notEnded.has(code) ? stateCode.running - code : code === stateCode.succeeded ? 99 : code;
      };
    case 'started':
      return ({ job, ordinal }) => -known(job.tasks.get(ordinal, 'startedAt'), 0);
    case 'run':
      return ({ job, ordinal }) => -known(job.tasks.get(ordinal, 'runMs'), 0);
    case 'attempt':
      return ({ job, ordinal }) => -job.tasks.get(ordinal, 'attempt');
    case 'node':
      return ({ job, ordinal, node }) => node?.place ?? job.tasks.get(ordinal, 'place');
    default:
      return null;
  }
}

function taskLine(state: State, { job, ordinal, held, node }: Item): TaskLine {
  const row = taskRow(state, job, ordinal);
  return {
    task: row.task,
    job: job.id,
    name: job.spec.name,
    index: row.index,
    state: row.state,
    node: node?.name ?? row.node,
    attempt: row.attempt,
    exitCode: row.exitCode,
    queuedAt: row.queuedAt,
    startedAt: row.startedAt,
    endedAt: row.endedAt,
    runMs: orNull(job.tasks.get(ordinal, 'runMs')),
    cpuMs: orNull(job.tasks.get(ordinal, 'cpuMs')),
    note: held?.stopping !== null && held !== null ? `stopping: ${held.stopping}` : (row.error ?? row.note ?? ''),
    progress: row.progress,
  };
}

function known(value: number, otherwise: number): number {
  return Number.isNaN(value) ? otherwise : value;
}

function orNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
