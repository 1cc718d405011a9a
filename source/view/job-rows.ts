/** The rows of the jobs screen. */
import type { JobSpec } from '../model/job.ts';
import type { JobRow } from '../model/report.ts';
import type { Json } from '../model/shape.ts';
import type { Learned } from '../scheduler/learned.ts';
import { type JobRecord, jobState, type State } from '../scheduler/state.ts';
import { type Columns, matcher } from './filter.ts';
import type { Look } from './look.ts';
import { type Page, pageOf } from './page.ts';
import { etaMs, jobRow } from './report.ts';

const stateOrder = { running: 0, queued: 1, failed: 2, cancelled: 3, succeeded: 4 };

/** Returns the rows that a look at the jobs wants; the natural order is the newest first. */
export function jobPage(state: State, now: number, look: Look): Page<JobRow> & { total: number } {
  const columns = columnsAt(state.learned, now);
  const matches = matcher(look.filter, columns, textOf);
  const total = state.jobs.size;
  if (matches === null && !isSorted(look) && !look.reverse) return { ...newest(state, now, look), total };
  const items: JobRecord[] = [];
  for (const job of state.jobs.values()) if (matches === null || matches(job)) items.push(job);
  // Equal keys keep the order of items: newest first there too.
  items.reverse();
  const page = pageOf(items, keyOf(state.learned, look, now), look, (job) => String(job.id) === look.selected);
  return { ...page, rows: page.rows.map((job) => jobRow(state, job, now)), total };
}

function isSorted(look: Look): boolean {
  return ['name', 'state', 'tasks', 'done', 'failed', 'eta'].includes(look.sort);
}

/** Ids grow: the newest are found from the highest down, without a walk over all jobs. */
function newest(state: State, now: number, look: Look): Page<JobRow> {
  const rows: JobRow[] = [];
  const selected = look.selected === null ? Number.NaN : Number(look.selected);
  const selectedIsThere = state.jobs.has(selected);
  let selectedAt = -1;
  let place = 0;
  for (let id = state.nextJob - 1; id > 0; id--) {
    if (rows.length >= look.rows && (!selectedIsThere || selectedAt >= 0)) break;
    const job = state.jobs.get(id);
    if (job === undefined) continue;
    if (id === selected) selectedAt = place;
    if (place >= look.top && rows.length < look.rows) rows.push(jobRow(state, job, now));
    place++;
  }
  return { rows, matched: state.jobs.size, selectedAt };
}

function columnsAt(learned: Learned, now: number): Columns<JobRecord> {
  return {
    job: (job) => job.id,
    name: (job) => job.spec.name,
    state: (job) => jobState(job),
    tasks: (job) => job.spec.span.count,
    done: (job) => job.counts.succeeded,
    queued: (job) => job.counts.queued,
    running: (job) => job.counts.running,
    failed: (job) => job.counts.failed + job.counts.lost,
    priority: (job) => job.spec.priority,
    by: (job) => job.by,
    eta: (job) => etaMs(learned, job, now),
  };
}

function keyOf(learned: Learned, look: Look, now: number): ((job: JobRecord) => number | string | null) | null {
  switch (look.sort) {
    case 'name':
      return (job) => job.spec.name;
    case 'state':
      return (job) => stateOrder[jobState(job)];
    case 'tasks':
      return (job) => -job.spec.span.count;
    case 'done':
      return (job) => -job.counts.succeeded;
    case 'failed':
      return (job) => -(job.counts.failed + job.counts.lost);
    case 'eta':
      return (job) => etaMs(learned, job, now);
    default:
      return null;
  }
}

function textOf(job: JobRecord): string {
  return `${job.id} ${job.spec.name} ${jobState(job)} ${job.by}`;
}

/** What a job runs, as one would write it; at most about 200 characters. */
export function workText(spec: JobSpec): string {
  const { work } = spec;
  if (work.kind === 'task') {
    return work.input === null ? work.task : `${work.task} ${brief(work.input, 2)}`.slice(0, 200);
  }
  let text = '';
  for (const argument of work.argv) {
    if (text.length > 200) break;
    const quoted = work.shell || /^[\w@%+=:,./{}#-]+$/.test(argument) ? argument : `'${argument.slice(0, 200)}'`;
    text += text === '' ? quoted : ` ${quoted}`;
  }
  return text.slice(0, 200);
}

/** The beginning of a JSON value: inputs may be large, and a look must not cost more for that. */
function brief(value: Json, depth: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 100));
  if (value === null || typeof value !== 'object') return String(value);
  if (depth === 0) return '…';
  if (Array.isArray(value)) {
    const shown = value.slice(0, 8).map((one) => brief(one, depth - 1));
    return `[${shown.join(',')}${value.length > 8 ? ',…' : ''}]`;
  }
  const names = Object.keys(value);
  const shown = names.slice(0, 8).map((name) => `${name.slice(0, 40)}:${brief(value[name] ?? null, depth - 1)}`);
  return `{${shown.join(',')}${names.length > 8 ? ',…' : ''}}`;
}
