/** Everything that the screen is drawn from. */
import type { Command, Connection, TimeState } from '../feed/feed.ts';
import { type Look, lookAt, type Screen } from '../view/look.ts';
import type { SafeText } from '../view/safe-text.ts';
import type { Window } from '../view/window.ts';
import type { Powers } from './keys.ts';
import { type Layout, layoutFor } from './layout.ts';
import { freshTable, type TableState } from './table-state.ts';

/** A question. `choice`: which answer is lit. */
export interface Question {
  readonly kind: 'question';
  readonly title: SafeText;
  readonly lines: readonly SafeText[];
  /** The answer that does it, and the one that leaves all as it is. */
  readonly yes: SafeText;
  readonly no: SafeText;
  readonly choice: 'yes' | 'no';
  /** It destroys work. */
  readonly grave: boolean;
  readonly follows: Intention;
}

/** A choice among options. */
export interface Choice {
  readonly kind: 'choice';
  readonly title: SafeText;
  readonly options: readonly { readonly words: SafeText; readonly follows: Intention }[];
  readonly at: number;
}

/** What follows an answer. */
export type Intention = { kind: 'act'; commands: readonly Command[] } | { kind: 'quit'; stop: boolean };

/** A line being typed. */
export interface Typing {
  readonly kind: 'typing';
  readonly purpose: 'filter' | 'command' | 'throttle' | 'go-to' | 'record';
  readonly text: string;
  /** The filter as it was. */
  readonly before: string;
}

/** A text that is read: help, an explanation, the end of a log. */
export interface Pages {
  readonly kind: 'pages';
  readonly title: SafeText;
  /** Help is made when it is drawn, for the width that there is. */
  readonly lines: readonly SafeText[] | 'help';
  readonly top: number;
  /** It grows while one looks: whose it is. Where one stands at its end one stays there. */
  readonly live?: symbol;
}

export type Mode = { readonly kind: 'table' } | Question | Choice | Typing | Pages;

/** What became of an action, shown for some seconds. */
export interface Toast {
  readonly text: SafeText;
  readonly kind: 'done' | 'refused';
}

/** A screen and what it is about. */
export interface Place {
  readonly screen: Screen;
  readonly of: string | null;
}

export interface InterfaceState {
  readonly title: SafeText;
  readonly mayAct: boolean;
  /** The session goes on while its past is shown. */
  readonly hasPresent: boolean;
  /** Quitting ends the coordinator. */
  readonly owner: boolean;
  /** For times of day. */
  readonly utcOffsetMinutes: number;
  readonly columns: number;
  readonly rows: number;
  readonly place: Place;
  /** Where Esc leads. */
  readonly behind: readonly Place[];
  readonly tables: ReadonlyMap<string, TableState>;
  readonly mode: Mode;
  readonly toast: Toast | null;
  readonly connection: Connection;
  readonly window: Window | null;
  readonly time: TimeState | null;
  /** Counts full repaints that were asked for. */
  readonly repaints: number;
}

/** Returns what is shown before the first window. */
export function firstState(
  given: Pick<
    InterfaceState,
    'title' | 'mayAct' | 'hasPresent' | 'owner' | 'utcOffsetMinutes' | 'columns' | 'rows' | 'time'
  >,
): InterfaceState {
  return {
    ...given,
    place: { screen: 'nodes', of: null },
    behind: [],
    tables: new Map(),
    mode: { kind: 'table' },
    toast: null,
    connection: { state: 'connecting' },
    window: null,
    repaints: 0,
  };
}

/** True where the screen shows the past. */
export function isPast(state: InterfaceState): boolean {
  return state.time !== null && !state.time.live;
}

/** Returns what is possible at the moment. */
export function powersOf(state: InterfaceState): Powers {
  return { mayAct: state.mayAct, inTime: isPast(state), hasPresent: state.hasPresent };
}

function keyOf(place: Place): string {
  return place.of === null ? place.screen : `${place.screen} ${place.of}`;
}

/** The table of the place where one is. */
export function tableOf(state: InterfaceState): TableState {
  return state.tables.get(keyOf(state.place)) ?? freshTable(state.place.screen);
}

/** Returns the state with another table at the place where one is; tables of single nodes and jobs are forgotten after 50. */
export function withTable(state: InterfaceState, table: TableState): InterfaceState {
  if (state.tables.get(keyOf(state.place)) === table) return state;
  const tables = new Map(state.tables);
  tables.delete(keyOf(state.place));
  tables.set(keyOf(state.place), table);
  if (tables.size > 50) {
    const oldest = tables.keys().next();
    if (!oldest.done) tables.delete(oldest.value);
  }
  return { ...state, tables };
}

/** The layout of the place where one is. */
export function layoutOf(state: InterfaceState): Layout {
  const { screen } = state.place;
  return layoutFor(state.columns, state.rows, {
    detail: screen === 'node' || screen === 'job' ? screen : null,
    // The tasks come and go with every window: below them the ticker would jump.
    ticker: screen !== 'events' && screen !== 'charts',
    time: isPast(state),
    matched: screen === 'nodes' || screen === 'jobs' ? (windowHere(state)?.total ?? null) : null,
  });
}

/** The look that this state needs: a screen above and below what is seen, so that moving does not wait. */
export function lookOf(state: InterfaceState): Look {
  const table = tableOf(state);
  const { tableRows, columns, tickerRows, tiny } = layoutOf(state);
  const { screen, of } = state.place;
  const charts = screen === 'charts';
  const rows = charts ? Math.min(1_000, state.columns * state.rows) : tableRows;
  const top = charts ? 0 : Math.max(0, table.top - rows);
  return lookAt(screen, {
    of,
    sort: table.sort,
    reverse: table.reverse,
    filter: table.filter,
    top,
    rows: tiny ? 0 : charts ? rows : Math.min(1_000, table.top - top + 2 * rows),
    selected: table.pinned ? table.selected : null,
    values: tiny ? 0 : Math.min(300, charts ? 2 * columns : columns),
    events: tickerRows,
  });
}

/** The window, where it is of the place where one is; else null: what it shows is still to come. */
export function windowHere(state: InterfaceState): Window | null {
  const { window, place } = state;
  return window !== null && window.look.screen === place.screen && window.look.of === place.of ? window : null;
}
