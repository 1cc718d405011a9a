/**
 * What a reader remembers of a trace while it is open: no more of a month than of a day. Of what there is more of than it
 * keeps, every second one goes; it is found again by reading on from the one before it.
 */
import { type IncidentMark, incidentKinds, incidentList } from './trace-incident.ts';
import type { GapAt, KeyframeAt, PagesAt } from './trace-index.ts';

/** How many of each are kept. A session of a hundred nodes brings about 300 keyframes, 600 pages and 3,000 incidents a day. */
export interface LandmarkLimits {
  keyframes: number;
  pages: number;
  incidents: number;
  gaps: number;
}

export const landmarkLimits: LandmarkLimits = { keyframes: 4_096, pages: 16_384, incidents: 16_384, gaps: 1_000 };

/** Where what stands in a trace is told to, in any order. */
export interface LandmarkSink {
  keyframe(keyframe: KeyframeAt): void;
  pages(pages: PagesAt): void;
  incident(mark: IncidentMark): void;
  gap(gap: GapAt): void;
}

/** What is kept of all that was told, each in order of its place. */
export interface Landmarks {
  readonly keyframes: readonly KeyframeAt[];
  /** The one that stands first, whether it is among those or not. */
  readonly firstKeyframe: KeyframeAt | undefined;
  readonly pages: readonly PagesAt[];
  /** Where there are too many, those of one kind that are close together are one. */
  readonly incidents: readonly IncidentMark[];
  /** Beyond the limit, one stands for several. */
  readonly gaps: readonly GapAt[];
  /** True where between two that are kept there may be others. */
  readonly areKeyframesThinned: boolean;
  readonly arePagesThinned: boolean;
}

/** Returns a sink, and what it has kept. */
export function landmarks(most: LandmarkLimits = landmarkLimits): LandmarkSink & { kept(): Landmarks } {
  const keyframes = everyNth<KeyframeAt>(most.keyframes);
  const pages = everyNth<PagesAt>(most.pages);
  const gaps: GapAt[] = [];
  let marks: IncidentMark[] = [];
  let markMs = 1_000;
  let firstKeyframe: KeyframeAt | undefined;

  return {
    keyframe(keyframe) {
      if (firstKeyframe === undefined || keyframe.offset < firstKeyframe.offset) firstKeyframe = keyframe;
      keyframes.add(keyframe);
    },
    pages: (page) => pages.add(page),
    incident(mark) {
      marks.push(mark);
      for (; marks.length > most.incidents && markMs < Number.POSITIVE_INFINITY; markMs *= 2)
        marks = merged(marks, markMs);
    },
    gap(gap) {
      const last = gaps.at(-1);
      if (last === undefined || gaps.length < most.gaps) gaps.push({ ...gap });
      else last.missing += gap.missing;
    },
    kept() {
      const inOrder = incidentList();
      for (const { kind, at, count } of marks.sort(byInstant)) inOrder.add(kind, at, count);
      return {
        keyframes: keyframes.kept().sort((a, b) => a.offset - b.offset),
        firstKeyframe,
        pages: pages.kept().sort((a, b) => a.number - b.number),
        incidents: inOrder.take(),
        gaps: gaps.sort(byInstant),
        areKeyframesThinned: keyframes.isThinned(),
        arePagesThinned: pages.isThinned(),
      };
    },
  };
}

const byInstant = (a: { at: number }, b: { at: number }): number => a.at - b.at;

/** Keeps at most so many, at even distances of what was added. */
function everyNth<T>(most: number): { add(one: T): void; kept(): T[]; isThinned(): boolean } {
  let kept: T[] = [];
  let step = 1;
  let added = 0;
  return {
    add(one) {
      if (added++ % step !== 0) return;
      kept.push(one);
      if (kept.length <= most) return;
      step *= 2;
      kept = kept.filter((_, i) => i % 2 === 0);
    },
    kept: () => kept,
    isThinned: () => step > 1,
  };
}

/** Returns the marks with one for all of a kind in each stretch of so many ms: the earliest. */
function merged(marks: readonly IncidentMark[], stretchMs: number): IncidentMark[] {
  const byStretch = new Map<number, IncidentMark>();
  for (const mark of marks) {
    const stretch = Math.floor(mark.at / stretchMs) * incidentKinds.length + incidentKinds.indexOf(mark.kind);
    const known = byStretch.get(stretch);
    byStretch.set(
      stretch,
      known === undefined
        ? mark
        : { kind: mark.kind, at: Math.min(mark.at, known.at), count: mark.count + known.count },
    );
  }
  return [...byStretch.values()];
}
