/**
 * Reads a trace: its outline at once, its facts in order from any keyframe on. Memory is bounded whatever the length:
 * one block at a time, some pages, and of the whole only keyframes and incidents.
 */
import { LbtopError } from '../model/errors.ts';
import type { Fact } from '../model/fact.ts';
import { limits } from '../model/limits.ts';
import { emptyState } from '../scheduler/state.ts';
import { unpackValue } from '../wire/codec.ts';
import { type Block, type Cut, type Damage, openTraceFile, type TraceFile } from './trace-file.ts';
import { headBytes } from './trace-format.ts';
import type { IncidentMark } from './trace-incident.ts';
import type { GapAt, KeyframeAt } from './trace-index.ts';
import { type Inputs, unpackInputs } from './trace-inputs.ts';
import { type Restored, restoreKeyframe } from './trace-keyframe.ts';
import { factsOf, outlineOf, unpackedOf } from './trace-outline.ts';
import { type PageReader, unpackPages } from './trace-pages.ts';

/** What stands in a trace, in order. `before`: how many facts and events there are before it. */
export type TraceItem = { at: number; before: Position } & (
  | { kind: 'facts'; facts: Fact[]; block: Block }
  /** What the scheduler was told that led to the facts before this; `Trace.inputs` reads it. */
  | { kind: 'inputs'; block: Block }
  /** All that follows is folded onto this. */
  | { kind: 'state'; restored: Restored }
  /** Facts are missing (null: nobody knows how many), those before this are the last of their kind: a state follows. */
  | { kind: 'gap'; missing: number | null }
);

export interface Position {
  facts: number;
  events: number;
}

export interface Trace {
  readonly file: string;
  readonly bytes: number;
  /** Of the program that recorded it. */
  readonly version: string;
  /** The first and the last instant that are known. */
  readonly from: number;
  readonly to: number;
  /** Facts, and those of them that are events. */
  readonly facts: number;
  readonly events: number;
  readonly keyframes: readonly KeyframeAt[];
  readonly incidents: readonly IncidentMark[];
  readonly gaps: readonly GapAt[];
  /** What was found so far. */
  readonly damage: readonly Damage[];
  /** Where the file ends before it should. */
  readonly cut: Cut | null;
  /** Yields what stands from a keyframe on; without one, from the beginning. What is damaged becomes a gap. */
  items(from?: KeyframeAt): Generator<TraceItem>;
  /** Looks at every byte of the file: all that is damaged is in `damage` then. */
  check(): void;
  /** Notes that a fact of the block at that offset does not fit the state that the facts before it led to. */
  note(offset: number, error: unknown): void;
  /** What a block of inputs holds; null where it is damaged. */
  inputs(block: Block): Inputs | null;
  /** The payload of a block of facts as it is packed; null where it is damaged. */
  payload(block: Block): Buffer | null;
  close(): void;
}

/** Expanded pages are kept up to about this size. */
const cacheBytes = 16 * 1024 * 1024;

/**
 * Opens a trace. Throws LbtopError (usage) where the file cannot be read, or is not a trace that this version reads.
 * `shownAs`: what it is called.
 */
export function openTrace(file: string, shownAs: string = file): Trace {
  const source = openTraceFile(file);
  try {
    return outlined(source, shownAs);
  } catch (error) {
    source.close();
    throw error;
  }
}

function outlined(source: TraceFile, file: string): Trace {
  const { bytes } = source;
  const version = versionOf(source);
  const outline = outlineOf(source);
  const { keyframes } = outline;
  const read = pageReader(source, outline.pages);

  function restore(block: Block): Restored | null {
    const payload = source.payload(block);
    if (payload !== null) {
      try {
        return restoreKeyframe(payload, read);
      } catch (error) {
        source.note(block.offset, error);
      }
    }
    // Before the first fact of all there is nothing to restore.
    return block.at === 0 ? { state: emptyState(), series: null } : null;
  }

  function* items(from?: KeyframeAt): Generator<TraceItem> {
    let before: Position = { facts: from?.facts ?? 0, events: from?.events ?? 0 };
    /** Facts that come now have no state that they belong to. */
    let lost = true;
    let damage = source.damage.length;
    for (const block of source.blocks(from?.offset ?? headBytes)) {
      const { kind, at, count } = block;
      if (source.damage.length > damage) {
        // The head of a block, and nobody knows what it told of.
        lost = true;
        yield { kind: 'gap', at, before, missing: null };
      }
      if (kind === 'gap') {
        lost = true;
        yield { kind, at, before, missing: count === 0 ? null : count };
      } else if (kind === 'keyframe' && lost) {
        const restored = restore(block);
        if (restored !== null) {
          lost = false;
          yield { kind: 'state', at, before, restored };
        }
      } else if (kind === 'facts') {
        const facts: Fact[] | null = lost ? null : factsOf(source, block);
        lost = facts === null;
        if (facts === null) yield { kind: 'gap', at, before, missing: count };
        else yield { kind, at, before, facts, block };
        before = { facts: before.facts + count, events: before.events + block.events };
      } else if (kind === 'inputs' && !lost) yield { kind, at, before, block };
      damage = source.damage.length;
    }
  }

  return {
    file,
    bytes,
    version,
    from: outline.from,
    to: outline.to,
    facts: outline.facts,
    events: outline.events,
    keyframes,
    incidents: outline.incidents,
    gaps: outline.gaps,
    damage: source.damage,
    get cut() {
      return source.cut;
    },
    items,
    inputs: (block) => unpackedOf(source, block, unpackInputs),
    check: source.check,
    note: source.note,
    payload: source.payload,
    close: source.close,
  };
}

function versionOf(source: TraceFile): string {
  const block = source.blockAt(headBytes);
  const payload = block?.kind === 'session' && block.end <= source.bytes ? source.payload(block) : null;
  try {
    const raw = payload === null ? null : unpackValue(payload);
    if (Array.isArray(raw) && typeof raw[0] === 'string') return raw[0].slice(0, limits.nameLength);
  } catch (error) {
    source.note(headBytes, error);
  }
  return 'unknown';
}

/** Returns a reader of pages that keeps the blocks that were asked for last. */
function pageReader(source: TraceFile, offsets: ReadonlyMap<number, number>): PageReader {
  const cache = new Map<number, { pages: unknown[]; bytes: number }>();
  let cached = 0;
  return ({ block: number, place }) => {
    let known = cache.get(number);
    cache.delete(number);
    if (known === undefined) {
      const block = source.blockAt(offsets.get(number) ?? 0);
      const payload = block?.kind === 'pages' && block.count === number ? source.payload(block) : null;
      if (payload === null) throw new LbtopError('failed', `page block ${number} cannot be read`);
      known = { pages: unpackPages(payload), bytes: payload.length };
      cached += known.bytes;
    }
    cache.set(number, known);
    for (const [oldest, { bytes }] of cache) {
      if (cached <= cacheBytes || oldest === number) break;
      cache.delete(oldest);
      cached -= bytes;
    }
    const page = known.pages[place];
    if (page === undefined) throw new LbtopError('failed', `page block ${number} has no page ${place}`);
    return page;
  };
}
