/**
 * Tasks in keyframes. The rows of a big job are kept in pages of 128, of which a keyframe writes those that changed; a
 * reader takes them when somebody looks, so that going to an instant costs the same after ten tasks and after a million.
 */
import { type EndState, type TaskState, taskStates } from '../model/job.ts';
import { limits } from '../model/limits.ts';
import { type Infer, int, list, nullable, real, ShapeError, struct, text, word } from '../model/shape.ts';
import { type Column, type TableChunk, TaskTable } from '../scheduler/task-table.ts';
import { type PageGatherer, type PageReader, type PageRef, packRefs, unpackRefs } from './trace-pages.ts';

const pageBits = 7;
const pageRows = 1 << pageBits;
/** As a table's own chunks. */
const chunkBits = 10;
const chunkRows = 1 << chunkBits;
const pagesPerChunk = chunkRows / pageRows;

/** Jobs up to this size have no pages: their tasks stand beside them. */
export const smallTable = pageRows;

/** Which pages of a table changed since they were written, and where those that did not are. */
export interface TableTrack {
  readonly pages: Map<number, PageRef>;
  readonly changed: Set<number>;
}

/** Returns the track of a table of which nothing is written yet. */
export function trackTable(tasks: TaskTable): TableTrack {
  const track: TableTrack = { pages: new Map(), changed: new Set() };
  for (const { number } of tasks.chunks()) touchChunk(track, number);
  return track;
}

/** Says that a task changed. */
export function touchRow({ changed }: TableTrack, ordinal: number): void {
  changed.add(ordinal >> pageBits);
}

/** Says that any task that was touched before may have changed. */
export function touchAll(track: TableTrack): void {
  const chunks = new Set<number>();
  for (const known of [track.pages.keys(), track.changed])
    for (const page of known) chunks.add(Math.floor(page / pagesPerChunk));
  for (const chunk of chunks) touchChunk(track, chunk);
}

function touchChunk({ changed }: TableTrack, chunk: number): void {
  for (let page = 0; page < pagesPerChunk; page++) changed.add(chunk * pagesPerChunk + page);
}

const tableShape = struct({
  rest: word(taskStates),
  restAt: nullable(real(0)),
  rowBytes: int(1, 65_535),
  counts: list(int(0, limits.tasksPerJob), taskStates.length),
});
const errorsShape = list(struct({ ordinal: int(0, limits.tasksPerJob), error: text(limits.textLength) }), pageRows);

/**
 * Adds the changed pages to the gatherer; returns the table as a keyframe has it: `[rest, restAt, rowBytes, counts,
 * references]`: the state of the tasks that were never touched and since when they have ended, bytes a row, how many
 * tasks are in each state, and where the pages are. A page is `[rows, errors]`: the first byte of every row, then the
 * second of every row, …, and pairs of ordinal and error.
 */
export function packTable(
  tasks: TaskTable,
  counts: Readonly<Record<TaskState, number>>,
  track: TableTrack,
  gatherer: PageGatherer,
): unknown[] {
  let width = 1;
  for (const { number, rowBytes, rows, errors } of tasks.chunks()) {
    width = rowBytes;
    for (let place = 0; place < pagesPerChunk; place++) {
      const page = number * pagesPerChunk + place;
      if (!track.changed.has(page)) continue;
      const ofPage = rows.subarray(place * pageRows * rowBytes, (place + 1) * pageRows * rowBytes);
      if (ofPage.length === 0) continue;
      const told = errors.filter(([ordinal]) => ordinal >> pageBits === page);
      const size = told.reduce((sum, [, error]) => sum + error.length, ofPage.length);
      track.pages.set(page, gatherer.add([turned(ofPage, rowBytes), told], size));
    }
  }
  track.changed.clear();
  const { state, at } = tasks.rest;
  const packed = { rest: state, restAt: at, rowBytes: width, counts: taskStates.map((name) => counts[name]) };
  return [...(tableShape.pack(packed) as unknown[]), packRefs(track.pages)];
}

/** Bytes of the same place in their rows side by side: they resemble each other. */
function turned(rows: Uint8Array, rowBytes: number): Uint8Array {
  const count = rows.length / rowBytes;
  const out = new Uint8Array(rows.length);
  for (let row = 0, at = 0; row < count; row++)
    for (let byte = 0; byte < rowBytes; byte++) out[byte * count + row] = rows[at++] as number;
  return out;
}

/** Stands for the table of a job that is written without its rows. */
export class BareTable extends TaskTable {
  readonly #of: TaskTable;

  constructor(of: TaskTable) {
    super(of.count);
    this.#of = of;
  }

  override get rest(): TaskTable['rest'] {
    return this.#of.rest;
  }

  override state(ordinal: number): TaskState {
    return this.#of.state(ordinal);
  }

  override get(ordinal: number, column: Column): number {
    return this.#of.get(ordinal, column);
  }
}

/** A table as a keyframe has it, and the number of its tasks in each state. */
export interface StoredTable {
  tasks: TaskTable;
  counts: Record<TaskState, number>;
}

/** Returns a table of `count` tasks as `packTable` wrote it; rows are read when they are asked for. Throws ShapeError. */
export function unpackTable(count: number, raw: unknown, read: PageReader): StoredTable {
  if (!Array.isArray(raw)) throw new ShapeError('expected a table of tasks');
  const stored = tableShape.unpack(raw);
  const counts = taskStates.map((state, code) => [state, stored.counts[code] ?? 0]);
  return {
    tasks: new PagedTable(count, stored, unpackRefs(raw[4]), read),
    counts: Object.fromEntries(counts) as Record<TaskState, number>,
  };
}

type Stored = Infer<typeof tableShape>;

/** A table whose touched chunks are read when they are needed. Every member of a table that needs rows is here. */
export class PagedTable extends TaskTable {
  readonly #stored: Stored;
  readonly #pages: ReadonlyMap<number, PageRef>;
  readonly #read: PageReader;
  /** Numbers of the chunks that are not read yet. */
  readonly #waiting = new Set<number>();

  constructor(count: number, stored: Stored, pages: ReadonlyMap<number, PageRef>, read: PageReader) {
    super(count);
    // Of an empty table all tasks are the rest.
    if (stored.rest !== 'queued') super.endQueued(stored.rest as EndState, stored.restAt ?? Number.NaN);
    this.#stored = stored;
    this.#pages = pages;
    this.#read = read;
    for (const page of pages.keys()) {
      const number = Math.floor(page / pagesPerChunk);
      if (number * chunkRows < count) this.#waiting.add(number);
    }
  }

  override state(ordinal: number): TaskState {
    this.#need(ordinal);
    return super.state(ordinal);
  }

  override setState(ordinal: number, state: TaskState): void {
    this.#need(ordinal);
    super.setState(ordinal, state);
  }

  override get(ordinal: number, column: Column): number {
    this.#need(ordinal);
    return super.get(ordinal, column);
  }

  override set(ordinal: number, column: Column, value: number): void {
    this.#need(ordinal);
    super.set(ordinal, column, value);
  }

  override error(ordinal: number): string | null {
    this.#need(ordinal);
    return super.error(ordinal);
  }

  override setError(ordinal: number, error: string | null): void {
    this.#need(ordinal);
    super.setError(ordinal, error);
  }

  override endQueued(state: EndState, at: number): number {
    this.#needAll();
    return super.endQueued(state, at);
  }

  override countStates(): Record<TaskState, number> {
    this.#needAll();
    return super.countStates();
  }

  override chunks(): TableChunk[] {
    this.#needAll();
    return super.chunks();
  }

  override restore(chunk: TableChunk): boolean {
    this.#waiting.delete(chunk.number);
    return super.restore(chunk);
  }

  #need(ordinal: number): void {
    if (this.#waiting.size > 0 && this.#waiting.has(ordinal >> chunkBits)) this.#load(ordinal >> chunkBits);
  }

  #needAll(): void {
    for (const number of [...this.#waiting]) this.#load(number);
  }

  #load(number: number): void {
    this.#waiting.delete(number);
    try {
      const { bytes, errors } = this.#rowsOf(number);
      super.restore({ number, rowBytes: this.#stored.rowBytes, rows: bytes, errors });
    } catch {
      // The reader has noted the damage; nothing is known of these tasks then, and the rest is to be seen all the same.
    }
  }

  #rowsOf(number: number): { bytes: Uint8Array; errors: TableChunk['errors'] } {
    const { rowBytes } = this.#stored;
    const rows = Math.min(chunkRows, this.count - number * chunkRows);
    const bytes = new Uint8Array(rows * rowBytes);
    // A page that was never written: its tasks are as they were when the chunk was touched for others.
    const untouched = this.#untouchedRow();
    for (let at = 0; at < bytes.length; at += rowBytes) bytes.set(untouched.subarray(0, rowBytes), at);
    const errors: TableChunk['errors'] = [];
    for (let place = 0; place < pagesPerChunk; place++) {
      const ref = this.#pages.get(number * pagesPerChunk + place);
      const count = Math.min(pageRows, rows - place * pageRows);
      if (ref === undefined || count <= 0) continue;
      const page = pageOf(this.#read(ref));
      if (page.columns.length !== count * rowBytes) throw new ShapeError('expected the rows of a page');
      bytes.set(turned(page.columns, count), place * pageRows * rowBytes);
      for (const { ordinal, error } of page.errors) errors.push([ordinal, error]);
    }
    return { bytes, errors };
  }

  #untouchedRow(): Uint8Array {
    const { rest, restAt } = this.#stored;
    const table = TaskTable.ofRest(1, rest, restAt);
    table.setState(0, rest);
    return table.chunks()[0]?.rows ?? new Uint8Array(0);
  }
}

function pageOf(raw: unknown): { columns: Uint8Array; errors: Infer<typeof errorsShape> } {
  if (!Array.isArray(raw) || !(raw[0] instanceof Uint8Array)) throw new ShapeError('expected rows of tasks');
  return { columns: raw[0], errors: errorsShape.unpack(raw[1]) };
}
