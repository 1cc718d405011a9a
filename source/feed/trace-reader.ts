/**
 * Reads a trace: its outline at once, its facts in order from any keyframe on. Memory is bounded whatever the length:
 * one block at a time, some pages, and of the whole so many keyframes and incidents as trace-landmarks.ts says.
 */
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
import type { LandmarkLimits } from './trace-landmarks.ts';
import { factsOf, outlineOf, unpackedOf } from './trace-outline.ts';
import { pageCache } from './trace-page-cache.ts';
import { lastKeyframe, pageBlock } from './trace-search.ts';

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
  /** Some of the keyframes; of a trace of some days, all. */
  readonly keyframes: readonly KeyframeAt[];
  readonly incidents: readonly IncidentMark[];
  readonly gaps: readonly GapAt[];
  /** What was found so far. */
  readonly damage: readonly Damage[];
  /** Where the file ends before it should. */
  readonly cut: Cut | null;
  /** Returns the last keyframe that is not beyond; undefined where there is none. After one that is beyond all are. */
  lastKeyframe(isBeyond: (keyframe: KeyframeAt) => boolean): KeyframeAt | undefined;
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
  /** What is kept of it in memory: entries of its outline, and bytes of its pages. */
  held(): { landmarks: number; pageBytes: number };
  close(): void;
}

export interface TraceOptions {
  /** What it is called; else by its file. */
  shownAs?: string;
  /** How much of it is remembered. For tests. */
  landmarks?: LandmarkLimits;
  /** Expanded pages are kept up to this size. */
  cacheBytes?: number;
}

const defaultCacheBytes = 16 * 1024 * 1024;

/**
 * Opens a trace. Throws LbtopError (usage) where the file cannot be read, or is not a trace that this version reads.
 */
export function openTrace(file: string, options: TraceOptions = {}): Trace {
  const source = openTraceFile(file);
  try {
    return outlined(source, options);
  } catch (error) {
    source.close();
    throw error;
  }
}

function outlined(source: TraceFile, options: TraceOptions): Trace {
  const { shownAs: file = source.file, landmarks, cacheBytes = defaultCacheBytes } = options;
  const { bytes } = source;
  const version = versionOf(source);
  const outline = outlineOf(source, landmarks);
  const { keyframes } = outline;
  const pages = pageCache((number) => {
    const block = pageBlock(source, outline, number);
    return block === null ? null : source.payload(block);
  }, cacheBytes);

  function restore(block: Block): Restored | null {
    const payload = source.payload(block);
    if (payload !== null) {
      try {
        return restoreKeyframe(payload, pages.read);
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
    lastKeyframe: (isBeyond) => lastKeyframe(source, outline, isBeyond),
    items,
    inputs: (block) => unpackedOf(source, block, unpackInputs),
    check: source.check,
    note: source.note,
    payload: source.payload,
    held: () => ({
      landmarks: keyframes.length + outline.pages.length + outline.incidents.length + outline.gaps.length,
      pageBytes: pages.heldBytes,
    }),
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
