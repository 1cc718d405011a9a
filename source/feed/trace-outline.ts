/** What a trace holds, without reading its facts: put together from its indexes and the blocks behind the newest one. */
import type { Fact } from '../model/fact.ts';
import { unpackFacts } from '../wire/fact-bytes.ts';
import { type Block, openTraceFile, readStart, type TraceFile } from './trace-file.ts';
import { headBytes, incidentFlag, packHead, pointerAt } from './trace-format.ts';
import { type IncidentMark, incidentList, incidentOf } from './trace-incident.ts';
import { type GapAt, type IndexEntry, type KeyframeAt, unpackIndex } from './trace-index.ts';

/** Returns the facts of a block; null where it is damaged. */
export function factsOf(source: TraceFile, block: Block): Fact[] | null {
  return unpackedOf(source, block, unpackFacts);
}

/** Returns what a block's payload is; null, and a note of damage, where it is not. */
export function unpackedOf<T>(source: TraceFile, block: Block, unpack: (payload: Buffer) => T): T | null {
  const payload = source.payload(block);
  if (payload === null) return null;
  try {
    return unpack(payload);
  } catch (error) {
    source.note(block.offset, error);
    return null;
  }
}

interface Outline {
  from: number;
  to: number;
  facts: number;
  events: number;
  keyframes: KeyframeAt[];
  incidents: IncidentMark[];
  gaps: GapAt[];
  /** Offsets of blocks of pages by their numbers. */
  pages: Map<number, number>;
}

/** Puts together what the indexes tell, and what the blocks after the last one are. */
export function outlineOf(source: TraceFile): Outline {
  const { entries, end, until } = indexesOf(source);
  const tail = tailOf(source, { end, until, last: entries.at(-1) });
  const incidents = incidentList();
  const outline = { keyframes: [] as KeyframeAt[], gaps: [] as GapAt[], pages: new Map<number, number>() };
  for (const entry of [...entries, tail]) {
    for (const keyframe of entry.keyframes) outline.keyframes.push(keyframe);
    for (const { number, offset } of entry.pages) outline.pages.set(number, offset);
    for (const { kind, at, count } of entry.incidents) incidents.add(kind, at, count);
    for (const gap of entry.gaps) outline.gaps.push(gap);
  }
  const { facts, events } = tail;
  const from = firstInstant(source, outline.keyframes[0]);
  return { ...outline, from, to: Math.max(tail.until, from), facts, events, incidents: [...incidents.marks] };
}

/** What stands behind the newest index, as the next index will tell it. */
interface Tail extends Omit<IndexEntry, 'previous'> {
  /** The instant of the last fact. */
  until: number;
  /** Where the last whole block ends. */
  end: number;
}

function tailOf(source: TraceFile, indexed: { end: number; until: number; last: IndexEntry | undefined }): Tail {
  const { last: before, until, end } = indexed;
  const tail: Tail = {
    ...{ keyframes: [], pages: [], incidents: [], gaps: [] },
    ...{ facts: before?.facts ?? 0, events: before?.events ?? 0, until, end },
  };
  const incidents = incidentList();
  let last: Block | null = null;
  for (const block of source.blocks(end)) {
    const { kind, at, count, offset } = block;
    tail.end = block.end;
    if (kind === 'keyframe') {
      const { facts, events } = tail;
      tail.keyframes.push({ number: count, at, offset, facts, events });
    } else if (kind === 'pages') tail.pages.push({ number: count, offset });
    else if (kind === 'gap') tail.gaps.push({ at, missing: count });
    else if (kind === 'facts') {
      tail.facts += count;
      tail.events += block.events;
      last = block;
      if ((block.flags & incidentFlag) === 0) continue;
      for (const fact of factsOf(source, block) ?? []) {
        const what = incidentOf(fact);
        if (what !== null) incidents.add(what, fact.at);
      }
    }
  }
  if (last !== null) tail.until = (factsOf(source, last) ?? []).at(-1)?.at ?? last.at;
  tail.incidents = [...incidents.marks];
  return tail;
}

/** Where and how a recording that has ended goes on. */
export interface Continuation extends Tail {
  /** Offset of the newest index; 0: none that can be used. */
  previous: number;
  /** The greatest numbers of keyframes and of blocks of pages so far. */
  keyframe: number;
  page: number;
}

/**
 * Returns how a recording goes on behind its last whole block; null where nothing is in the file, or no more than a piece of
 * its head. Throws LbtopError (usage) where it is no recording of this format.
 */
export function continuationOf(file: string): Continuation | null {
  const start = readStart(file);
  const ours = start.subarray(0, pointerAt);
  if (start.length < headBytes && packHead().subarray(0, ours.length).equals(ours)) return null;
  const source = openTraceFile(file);
  try {
    const { entries, end, until } = indexesOf(source);
    const tail = tailOf(source, { end, until, last: entries.at(-1) });
    const all = [...entries, tail];
    return {
      ...tail,
      previous: entries.length > 0 ? source.indexAt : 0,
      keyframe: greatest(all.flatMap(({ keyframes }) => keyframes)),
      page: greatest(all.flatMap(({ pages }) => pages)),
    };
  } finally {
    source.close();
  }
}

function greatest(numbered: readonly { number: number }[]): number {
  return numbered.reduce((most, { number }) => Math.max(most, number), 0);
}

/** Of the state that the recording began with, or of its first fact where there was none. */
function firstInstant(source: TraceFile, first: KeyframeAt | undefined): number {
  if (first !== undefined && first.at > 0) return first.at;
  for (const block of source.blocks(first?.offset ?? headBytes)) if (block.kind === 'facts') return block.at;
  return 0;
}

/** Returns the indexes, oldest first, and where the blocks begin that none of them tells of. */
function indexesOf(source: TraceFile): { entries: IndexEntry[]; end: number; until: number } {
  const nothing = { entries: [], end: headBytes, until: 0 };
  const entries: IndexEntry[] = [];
  let end = headBytes;
  let until = 0;
  let offset = source.indexAt;
  while (offset > 0) {
    const block = offset < source.bytes ? source.blockAt(offset) : null;
    const payload = block?.kind === 'index' && block.end <= source.bytes ? source.payload(block) : null;
    if (block === null || payload === null) return nothing; // everything can be found without
    try {
      const entry = unpackIndex(payload);
      if (entry.previous >= offset) return nothing;
      if (entries.length === 0) {
        end = block.end;
        until = block.at;
      }
      entries.push(entry);
      offset = entry.previous;
    } catch (error) {
      source.note(offset, error);
      return nothing;
    }
  }
  return { entries: entries.reverse(), end, until };
}
