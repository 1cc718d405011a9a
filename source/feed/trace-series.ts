/** What is observed beside the state, in keyframes: a replay has its charts and its newest events from any instant on. */
import { facts } from '../model/fact.ts';
import { limits } from '../model/limits.ts';
import { eventLineShape } from '../model/report.ts';
import { ShapeError } from '../model/shape.ts';
import { isFailure } from '../view/event-line.ts';
import { emptySeries, firstEvent, type NodeHistory, type Series } from '../view/series.ts';
import type { PageGatherer, PageReader, PageRef } from './trace-pages.ts';

type Kept = Series['events'][number];
type Columns = Float64Array | Uint32Array | Uint8Array;

const eventsPerPage = 256;
/** About: where one block of pages ends and the next begins does not depend on more. */
const bytesPerEvent = 128;

/** Where the events that are written already are: pages of consecutive numbers. */
export interface EventTrack {
  pages: { from: number; to: number; ref: PageRef }[];
}

/**
 * Adds new events to the gatherer; returns the series as a keyframe has them: `[fields, nodes, returned, events]`. `fields`
 * is a map: numbers as they are, arrays of numbers as binary (little endian), groups of them as maps; `nodes` is a list of
 * `[node, cpu, ours, next, count]`, `returned` of `[node, tasks]`, `events` of `[from, to, block, place]`.
 * A page of events is a list of `[event line]`, `[fact of a failure, index, more]` or `[]` for one that was not kept.
 */
export function packSeries(series: Series, track: EventTrack, gatherer: PageGatherer): unknown[] {
  const { nodes, events, back, ...rest } = series;
  const oldest = firstEvent(series);
  track.pages = track.pages.filter(({ to }) => to > oldest);
  if (series.nextEvent > (track.pages.at(-1)?.to ?? 0)) {
    // A page is written again until it is full, so that few of them are to be read; and its last event may have changed:
    // failures that follow are counted on it.
    const last = track.pages.at(-1);
    if (last !== undefined && last.to - last.from < eventsPerPage) track.pages.pop();
    const from = Math.max(oldest, (track.pages.at(-1)?.to ?? 0) - 1);
    const page: unknown[] = [];
    for (let number = from; number < series.nextEvent; number++)
      page.push(packEvent(events[number % limits.eventsKept]));
    track.pages.push({ from, to: series.nextEvent, ref: gatherer.add(page, page.length * bytesPerEvent) });
  }
  return [
    packFields(rest),
    [...nodes].map(([name, { cpu, ours, next, count }]) => [name, cpu, ours, next, count]),
    [...back],
    track.pages.map(({ from, to, ref }) => [from, to, ref.block, ref.place]),
  ];
}

function packEvent(kept: Kept | undefined): unknown {
  if (kept === undefined) return [];
  if (kept.failure === null) return [eventLineShape.pack(kept.line)];
  return [facts.pack(kept.failure), kept.index, kept.more];
}

function packFields(from: object): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(from) as [string, unknown][]) {
    if (typeof value === 'number') out[name] = value;
    else if (isColumns(value)) out[name] = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    else if (typeof value === 'object' && value !== null) out[name] = packFields(value);
  }
  return out;
}

/** Returns the series that were packed; what does not fit is as in `emptySeries`. Throws where a page cannot be had. */
export function unpackSeries(raw: unknown, read: PageReader): Series {
  const series = emptySeries();
  if (!Array.isArray(raw)) return series;
  const [fields, nodes, back, events] = raw as unknown[];
  unpackFields(series, fields);
  for (const one of listOf(nodes)) {
    const history = historyOf(one);
    if (history !== null) series.nodes.set(String(one[0]), history);
  }
  for (const [name, count] of listOf(back))
    if (typeof name === 'string' && Number.isSafeInteger(count)) series.back.set(name, count as number);
  for (const [from, to, block, place] of listOf(events)) {
    unpackEvents(series, whole(from), whole(to), read({ block: whole(block), place: whole(place) }));
  }
  return series;
}

function unpackFields(into: object, raw: unknown): void {
  if (typeof raw !== 'object' || raw === null) return;
  const values = raw as Record<string, unknown>;
  const target = into as Record<string, unknown>;
  for (const [name, known] of Object.entries(into) as [string, unknown][]) {
    const value = values[name];
    if (typeof known === 'number') {
      // All of them count something; loops go from one to another.
      if (Number.isSafeInteger(value)) target[name] = value;
    } else if (isColumns(known)) {
      if (value instanceof Uint8Array && value.length === known.byteLength)
        new Uint8Array(known.buffer, known.byteOffset, known.byteLength).set(value);
    } else if (typeof known === 'object' && known !== null && !(known instanceof Map) && !Array.isArray(known))
      unpackFields(known, value);
  }
}

function isColumns(value: unknown): value is Columns {
  return ArrayBuffer.isView(value);
}

function historyOf([, cpu, ours, next, count]: unknown[]): NodeHistory | null {
  if (!(cpu instanceof Uint8Array) || !(ours instanceof Uint8Array) || cpu.length !== ours.length) return null;
  const history = { cpu: cpu.slice(), ours: ours.slice(), next: whole(next), count: whole(count) };
  return history.next < Math.max(1, cpu.length) && history.count <= cpu.length ? history : null;
}

function unpackEvents(series: Series, from: number, to: number, raw: unknown): void {
  const page = listOf(raw);
  for (let number = from; number < to && number - from < page.length; number++) {
    if (number < firstEvent(series) || number >= series.nextEvent) continue;
    const kept = unpackEvent(page[number - from] as unknown[]);
    if (kept !== null) series.events[number % limits.eventsKept] = kept;
  }
}

function unpackEvent(raw: unknown[]): Kept | null {
  if (raw.length === 0) return null;
  if (raw.length === 1) return { line: eventLineShape.unpack(raw[0]), failure: null };
  const failure = facts.unpack(raw[0]);
  if (failure === null || !isFailure(failure)) return null;
  return { line: null, failure, index: whole(raw[1]), more: whole(raw[2]) };
}

function listOf(raw: unknown): unknown[][] {
  if (!Array.isArray(raw) || !raw.every((one) => Array.isArray(one))) throw new ShapeError('expected a list of lists');
  return raw;
}

function whole(raw: unknown): number {
  if (!Number.isSafeInteger(raw) || (raw as number) < 0) throw new ShapeError('expected a whole number');
  return raw as number;
}
