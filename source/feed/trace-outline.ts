/** What a trace holds, without reading its facts: put together from its indexes and the blocks behind the newest one. */
import type { Fact } from '../model/fact.ts';
import { unpackFacts } from '../wire/fact-bytes.ts';
import { type Block, openTraceFile, readStart, type TraceFile } from './trace-file.ts';
import { headBytes, incidentFlag, packHead, pointerAt } from './trace-format.ts';
import { incidentList, incidentOf } from './trace-incident.ts';
import { type IndexEntry, type KeyframeAt, unpackIndex } from './trace-index.ts';
import { type LandmarkLimits, type LandmarkSink, type Landmarks, landmarks } from './trace-landmarks.ts';

/** Incidents that are gathered before they are told of. */
const mostMarks = 1_000;

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

interface Outline extends Landmarks {
  from: number;
  to: number;
  facts: number;
  events: number;
}

/** Puts together what the indexes tell, and what the blocks after the last one are. */
export function outlineOf(source: TraceFile, limits?: LandmarkLimits): Outline {
  let kept = landmarks(limits);
  const indexed = readIndexes(source, (entry) => {
    for (const keyframe of entry.keyframes) kept.keyframe(keyframe);
    for (const pages of entry.pages) kept.pages(pages);
    for (const mark of entry.incidents) kept.incident(mark);
    for (const gap of entry.gaps) kept.gap(gap);
  });
  if (indexed === null) kept = landmarks(limits);
  const { facts, events, until } = readTail(source, indexed ?? unindexed, kept);
  const all = kept.kept();
  const from = firstInstant(source, all.firstKeyframe);
  return { ...all, from, to: Math.max(until, from), facts, events };
}

/** How far blocks were read: facts and events up to there, the instant of the last fact, where the last whole block ends. */
interface ReadTo {
  facts: number;
  events: number;
  until: number;
  end: number;
}

const unindexed: ReadTo = { facts: 0, events: 0, until: 0, end: headBytes };

/** Tells of what stands behind the newest index. */
function readTail(source: TraceFile, from: ReadTo, to: LandmarkSink): ReadTo {
  const read = { ...from };
  const incidents = incidentList();
  let last: Block | null = null;
  for (const block of source.blocks(from.end)) {
    const { kind, at, count, offset } = block;
    read.end = block.end;
    if (kind === 'keyframe') to.keyframe({ number: count, at, offset, facts: read.facts, events: read.events });
    else if (kind === 'pages') to.pages({ number: count, offset });
    else if (kind === 'gap') to.gap({ at, missing: count });
    else if (kind === 'facts') {
      read.facts += count;
      read.events += block.events;
      last = block;
      if ((block.flags & incidentFlag) === 0) continue;
      for (const fact of factsOf(source, block) ?? []) {
        const what = incidentOf(fact);
        if (what !== null) incidents.add(what, fact.at);
      }
      // The last of each kind may still grow; those before are told by and by, and not kept here.
      if (incidents.marks.length > mostMarks) for (const mark of incidents.take()) to.incident(mark);
    }
  }
  if (last !== null) read.until = (factsOf(source, last) ?? []).at(-1)?.at ?? last.at;
  for (const mark of incidents.take()) to.incident(mark);
  return read;
}

/** Where and how a recording that has ended goes on. */
export interface Continuation extends ReadTo, Omit<IndexEntry, 'previous'> {
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
    let [keyframe, page] = [0, 0];
    const greatest = (of: Pick<IndexEntry, 'keyframes' | 'pages'>): void => {
      for (const { number } of of.keyframes) keyframe = Math.max(keyframe, number);
      for (const { number } of of.pages) page = Math.max(page, number);
    };
    const indexed = readIndexes(source, greatest);
    const tail: Pick<IndexEntry, 'keyframes' | 'pages' | 'incidents' | 'gaps'> = {
      keyframes: [],
      pages: [],
      incidents: [],
      gaps: [],
    };
    const read = readTail(source, indexed ?? unindexed, {
      keyframe: (one) => tail.keyframes.push(one),
      pages: (one) => tail.pages.push(one),
      incident: (one) => tail.incidents.push(one),
      gap: (one) => tail.gaps.push(one),
    });
    greatest(tail);
    return { ...tail, ...read, previous: indexed === null ? 0 : source.indexAt, keyframe, page };
  } finally {
    source.close();
  }
}

/** Of the state that the recording began with, or of its first fact where there was none. */
function firstInstant(source: TraceFile, first: KeyframeAt | undefined): number {
  if (first !== undefined && first.at > 0) return first.at;
  for (const block of source.blocks(first?.offset ?? headBytes)) if (block.kind === 'facts') return block.at;
  return 0;
}

/** Tells of each index, the newest first; returns how far they lead, null where one of them cannot be used. */
function readIndexes(source: TraceFile, visit: (entry: IndexEntry) => void): ReadTo | null {
  let read: ReadTo | null = null;
  let offset = source.indexAt;
  while (offset > 0) {
    const block = offset < source.bytes ? source.blockAt(offset) : null;
    const payload = block?.kind === 'index' && block.end <= source.bytes ? source.payload(block) : null;
    if (block === null || payload === null) return null; // everything can be found without
    try {
      const entry = unpackIndex(payload);
      if (entry.previous >= offset) return null;
      read ??= { facts: entry.facts, events: entry.events, until: block.at, end: block.end };
      visit(entry);
      offset = entry.previous;
    } catch (error) {
      source.note(offset, error);
      return null;
    }
  }
  return read;
}
