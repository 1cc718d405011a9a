/** The keys in the last line: which have room, how they are written, and which of them is where. Pure. */
import { cells } from '../view/cells.ts';
import { fixed, joined, type SafeText, vouched } from '../view/safe-text.ts';
import { type InterfaceState, powersOf } from './interface-state.ts';
import { type KeyRow, keysAt, sign } from './keys.ts';
import type { Piece, Row } from './line.ts';

/** How a key is called in safe text: names of keys are our own. */
export function signOf(key: string): SafeText {
  return vouched(sign(key));
}

/** Returns the keys that have room, as a row. */
export function footerRow(state: InterfaceState): Row {
  return footerKeys(state).flatMap((row): Piece[] => [
    [joined(fixed(' '), keySigns(row)), 'key'],
    [joined(fixed(' '), vouched(row.footer?.[0] ?? ''), fixed(' ')), 'dim'],
  ]);
}

/** Returns the key that is written in a column of the last line, or null where there is none. */
export function footerKeyAt(state: InterfaceState, column: number): string | null {
  let end = 0;
  for (const row of footerKeys(state)) {
    end += widthOf(row);
    if (column < end) return row.keys[0] ?? null;
  }
  return null;
}

function footerKeys(state: InterfaceState): KeyRow[] {
  const rows = keysAt('screen', state.place.screen, powersOf(state)).filter((row) => row.footer !== undefined);
  const byRank = [...rows].sort((a, b) => rankOf(a) - rankOf(b));
  // What has no room goes by rank; what stays is shown in that order too, so that keys keep their places.
  const must = byRank.filter((row) => row.action === 'help' || row.action === 'quit');
  let left = state.columns - 1 - must.reduce((sum, row) => sum + widthOf(row), 0);
  const kept: KeyRow[] = [];
  for (const row of byRank) {
    if (must.includes(row) || widthOf(row) > left) continue;
    left -= widthOf(row);
    kept.push(row);
  }
  return [...kept, ...must];
}

function rankOf(row: KeyRow): number {
  return row.footer?.[1] ?? 999;
}

function keySigns(row: KeyRow): SafeText {
  if (row.action === 'down') return fixed('↑↓');
  if (row.action === 'on-5s') return fixed('←→');
  if (row.action === 'faster') return fixed('[]');
  if (row.action === 'event-on') return fixed(',.');
  if (row.action === 'next-incident') return fixed('nN');
  return signOf(row.keys[0] ?? '');
}

function widthOf(row: KeyRow): number {
  return cells(keySigns(row)) + cells(row.footer?.[0] ?? '') + 3;
}
