/** The names of the views on the screen, and which of them is where. Pure. */
import { cells } from '../view/cells.ts';
import { grouped } from '../view/format.ts';
import type { Screen } from '../view/look.ts';
import { fixed, joined, type SafeText } from '../view/safe-text.ts';
import type { Piece } from './line.ts';

const names = [
  ['nodes', fixed('Nodes')],
  ['jobs', fixed('Jobs')],
  ['tasks', fixed('Tasks')],
  ['events', fixed('Events')],
  ['charts', fixed('Charts')],
] as const;

/** The views in the order of their keys. */
export const views: readonly Screen[] = names.map(([screen]) => screen);

/** Returns the view that a screen belongs to: a node to the nodes, a job to the jobs. */
export function viewOf(screen: Screen): Screen {
  if (screen === 'node') return 'nodes';
  return screen === 'job' ? 'jobs' : screen;
}

/** Returns the names of the views, the one that is shown lit; numbers alone on a narrow screen. */
export function tabPieces(screen: Screen, columns: number): Piece[] {
  return names.map(([view, name], i) => [words(i, name, columns), view === viewOf(screen) ? 'brand' : 'dim']);
}

/** Returns the view whose name is in a column, or null. */
export function viewAt(column: number, columns: number): Screen | null {
  let end = 0;
  for (const [i, [view, name]] of names.entries()) {
    end += cells(words(i, name, columns));
    if (column < end) return view;
  }
  return null;
}

function words(i: number, name: SafeText, columns: number): SafeText {
  const number = joined(fixed(' '), grouped(i + 1), fixed(' '));
  return columns >= 56 ? joined(number, name, fixed(' ')) : number;
}
