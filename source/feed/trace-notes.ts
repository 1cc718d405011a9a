/** What is not as it was recorded, in words. */
import type { Trace } from './trace-reader.ts';

/** Returns a line for each thing that a reader of the trace should know: gaps, damage, an end that is missing. */
export function notesOf({ gaps, damage, cut }: Pick<Trace, 'gaps' | 'damage' | 'cut'>): string[] {
  const notes: string[] = [];
  if (gaps.length > 0) {
    const missing = gaps.reduce((sum, gap) => sum + gap.missing, 0);
    notes.push(`${missing} facts are missing in ${gaps.length === 1 ? '1 gap' : `${gaps.length} gaps`}`);
  }
  for (const { why } of damage) notes.push(`${why}: plays up to there, and on from the next keyframe`);
  if (cut !== null) notes.push(`ends within a block at offset ${cut.offset}: ${cut.bytes} bytes are not played`);
  return notes;
}
