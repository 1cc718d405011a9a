/** What is not as it was recorded, in words. */
import type { Trace } from './trace-reader.ts';

/** Returns a line for each thing that a reader of the trace should know: gaps, damage, an end that is missing. */
export function notesOf({ gaps, damage, cut }: Told): string[] {
  const notes: string[] = [];
  const counted = gaps.filter(({ missing }) => missing !== null && missing > 0);
  if (counted.length > 0) {
    const missing = counted.reduce((sum, gap) => sum + (gap.missing ?? 0), 0);
    notes.push(`${missing} facts are missing in ${many(counted.length)}`);
  }
  // Another recorder went on later, or the damage says more.
  const others = gaps.length - counted.length;
  if (others > 0) notes.push(`nobody knows what is missing in ${many(others)}`);
  for (const { why } of damage) notes.push(`${why}: plays up to there, and on from the next keyframe`);
  if (cut !== null) notes.push(`ends within a block at offset ${cut.offset}: ${cut.bytes} bytes are not played`);
  return notes;
}

interface Told extends Pick<Trace, 'damage' | 'cut'> {
  /** `missing` 0 or null: not known. */
  gaps: readonly { missing: number | null }[];
}

function many(gaps: number): string {
  return gaps === 1 ? '1 gap' : `${gaps} gaps`;
}
