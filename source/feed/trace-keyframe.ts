/**
 * Keyframes: a state as it stands after so many facts of a trace. A keyframe is
 *
 *   [core, jobs, series]
 *
 * `core`    the snapshot of scheduler/snapshot.ts with the samples and without the jobs
 * `jobs`    references to pages of jobs, three numbers each: a group g, block, place. Group g has the jobs whose id
 *           divided by 64 is g; a group without jobs is not there
 * `series`  what trace-series.ts says, or null
 *
 * A page of jobs is a list of `[records]` or `[records, table]`: the snapshot's records of the job, and where it has more
 * than 128 tasks, instead of its tasks, their table as trace-tables.ts says. Jobs stand in order of their ids.
 */

import type { Fact } from '../model/fact.ts';
import { taskStates } from '../model/job.ts';
import { roundedSample } from '../model/node.ts';
import { ShapeError } from '../model/shape.ts';
import { restoreSnapshot, takeSnapshot } from '../scheduler/snapshot.ts';
import { emptyState, type JobRecord, type State } from '../scheduler/state.ts';
import type { Series } from '../view/series.ts';
import { packValue, unpackValue } from '../wire/codec.ts';
import { type PageBlock, type PageReader, type PageRef, packRefs, pageGatherer, unpackRefs } from './trace-pages.ts';
import { type EventTrack, packSeries, unpackSeries } from './trace-series.ts';
import {
  BareTable,
  packTable,
  type StoredTable,
  smallTable,
  type TableTrack,
  touchAll,
  touchRow,
  trackTable,
  unpackTable,
} from './trace-tables.ts';

const jobsPerGroup = 64;

/** A keyframe before it is squeezed. */
export interface Captured {
  number: number;
  at: number;
  payload: Buffer;
  /** Pages that this keyframe and those after it name; they stand before it. */
  pages: PageBlock[];
}

/** Makes keyframes of a state that goes on changing. */
export interface Keyframes {
  /** Says that a fact was applied. Has to see every one. */
  note(fact: Fact): void;
  /** Returns the state as it is now. Takes time with what changed since the last keyframe. */
  capture(): Captured;
  /** Forgets what was written: the next keyframe needs none before it. */
  restart(): void;
}

/** What is known of a job that keyframes tell of. */
interface JobTrack {
  /** Null for a small job. */
  table: TableTrack | null;
}

/** What a trace that goes on has already: the greatest numbers, and the instant that none of what follows lies before. */
export interface KeyframesBefore {
  readonly keyframe: number;
  readonly page: number;
  readonly until: number;
}

/** Returns the keyframes of `state`, and of `series` where there are any. */
export function keyframes(
  state: State,
  series: Series | null,
  before: KeyframesBefore = { keyframe: 0, page: 0, until: 0 },
): Keyframes {
  const gatherer = pageGatherer(before.page + 1);
  let number = before.keyframe;
  let jobs = new Map<number, JobTrack>();
  let groups = new Map<number, PageRef>();
  let changed = new Set<number>();
  let events: EventTrack = { pages: [] };
  /** job → jobs that wait for its end: they change when it comes. */
  let followers = new Map<number, number[]>();

  function restart(): void {
    jobs = new Map();
    groups = new Map();
    changed = new Set();
    followers = new Map();
    events = { pages: [] };
    for (const job of state.jobs.values()) follow(job, true);
  }

  function follow(job: JobRecord, written: boolean): void {
    const small = job.spec.span.count <= smallTable;
    const table = small ? null : written ? trackTable(job.tasks) : { pages: new Map(), changed: new Set<number>() };
    jobs.set(job.id, { table });
    changed.add(groupOf(job.id));
    for (const before of job.waitsFor) {
      const others = followers.get(before);
      if (others === undefined) followers.set(before, [job.id]);
      else others.push(job.id);
    }
  }

  function note(fact: Fact): void {
    if (!('job' in fact)) return;
    if (fact.kind === 'job-submitted') {
      const job = state.jobs.get(fact.job);
      if (job !== undefined) follow(job, false);
      return;
    }
    const track = jobs.get(fact.job);
    if (track === undefined) return;
    changed.add(groupOf(fact.job));
    switch (fact.kind) {
      case 'assigned':
      case 'started':
      case 'ended':
      case 'requeued':
        if (track.table !== null) touchRow(track.table, fact.ordinal);
        return;
      case 'job-closed':
        if (track.table !== null) touchAll(track.table);
        return;
      case 'job-ended':
        for (const id of followers.get(fact.job) ?? []) changed.add(groupOf(id));
        followers.delete(fact.job);
        return;
      case 'job-purged':
        jobs.delete(fact.job);
        followers.delete(fact.job);
    }
  }

  function writeGroup(group: number): void {
    const entries: unknown[] = [];
    let size = 0;
    for (let id = group * jobsPerGroup; id < (group + 1) * jobsPerGroup; id++) {
      const job = state.jobs.get(id);
      if (job === undefined) continue;
      const table = jobs.get(id)?.table ?? null;
      if (table === null) entries.push([recordsOf(job)]);
      else {
        const records = recordsOf({ ...job, tasks: new BareTable(job.tasks) });
        entries.push([records, packTable(job.tasks, job.counts, table, gatherer)]);
      }
      size += 256 + (job.spec.stdin?.length ?? 0) + (table === null ? job.spec.span.count * 64 : table.pages.size * 8);
    }
    if (entries.length === 0) groups.delete(group);
    else groups.set(group, gatherer.add(entries, size));
  }

  restart();
  return {
    note,
    restart,
    capture() {
      for (const group of [...changed].sort((a, b) => a - b)) writeGroup(group);
      changed.clear();
      const core = takeSnapshot({ ...state, jobs: new Map(), nodes: withRounded(state.nodes) }, { samples: true });
      const inOrder = [...groups].sort(([a], [b]) => a - b);
      const told = series === null ? null : packSeries(series, events, gatherer);
      const payload = packValue([core, packRefs(inOrder), told]);
      return { number: ++number, at: Math.max(before.until, instantOf(state)), payload, pages: gatherer.take() };
    },
  };
}

/** The instant of the last fact: the state's own leaves samples aside. */
export function instantOf(state: State): number {
  let { at } = state;
  for (const { sampledAt } of state.nodes.values()) if (sampledAt !== null && sampledAt > at) at = sampledAt;
  return at;
}

/** The nodes with samples as the facts of the trace have them: what is restored is what is folded. */
function withRounded(nodes: State['nodes']): State['nodes'] {
  const out: State['nodes'] = new Map();
  for (const [name, node] of nodes)
    out.set(name, node.sample === null ? node : { ...node, sample: roundedSample(node.sample) });
  return out;
}

function groupOf(job: number): number {
  return Math.floor(job / jobsPerGroup);
}

/** The snapshot's records of one job: all but the head of a snapshot of it alone. */
function recordsOf(job: JobRecord): unknown[] {
  return takeSnapshot({ ...emptyState(), jobs: new Map([[job.id, job]]) }).slice(1);
}

/** A state to go on from. */
export interface Restored {
  state: State;
  /** Null where none was recorded. */
  series: Series | null;
}

/**
 * Returns the state of a keyframe. `read` is asked for the pages of jobs and events now, for those of tasks when somebody
 * looks at them. Throws PlainError or ShapeError where it is no keyframe that this version can use.
 */
export function restoreKeyframe(payload: Buffer, read: PageReader): Restored {
  const raw = unpackValue(payload);
  if (!Array.isArray(raw) || !Array.isArray(raw[0])) throw new ShapeError('expected a keyframe');
  const [core, refs, told] = raw;
  const records: unknown[] = [...core];
  const tables: unknown[] = [];
  for (const ref of unpackRefs(refs).values()) {
    const entries = read(ref);
    if (!Array.isArray(entries)) throw new ShapeError('expected a page of jobs');
    for (const entry of entries) {
      if (!Array.isArray(entry) || !Array.isArray(entry[0])) throw new ShapeError('expected a job');
      records.push(...entry[0]);
      tables.push(entry[1] ?? null);
    }
  }
  const state = restoreSnapshot(records);
  if (state.jobs.size !== tables.length) throw new ShapeError('expected a table for each job');
  let next = 0;
  for (const job of state.jobs.values()) {
    const table = tables[next++];
    if (table !== null) replaceTable(state, job, unpackTable(job.spec.span.count, table, read));
  }
  return { state, series: told === null || told === undefined ? null : unpackSeries(told, read) };
}

function replaceTable(state: State, job: JobRecord, { tasks, counts }: StoredTable): void {
  for (const name of taskStates) state.totals[name] += counts[name] - job.counts[name];
  state.jobs.set(job.id, { ...job, tasks, counts });
}
