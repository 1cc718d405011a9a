/** Finds what somebody may have meant. */

/** Returns the candidate that is at most a third of its letters away from `given`, the nearest; null where none is. */
export function nearest(given: string, candidates: Iterable<string>): string | null {
  let best: string | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const allowed = Math.max(1, Math.floor(Math.max(candidate.length, given.length) / 3));
    const apart = distance(given.toLowerCase(), candidate.toLowerCase());
    if (apart <= allowed && apart < least) {
      best = candidate;
      least = apart;
    }
  }
  return best;
}

/** `: did you mean X?`, or what else helps where nothing is near. */
export function meant(given: string, candidates: Iterable<string>, otherwise: string): string {
  const near = nearest(given, candidates);
  return near === null ? otherwise : `: did you mean ${near}?`;
}

/** Letters to insert, drop, replace or swap with their neighbour until `a` is `b`. */
function distance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 8) return 9;
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let least = Math.min(
        (last[j] as number) + 1,
        (row[j - 1] as number) + 1,
        (last[j - 1] as number) + (same ? 0 : 1),
      );
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] as number) + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length] as number;
}
