/** A share as people type it. */

/** `0.7`, `70`, `70%` → 0.7; null where it is no share from 0.05 to 1. */
export function shareOf(text: string): number | null {
  const value = Number(text.trim().replace(/%$/, '').trim() || Number.NaN);
  const share = value > 1 || text.includes('%') ? value / 100 : value;
  return share >= 0.05 && share <= 1 ? share : null;
}
