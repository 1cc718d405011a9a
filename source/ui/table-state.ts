/** Where one stands in a table: the selected row, what is marked, the order and the filter. Pure. */
import { type Screen, sorts } from '../view/look.ts';
import type { Window } from '../view/window.ts';

export interface TableState {
  /** Id of the selected row; null while its row has not been seen. */
  readonly selected: string | null;
  /** Its place among the rows that match. */
  readonly index: number;
  /** First row on the screen. */
  readonly top: number;
  /** The selection stays on its row wherever that goes; not so before one has moved. */
  readonly pinned: boolean;
  readonly sort: string;
  readonly reverse: boolean;
  readonly filter: string;
  readonly marked: ReadonlySet<string>;
}

/** Returns the state of a table that nobody has touched. */
export function freshTable(screen: Screen): TableState {
  return {
    selected: null,
    index: 0,
    top: 0,
    pinned: false,
    sort: sorts[screen][0],
    reverse: false,
    filter: '',
    marked: new Set(),
  };
}

/** Ids of the rows of a window, in their order. */
export function idsOf(window: Window): string[] {
  switch (window.look.screen) {
    case 'nodes':
    case 'charts':
      return window.nodes.map((row) => row.name);
    case 'jobs':
      return window.jobs.map((row) => String(row.job));
    case 'events':
      return window.events.map((row) => String(row.number));
    default:
      return window.tasks.map((row) => row.task);
  }
}

/** Id of the row at a place; null where the window does not hold it. */
export function idAt(window: Window, index: number): string | null {
  return idsOf(window)[index - window.top] ?? null;
}

/** Returns the table with its selection at a place (clamped), on the screen of `height` rows. */
export function moveTo(table: TableState, window: Window, index: number, height: number): TableState {
  const place = Math.max(0, Math.min(index, window.matched - 1));
  return onScreen({ ...table, index: place, selected: idAt(window, place), pinned: true }, window.matched, height);
}

/** Returns the table after a new window of it. */
export function settle(table: TableState, window: Window, height: number): TableState {
  let { index } = table;
  if (table.pinned && table.selected !== null) {
    const seen = idsOf(window).indexOf(table.selected);
    if (seen >= 0) index = window.top + seen;
    else if (window.look.selected === table.selected && window.selectedAt >= 0) index = window.selectedAt;
  }
  index = Math.max(0, Math.min(index, window.matched - 1));
  const selected = idAt(window, index) ?? (table.pinned ? table.selected : null);
  return onScreen({ ...table, index, selected }, window.matched, height);
}

/** Scrolls as little as needed for the selected row to be seen. */
function onScreen(table: TableState, matched: number, height: number): TableState {
  const rows = Math.max(1, height);
  let top = Math.min(table.top, Math.max(0, matched - rows));
  if (table.index < top) top = table.index;
  if (table.index >= top + rows) top = table.index - rows + 1;
  return top === table.top ? table : { ...table, top };
}
