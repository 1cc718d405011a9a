/**
 * What is known of each task of one job. A task that was never touched costs nothing: memory is taken in chunks of up to
 * 1,024 rows, 62 bytes each, when the first task of a chunk is placed or ends. A chunk is one buffer, so that a job of
 * one task stays small too, and a snapshot copies it as it stands (little endian on every machine).
 */
import { type EndState, stateCode, type TaskState, taskStates } from '../model/job.ts';
import { type KnownOfOrdinals, nothingKnown, OrdinalMap } from './ordinal-map.ts';

/** Tasks whose rows are kept together. */
const chunkSize = 1_024;
const chunkBits = 10;

/** The columns that hold a plain number; `layout` says where. New ones are appended, so that old snapshots stay readable. */
export type Column = keyof typeof layout;

type Cell = 'u8' | 'u16' | 'i32' | 'f32' | 'f64';
type ColumnLayout = readonly [type: Cell, offset: number, untouched: number];

const layout = {
  /** How the last attempt parted from its node: bits of `parting`. */
  parting: ['u8', 1, 0],
  attempt: ['u16', 2, 0],
  /** Failed tries that count against `--retries`. */
  tries: ['u16', 4, 0],
  /** Nodes that were lost while this task ran on them. */
  losses: ['u8', 6, 0],
  /** Attempts, one after the other, that could not be started. */
  unfits: ['u8', 7, 0],
  /** `NodeState.place` of the node that has it or had it last; -1: none. */
  place: ['i32', 8, -1],
  /** Instants; NaN: never. */
  queuedAt: ['f64', 12, Number.NaN],
  startedAt: ['f64', 20, Number.NaN],
  endedAt: ['f64', 28, Number.NaN],
  /** -1: none. */
  exitCode: ['f64', 36, -1],
  /** NaN: not known. */
  runMs: ['f32', 44, Number.NaN],
  cpuMs: ['f32', 48, Number.NaN],
  peakBytes: ['f64', 52, Number.NaN],
  /** The highest number of an attempt that was met again after a crash of the machine had taken its facts. */
  met: ['u16', 60, 0],
} as const satisfies Record<string, ColumnLayout>;
const rowBytes = 62;

/** How the last attempt of a task that is queued again parted from its node. */
export const parting = {
  /** It had begun, and was not charged as a try: the next attempt does its work a second time. */
  begun: 1,
  /** It had no luck there: better another node, where one has room. */
  elsewhere: 2,
} as const;

/** Returns the highest number that an attempt of a task has, as far as is known. */
export function highestAttempt({ tasks }: { tasks: TaskTable }, ordinal: number): number {
  return Math.max(tasks.get(ordinal, 'attempt'), tasks.get(ordinal, 'met'));
}

/** Number of tasks in each state. */
export type Counts = Record<TaskState, number>;

export function noCounts(): Counts {
  return { queued: 0, assigned: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0, skipped: 0, lost: 0 };
}

/** A touched chunk in a snapshot: its rows as bytes. */
export interface TableChunk {
  number: number;
  rowBytes: number;
  rows: Uint8Array;
  errors: [ordinal: number, error: string][];
}

/** All of a table, for comparing. */
export interface TableSnapshot {
  rest: TaskState;
  restAt: number | null;
  chunks: TableChunk[];
}

const noChunks: readonly undefined[] = [];

export class TaskTable {
  readonly count: number;
  /** Shared by all tables without any, as are their errors: of a million jobs most are never touched. */
  #chunks: readonly (DataView | undefined)[] = noChunks;
  #errors: KnownOfOrdinals<string> = nothingKnown;
  /** The state of every task that was never touched. */
  #rest: TaskState = 'queued';
  /** Null: they have not ended. */
  #restAt: number | null = null;

  constructor(count: number) {
    this.count = count;
  }

  state(ordinal: number): TaskState {
    const chunk = this.#chunks[ordinal >> chunkBits];
    return chunk === undefined ? this.#rest : (taskStates[chunk.getUint8(offsetOf(ordinal))] as TaskState);
  }

  setState(ordinal: number, state: TaskState): void {
    this.#touch(ordinal).setUint8(offsetOf(ordinal), stateCode[state]);
  }

  get(ordinal: number, column: Column): number {
    const chunk = this.#chunks[ordinal >> chunkBits];
    if (chunk === undefined) return column === 'endedAt' ? this.#endedAt : layout[column][2];
    const [type, within] = layout[column];
    return read(chunk, type, offsetOf(ordinal) + within);
  }

  set(ordinal: number, column: Column, value: number): void {
    const [type, within] = layout[column];
    write(this.#touch(ordinal), type, offsetOf(ordinal) + within, value);
  }

  error(ordinal: number): string | null {
    return this.#errors.get(ordinal) ?? null;
  }

  setError(ordinal: number, error: string | null): void {
    if (error !== null) this.#ownErrors().set(ordinal, error);
    else if (this.#errors.size > 0) this.#ownErrors().delete(ordinal);
  }

  /**
   * Ends all tasks that are queued: those in touched chunks one by one, all others at once.
   * Returns how many they were.
   */
  endQueued(state: EndState, at: number): number {
    let ended = 0;
    const chunks = Math.ceil(this.count / chunkSize);
    for (let number = 0; number < chunks; number++) {
      const chunk = this.#chunks[number];
      const rows = this.#rowsOf(number);
      if (chunk === undefined) {
        if (this.#rest === 'queued') ended += rows;
        continue;
      }
      for (let row = 0; row < rows; row++) {
        if (chunk.getUint8(row * rowBytes) !== stateCode.queued) continue;
        chunk.setUint8(row * rowBytes, stateCode[state]);
        chunk.setFloat64(row * rowBytes + layout.endedAt[1], at, true);
        ended++;
      }
    }
    if (this.#rest === 'queued') {
      this.#rest = state;
      this.#restAt = at;
    }
    return ended;
  }

  /** Returns how many tasks are in each state; takes time with the touched chunks alone. */
  countStates(): Counts {
    const counts = noCounts();
    let touched = 0;
    this.#chunks.forEach((chunk, number) => {
      if (chunk === undefined) return;
      const rows = this.#rowsOf(number);
      touched += rows;
      for (let row = 0; row < rows; row++) counts[taskStates[chunk.getUint8(row * rowBytes)] as TaskState]++;
    });
    counts[this.#rest] += this.count - touched;
    return counts;
  }

  /** The state of the tasks that were never touched, and since when they have ended (null: they have not). */
  get rest(): { state: TaskState; at: number | null } {
    return { state: this.#rest, at: this.#restAt };
  }

  /** Returns copies of the touched chunks and of the errors of their tasks, in ascending order. */
  chunks(): TableChunk[] {
    const chunks: TableChunk[] = [];
    const errors = [...this.#errors].sort(([a], [b]) => a - b);
    let next = 0;
    this.#chunks.forEach((chunk, number) => {
      if (chunk === undefined) return;
      const from = next;
      while (next < errors.length && (errors[next] as [number, string])[0] >> chunkBits === number) next++;
      chunks.push({ number, rowBytes, rows: new Uint8Array(chunk.buffer).slice(), errors: errors.slice(from, next) });
    });
    return chunks;
  }

  /** Returns a copy of everything. */
  snapshot(): TableSnapshot {
    return { rest: this.rest.state, restAt: this.rest.at, chunks: this.chunks() };
  }

  /** Returns a table of `count` tasks of which none was touched; `restore` gives it the others. */
  static ofRest(count: number, state: TaskState, at: number | null): TaskTable {
    const table = new TaskTable(count);
    table.#rest = state;
    table.#restAt = at;
    return table;
  }

  /**
   * Takes a chunk as `chunks` gave it, in this version or an older one: columns that it did not have keep their
   * defaults. Returns false where it does not belong to a table of this size.
   */
  restore({ number, rowBytes: theirs, rows: bytes, errors }: TableChunk): boolean {
    const rows = this.#rowsOf(number);
    if (rows <= 0 || bytes.length !== rows * theirs) return false;
    const chunk = new Uint8Array(this.#touch(number * chunkSize).buffer);
    const known = Math.min(theirs, rowBytes);
    for (let row = 0; row < rows; row++) {
      if ((bytes[row * theirs] as number) >= taskStates.length) return false;
      chunk.set(bytes.subarray(row * theirs, row * theirs + known), row * rowBytes);
    }
    for (const [ordinal, error] of errors) this.#ownErrors().set(ordinal, error);
    return true;
  }

  get #endedAt(): number {
    return this.#restAt ?? Number.NaN;
  }

  #ownChunks(): (DataView | undefined)[] {
    if (this.#chunks === noChunks) this.#chunks = [];
    return this.#chunks as (DataView | undefined)[];
  }

  #ownErrors(): OrdinalMap<string> {
    if (this.#errors === nothingKnown) this.#errors = new OrdinalMap<string>();
    return this.#errors as OrdinalMap<string>;
  }

  #rowsOf(number: number): number {
    return Math.min(chunkSize, this.count - number * chunkSize);
  }

  #touch(ordinal: number): DataView {
    const number = ordinal >> chunkBits;
    let chunk = this.#chunks[number];
    if (chunk === undefined) {
      const bytes = new Uint8Array(this.#rowsOf(number) * rowBytes);
      bytes.set(untouchedRow);
      chunk = new DataView(bytes.buffer);
      chunk.setUint8(0, stateCode[this.#rest]);
      chunk.setFloat64(layout.endedAt[1], this.#endedAt, true);
      for (let filled = rowBytes; filled < bytes.length; filled *= 2) bytes.copyWithin(filled, 0, filled);
      this.#ownChunks()[number] = chunk;
    }
    return chunk;
  }
}

/** A row of which nothing is known. */
const untouchedRow = ((): Uint8Array => {
  const row = new DataView(new ArrayBuffer(rowBytes));
  for (const [type, within, untouched] of Object.values(layout)) write(row, type, within, untouched);
  return new Uint8Array(row.buffer);
})();

function offsetOf(ordinal: number): number {
  return (ordinal & (chunkSize - 1)) * rowBytes;
}

function read(chunk: DataView, type: Cell, offset: number): number {
  switch (type) {
    case 'u8':
      return chunk.getUint8(offset);
    case 'u16':
      return chunk.getUint16(offset, true);
    case 'i32':
      return chunk.getInt32(offset, true);
    case 'f32':
      return chunk.getFloat32(offset, true);
    case 'f64':
      return chunk.getFloat64(offset, true);
  }
}

function write(chunk: DataView, type: Cell, offset: number, value: number): void {
  switch (type) {
    case 'u8':
      return chunk.setUint8(offset, value);
    case 'u16':
      return chunk.setUint16(offset, value, true);
    case 'i32':
      return chunk.setInt32(offset, value, true);
    case 'f32':
      return chunk.setFloat32(offset, value, true);
    case 'f64':
      return chunk.setFloat64(offset, value, true);
  }
}
