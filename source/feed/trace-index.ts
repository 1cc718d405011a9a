/** The index of a trace: what one needs to know of a stretch of it without reading it. trace-format.ts says what it is. */
import { int, list, real, struct } from '../model/shape.ts';
import { packValue, unpackValue } from '../wire/codec.ts';
import { type IncidentMark, incidentKinds } from './trace-incident.ts';

/** Where a keyframe stands. */
export interface KeyframeAt {
  number: number;
  at: number;
  offset: number;
  /** Facts and events before it. */
  facts: number;
  events: number;
}

/** Where a block of pages stands. */
export interface PagesAt {
  number: number;
  offset: number;
}

export interface GapAt {
  at: number;
  /** 0: nobody knows. */
  missing: number;
}

export interface IndexEntry {
  /** Offset of the index before; 0: none. */
  previous: number;
  keyframes: KeyframeAt[];
  pages: PagesAt[];
  incidents: IncidentMark[];
  gaps: GapAt[];
  /** Facts and events up to here. */
  facts: number;
  events: number;
}

const most = 16 * 1024 * 1024;
const whole = int(0, Number.MAX_SAFE_INTEGER);
const instant = real();
const shape = struct({
  previous: whole,
  keyframes: list(struct({ number: whole, at: instant, offset: whole, facts: whole, events: whole }), most),
  pages: list(struct({ number: whole, offset: whole }), most),
  incidents: list(struct({ at: instant, kind: int(0, 255), count: whole }), most),
  gaps: list(struct({ at: instant, missing: whole }), most),
  facts: whole,
  events: whole,
});

/** Returns the payload of an index block. */
export function packIndex(entry: IndexEntry): Buffer {
  const incidents = entry.incidents.map(({ at, kind, count }) => ({ at, kind: incidentKinds.indexOf(kind), count }));
  return packValue(shape.pack({ ...entry, incidents }));
}

/** Returns what the payload of an index block says, without incidents of unknown kinds. Throws PlainError or ShapeError. */
export function unpackIndex(payload: Buffer): IndexEntry {
  const raw = shape.unpack(unpackValue(payload));
  const incidents: IncidentMark[] = [];
  for (const { at, kind, count } of raw.incidents) {
    const name = incidentKinds[kind];
    if (name !== undefined) incidents.push({ at, kind: name, count });
  }
  return { ...raw, incidents };
}
