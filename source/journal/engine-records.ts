/**
 * Where the records of an engine's journal are: an index in memory, made from the rows of all batches, of which of them
 * is of use still. The bytes stay in the engine.
 */
import { eachRow, type GatheredRecord } from './batch-bytes.ts';

/** Bytes in the data of a batch. */
export interface Ref {
  readonly seq: number;
  readonly at: number;
  readonly bytes: number;
}

export interface ResultRef extends Ref {
  readonly attempt: number;
}

export interface PieceRef extends Ref {
  readonly attempt: number;
  readonly stream: number;
  readonly offset: number;
  readonly cut: number;
}

export interface TaskRefs {
  result: ResultRef | null;
  /** In order of attempt, stream and offset. */
  pieces: PieceRef[];
}

export interface RecordIndex {
  /** The last batch whose rows were added. */
  readonly seq: number;
  /** Adds the rows of a batch, in order of batches. */
  add(seq: number, rows: Float64Array): void;
  task(job: number, ordinal: number): TaskRefs | undefined;
  /** Ordinals `from` … before `end` of which there is something, in order. */
  ordinals(job: number, from: number, end: number): number[];
  /** The parts in order. */
  items(job: number): Ref[];
  /** Batches none of whose records is of use any more: to be removed from the engine in this order, and no other. */
  takeDead(): number[];
}

interface Job {
  tasks: Map<number, TaskRefs>;
  items: Map<number, Ref>;
  /** Batches that have records of it. */
  batches: Set<number>;
}

interface Rows {
  /** Records that are of use. */
  live: number;
  jobs: Set<number>;
}

/** A job that was forgotten: its tombstone has to outlast whatever rows there are of it. */
interface Forgotten {
  seq: number;
  batches: Set<number>;
}

/** Returns an empty index. */
export function recordIndex(): RecordIndex {
  const jobs = new Map<number, Job>();
  const batches = new Map<number, Rows>();
  const forgotten = new Map<number, Forgotten>();
  let dead: number[] = [];
  let last = 0;

  function jobOf(id: number): Job {
    let job = jobs.get(id);
    if (job === undefined) {
      job = { tasks: new Map(), items: new Map(), batches: new Set() };
      jobs.set(id, job);
    }
    return job;
  }

  function taskOf(job: Job, ordinal: number): TaskRefs {
    let task = job.tasks.get(ordinal);
    if (task === undefined) {
      task = { result: null, pieces: [] };
      job.tasks.set(ordinal, task);
    }
    return task;
  }

  function release({ seq }: Ref): void {
    const rows = batches.get(seq);
    if (rows === undefined) return;
    rows.live -= 1;
    if (rows.live === 0 && seq !== last) bury(seq, rows);
  }

  function bury(seq: number, rows: Rows): void {
    batches.delete(seq);
    dead.push(seq);
    for (const id of rows.jobs) {
      jobs.get(id)?.batches.delete(seq);
      const gone = forgotten.get(id);
      if (gone?.batches.delete(seq) === true && gone.batches.size === 0) {
        forgotten.delete(id);
        release({ seq: gone.seq, at: 0, bytes: 0 });
      }
    }
  }

  function forget(id: number, seq: number): void {
    const job = jobs.get(id);
    if (job === undefined) return;
    jobs.delete(id);
    job.batches.delete(seq);
    // Held by the tombstone's own count until the last of them is gone.
    (batches.get(seq) as Rows).live += 1;
    forgotten.set(id, { seq, batches: job.batches });
    const refs: Ref[] = [...job.items.values()];
    for (const { result, pieces } of job.tasks.values()) {
      if (result !== null) refs.push(result);
      for (const piece of pieces) refs.push(piece);
    }
    for (const ref of refs) release(ref);
    if (job.batches.size === 0 && forgotten.delete(id)) release({ seq, at: 0, bytes: 0 });
  }

  function put(seq: number, row: GatheredRecord, at: number, bytes: number): void {
    const { kind, attempt, offset, cut } = row;
    if (kind === 'forget') return forget(row.job, seq);
    const rows = batches.get(seq) as Rows;
    const job = jobOf(row.job);
    job.batches.add(seq);
    rows.jobs.add(row.job);
    rows.live += 1;
    const ref = { seq, at, bytes };
    if (kind === 'items') {
      if (row.number === 0) for (const one of job.items.values()) release(one);
      if (row.number === 0) job.items.clear();
      const before = job.items.get(row.number);
      if (before !== undefined) release(before);
      job.items.set(row.number, ref);
    } else if (kind === 'result') {
      const task = taskOf(job, row.ordinal);
      if (task.result !== null && task.result.attempt > attempt) return release(ref);
      if (task.result !== null) release(task.result);
      task.result = { ...ref, attempt };
    } else putPiece(taskOf(job, row.ordinal), { ...ref, attempt, stream: row.number, offset, cut });
  }

  function putPiece(task: TaskRefs, piece: PieceRef): void {
    if (piece.offset === 0 && task.pieces.some(({ attempt }) => attempt < piece.attempt)) {
      for (const one of task.pieces) if (one.attempt < piece.attempt) release(one);
      task.pieces = task.pieces.filter(({ attempt }) => attempt >= piece.attempt);
    }
    const { pieces } = task;
    let place = pieces.length;
    while (place > 0 && compare(pieces[place - 1] as PieceRef, piece) > 0) place -= 1;
    const before = pieces[place - 1];
    if (before === undefined || compare(before, piece) !== 0) pieces.splice(place, 0, piece);
    else if (piece.bytes + piece.cut < before.bytes + before.cut) release(piece);
    else {
      release(before);
      pieces[place - 1] = piece;
    }
  }

  return {
    get seq() {
      return last;
    },
    add(seq, rows) {
      last = seq;
      const mine: Rows = { live: 0, jobs: new Set() };
      batches.set(seq, mine);
      eachRow(rows, (row, at, bytes) => put(seq, row, at, bytes));
      last = seq;
      if (mine.live === 0) bury(seq, mine);
    },
    task: (job, ordinal) => jobs.get(job)?.tasks.get(ordinal),
    ordinals(job, from, end) {
      const { tasks } = jobs.get(job) ?? { tasks: new Map<number, TaskRefs>() };
      const found: number[] = [];
      if (end - from < tasks.size) {
        for (let ordinal = from; ordinal < end; ordinal++) if (tasks.has(ordinal)) found.push(ordinal);
        return found;
      }
      for (const ordinal of tasks.keys()) if (ordinal >= from && ordinal < end) found.push(ordinal);
      return found.sort((a, b) => a - b);
    },
    items: (job) => [...(jobs.get(job)?.items ?? [])].sort(([a], [b]) => a - b).map(([, ref]) => ref),
    takeDead() {
      const taken = dead;
      dead = [];
      return taken;
    },
  };
}

function compare(a: PieceRef, b: PieceRef): number {
  return a.attempt - b.attempt || a.stream - b.stream || a.offset - b.offset;
}
