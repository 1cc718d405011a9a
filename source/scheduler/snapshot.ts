/**
 * The state as records of plain arrays, numbers, strings and bytes, for the journal and for the keyframes of a trace. Two
 * states that the same facts led to give equal snapshots, also where one of them went through a snapshot on the way: what
 * follows from the rest (sums, lanes, indexes, who waits for whom) is left out and made anew.
 *
 * Samples are observations that the journal does not keep. Without them (the default) a snapshot is the same for a live
 * coordinator and for one that recovered; a keyframe of a trace has them too.
 */
import { taskStates } from '../model/job.ts';
import { PassingMap } from '../model/passing-map.ts';
import { ShapeError } from '../model/shape.ts';
import { enqueueJob, waitingAgain } from './lanes.ts';
import { durationsOf, pairsOf, speedsOf } from './learned.ts';
import { ordinalHeap } from './ordinal-heap.ts';
import { OrdinalMap } from './ordinal-map.ts';
import { countSampled, holdRoom } from './room.ts';
import { type RecordOf, type SnapshotRecord, snapshotRecords, snapshotVersion } from './snapshot-shape.ts';
import { emptyState, type JobRecord, type NodeState, newJob, ownCounts, type State } from './state.ts';
import { TaskTable } from './task-table.ts';

export { type SnapshotRecord, snapshotRecords };

/**
 * Plain data for MessagePack: one array a record, the first of which begins with the version. No record is larger than
 * a few hundred KB, so that it may be written and read record by record.
 */
export type Snapshot = readonly (readonly unknown[])[];

/** Returns the state as plain data that shares nothing with it that changes. `samples`: with what the nodes reported. */
export function takeSnapshot(state: State, options?: { samples?: boolean }): Snapshot {
  const records: unknown[][] = [];
  for (const record of recordsOf(state, options)) records.push(snapshotRecords.pack(record));
  return records;
}

/** Yields the records, which share with the state what changes: each is to be used before the state goes on. */
export function* recordsOf(
  state: State,
  { samples = false }: { samples?: boolean } = {},
): Generator<SnapshotRecord, void, undefined> {
  yield {
    ...state,
    kind: 'head',
    version: snapshotVersion,
    software: state.version,
    places: state.places.length,
  };
  for (const node of state.nodes.values())
    yield { ...node, kind: 'node', held: [...node.held.values()], observed: samples ? node : null };
  for (const job of state.jobs.values()) {
    yield jobRecord(job);
    for (const chunk of job.tasks.chunks()) yield { kind: 'chunk', job: job.id, ...chunk };
  }
  const { kinds, speeds } = state.learned;
  for (const [name, durations] of kinds) yield { kind: 'durations', name, counts: pairsOf(durations) };
  for (const [node, speed] of speeds) yield { kind: 'speed', node, counts: pairsOf(speed) };
  yield* state.acts;
}

function jobRecord(job: JobRecord): RecordOf<'job'> {
  const { state: rest, at: restAt } = job.tasks.rest;
  const { fresh, returned } = waitingAgain(job);
  return {
    ...job,
    kind: 'job',
    waitsFor: [...job.waitsFor],
    fresh,
    returned: runsOf(returned),
    delayed: [...job.delayed].sort(([a], [b]) => a - b),
    astray: [...job.astray].sort(([a], [b]) => a - b).map(([ordinal, attempts]) => [ordinal, [...attempts]]),
    rest,
    restAt,
  };
}

/** Returns the state that a snapshot was taken of. Throws ShapeError where it is none, or one of a newer version. */
export function restoreSnapshot(snapshot: Iterable<unknown>): State {
  const restoring = snapshotRestorer();
  for (const raw of snapshot) {
    const record = snapshotRecords.unpack(raw);
    if (record !== null) restoring.take(record); // of a newer lbtop, which says by the version whether we can do without it
  }
  return restoring.end();
}

/**
 * Takes the records of a snapshot one after the other, so that nobody needs them all at once; `end` returns the state.
 * Both throw as `restoreSnapshot`.
 */
export function snapshotRestorer(): { take(record: SnapshotRecord): void; end(): State } {
  const state = emptyState();
  let headed = false;
  return {
    take(record) {
      if (headed === (record.kind === 'head')) throw new ShapeError('a snapshot begins with its head and has one');
      headed = true;
      restoreRecord(state, record);
    },
    end() {
      if (!headed) throw new ShapeError('a snapshot begins with its head and has one');
      for (const job of state.jobs.values()) finishJob(state, job);
      return state;
    },
  };
}

function restoreRecord(state: State, record: SnapshotRecord): void {
  switch (record.kind) {
    case 'head':
      restoreHead(state, record);
      return;
    case 'node':
      restoreNode(state, record);
      return;
    case 'job':
      restoreJob(state, record);
      return;
    case 'durations':
      state.learned.kinds.set(record.name, durationsOf(record.counts));
      return;
    case 'speed':
      state.learned.speeds.set(record.node, speedsOf(record.counts));
      return;
    case 'acted':
      state.acts.push(record);
      return;
    case 'chunk':
      if (state.jobs.get(record.job)?.tasks.restore(record) !== true)
        throw new ShapeError(`a snapshot with tasks that job ${record.job} does not have`);
  }
}

function restoreHead(state: State, { kind: _, version, software, places, ...plain }: RecordOf<'head'>): void {
  if (version !== snapshotVersion)
    throw new ShapeError(`a snapshot of version ${version}: this lbtop reads version ${snapshotVersion}`);
  Object.assign(state, plain, { version: software });
  for (let place = 0; place < places; place++) state.places.push(undefined);
}

function restoreNode(state: State, { kind: _, held, observed, ...plain }: RecordOf<'node'>): void {
  const node: NodeState = {
    ...plain,
    sample: observed?.sample ?? null,
    sampledAt: observed?.sampledAt ?? null,
    seen: observed?.seen ?? 0,
    held: new PassingMap(),
    usedCpus: 0,
    usedMemoryBytes: 0,
    usedResources: new Map(),
    unseenCpus: 0,
    sampledCpus: 0,
    endedCpus: 0,
    running: 0,
    assigned: 0,
  };
  for (const one of held) holdRoom(node, { ...one, progress: null });
  node.drained = plain.drained;
  countSampled(node);
  if (observed !== null) {
    node.sampledCpus = observed.sampledCpus;
    node.endedCpus = observed.endedCpus;
  }
  state.nodes.set(node.name, node);
  state.places[node.place] = node;
}

function restoreJob(state: State, record: RecordOf<'job'>): void {
  const { id, by, submittedAt } = record;
  const { stdin } = record.spec;
  // What was decoded are views of a whole snapshot's bytes.
  const spec = stdin === null ? record.spec : { ...record.spec, stdin: Uint8Array.from(stdin) };
  const tasks = TaskTable.ofRest(spec.span.count, record.rest, record.restAt);
  const job = newJob(id, spec, by, submittedAt, tasks);
  job.endedAt = record.endedAt;
  job.endState = record.endState;
  job.closedWhy = record.closedWhy;
  job.ranCount = record.ranCount;
  job.ranMs = record.ranMs;
  job.fresh = record.fresh;
  if (record.waitsFor.length > 0) job.waitsFor = new Set(record.waitsFor);
  if (record.returned.length > 0) job.returned = ordinalHeap(expanded(record.returned));
  if (record.delayed.length > 0) job.delayed = new OrdinalMap(record.delayed);
  if (record.astray.length > 0) job.astray = new OrdinalMap(record.astray);
  state.jobs.set(id, job);
}

/** Makes anew what follows from a job's tasks. */
function finishJob(state: State, job: JobRecord): void {
  const counts = job.tasks.countStates();
  // Else it stays as all others of one task are that is queued.
  if (counts.queued < job.tasks.count) Object.assign(ownCounts(job), counts);
  for (const name of taskStates) state.totals[name] += job.counts[name];
  if (job.delayed.size > 0) state.delayedJobs.add(job.id);
  if (job.spec.key !== null) state.keys.set(job.spec.key, job.id);
  for (const before of job.waitsFor) {
    const dependents = state.dependents.get(before);
    if (dependents === undefined) state.dependents.set(before, [job.id]);
    else dependents.push(job.id);
  }
  enqueueJob(state, job);
}

/** Returns ascending numbers as runs: [1, 2, 3, 7] as [[1, 3], [7, 7]]. */
function runsOf(numbers: readonly number[]): [number, number][] {
  const runs: [number, number][] = [];
  for (const number of numbers) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}

function expanded(runs: readonly (readonly [number, number])[]): number[] {
  const numbers: number[] = [];
  for (const [from, to] of runs) for (let number = from; number <= to; number++) numbers.push(number);
  return numbers;
}
