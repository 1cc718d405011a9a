/**
 * The interface without its looks: what keys, windows and answers do to its state. Ink draws the state and passes keys on;
 * tests drive it as they are.
 */
import type { Command, Connection, Feed, Outcome, TimeState } from '../feed/feed.ts';
import { displayText } from '../view/display-text.ts';
import { type Look, lookAt } from '../view/look.ts';
import { fixed, joined, type SafeText } from '../view/safe-text.ts';
import type { Window } from '../view/window.ts';
import { perform } from './actions.ts';
import {
  firstState,
  type Intention,
  type InterfaceState,
  layoutOf,
  lookOf,
  powersOf,
  tableOf,
  withTable,
} from './interface-state.ts';
import { actionOf, type Context } from './keys.ts';
import type { MouseAct } from './mouse.ts';
import { pointed } from './pointing.ts';
import { lastTop } from './reading.ts';
import { settle } from './table-state.ts';
import { typed } from './typing.ts';

/** Why the interface ended. `stop`: the coordinator is to end too, and was told so. */
export type Exit = { kind: 'quit'; stop: boolean } | { kind: 'ended'; why: string };

export interface StoreOptions {
  title: string;
  readOnly: boolean;
  owner: boolean;
  /** Of the zone that times of day are shown in. */
  utcOffsetMinutes: number;
  columns: number;
  rows: number;
  /** What nobody asked for is shown only so often, ms: a voice that reads the screen is not to begin again each second. */
  calmMs?: number;
  /** Stops the process, as Ctrl-Z does; absent where there is none to stop. */
  stop?(): void;
}

export interface Store {
  readonly state: InterfaceState;
  /** Calls back after each change; returns how to end that. */
  subscribe(listener: () => void): () => void;
  press(key: string): void;
  /** The mouse. */
  point(act: MouseAct): void;
  resize(columns: number, rows: number): void;
  /** Paint everything anew. */
  repaint(): void;
  /** Begins to listen to the feed. */
  open(): void;
  close(): void;
  /** Ends with this, unless it has ended. */
  leave(exit: Exit): void;
  readonly exit: Promise<Exit>;
}

/** What actions may use beside the state. */
export interface Reach {
  readonly feed: Feed;
  get(): InterfaceState;
  set(state: InterfaceState): void;
  /** Does what was answered. */
  intend(intention: Intention): void;
  act(commands: readonly Command[]): void;
  toast(text: SafeText, kind: 'done' | 'refused'): void;
  quit(): void;
  stop(): void;
  /**
   * Shows a text that grows while one looks: `begin` gets what shows it, and returns what ends it. One stays at its end
   * once one is there: from the beginning, or (`fromStart`) after one has gone there.
   */
  follow(title: SafeText, begin: (show: (lines: readonly SafeText[]) => void) => () => void, fromStart?: boolean): void;
  /** Shows what a question to the feed gives. */
  read(title: SafeText, ask: () => Promise<readonly SafeText[]>): void;
}

const toastMs = 5_000;

/** Returns the interface of a feed; nothing happens before `open`. */
export function interfaceStore(feed: Feed, options: StoreOptions): Store {
  const listeners = new Set<() => void>();
  let state = firstState({
    title: displayText(options.title, 64),
    mayAct: !options.readOnly && feed.act !== undefined,
    hasPresent: feed.time?.follow !== undefined,
    owner: options.owner,
    utcOffsetMinutes: options.utcOffsetMinutes,
    columns: options.columns,
    rows: options.rows,
    time: feed.time?.state() ?? null,
  });
  let lastLook = '';
  let lookNumber = 0;
  let opened = false;
  let toastTimer: NodeJS.Timeout | null = null;
  const { promise: exit, resolve: resolveExit } = Promise.withResolvers<Exit>();

  /** Ends what a growing text comes from; of the text that is shown. */
  let followed: { live: symbol; end(): void } | null = null;

  const set = (next: InterfaceState): void => {
    if (next === state) return;
    state = next;
    if (followed !== null && (state.mode.kind !== 'pages' || state.mode.live !== followed.live)) {
      followed.end();
      followed = null;
    }
    askForLook();
    for (const listener of listeners) listener();
  };

  /** Tells the feed what is looked at now, if that has changed. */
  const askForLook = (): void => {
    if (!opened) return;
    const look = lookOf(state);
    const said = JSON.stringify(look);
    if (said === lastLook) return;
    lastLook = said;
    feed.look({ ...look, number: ++lookNumber });
  };

  let shownAt = Number.NEGATIVE_INFINITY;
  const onWindow = (window: Window): void => {
    const now = performance.now();
    const asked = window.look.number !== state.window?.look.number || state.mode.kind !== 'table';
    if (!asked && now - shownAt < (options.calmMs ?? 0)) return;
    shownAt = now;
    let next: InterfaceState = { ...state, window };
    const { screen, of } = state.place;
    if (window.look.screen === screen && window.look.of === of && window.look.filter === tableOf(state).filter)
      next = withTable(next, settle(tableOf(state), window, layoutOf(state).tableRows));
    set(next);
  };

  const onConnection = (connection: Connection): void => {
    set({ ...state, connection });
    if (connection.state === 'ended') leave({ kind: 'ended', why: connection.why });
  };

  const toast = (text: SafeText, kind: 'done' | 'refused'): void => {
    if (toastTimer !== null) clearTimeout(toastTimer);
    toastTimer = setTimeout(() => set({ ...state, toast: null }), toastMs);
    toastTimer.unref();
    set({ ...state, toast: { text, kind } });
  };

  const act = async (commands: readonly Command[]): Promise<void> => {
    if (feed.act === undefined) return;
    const outcomes: Outcome[] = [];
    for (const command of commands) outcomes.push(await feed.act(command));
    const refused = outcomes.find((outcome) => !outcome.accepted);
    const done = outcomes.find((outcome) => outcome.accepted);
    if (refused !== undefined && !refused.accepted)
      return toast(joined(fixed('refused: '), displayText(refused.why, 400)), 'refused');
    if (done?.accepted !== true) return;
    const more = outcomes.length > 1 ? `${done.says}, and ${outcomes.length - 1} more` : done.says;
    toast(displayText(more, 400), 'done');
  };

  const leave = (how: Exit): void => resolveExit(how);

  const reach: Reach = {
    feed,
    get: () => state,
    set,
    act: (commands) => void act(commands),
    toast,
    intend(intention) {
      if (intention.kind === 'act') return reach.act(intention.commands);
      if (!intention.stop) return leave({ kind: 'quit', stop: false });
      void (async () => {
        const outcome = await feed.act?.({ kind: 'shutdown', reason: 'quit' });
        if (outcome?.accepted === false)
          return toast(joined(fixed('refused: '), displayText(outcome.why, 400)), 'refused');
        leave({ kind: 'quit', stop: true });
      })();
    },
    quit: () => perform('quit', reach),
    stop() {
      if (options.owner) toast(fixed('the coordinator would stop too: leave it in a terminal of its own'), 'refused');
      else options.stop?.();
    },
    follow(title, begin, fromStart = false) {
      const live = Symbol('followed');
      set({ ...state, mode: { kind: 'pages', title, lines: [], top: 0, live } });
      const end = begin((lines) => {
        const { mode } = state;
        if (mode.kind !== 'pages' || mode.live !== live || mode.lines === 'help') return;
        const last = lastTop(mode.lines.length, state.rows);
        const atEnd = mode.top >= last && (!fromStart || mode.top > 0);
        set({ ...state, mode: { ...mode, lines, top: atEnd ? lastTop(lines.length, state.rows) : mode.top } });
      });
      if (state.mode.kind === 'pages' && state.mode.live === live) followed = { live, end };
      else end();
    },
    read(title, ask) {
      void (async () => {
        try {
          const lines = await ask();
          set({ ...state, mode: { kind: 'pages', title, lines, top: 0 } });
        } catch (error) {
          toast(displayText(error instanceof Error ? error.message : String(error), 400), 'refused');
        }
      })();
    },
  };

  const press = (key: string): void => {
    const context = contextOf(state);
    const action = actionOf(key, context, state.place.screen, powersOf(state));
    if (action !== null) perform(action, reach);
    else if (context === 'input') typed(key, reach);
  };

  return {
    get state() {
      return state;
    },
    exit,
    leave,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    press,
    point: (act) => pointed(act, reach, press),
    resize(columns, rows) {
      if (columns === state.columns && rows === state.rows) return;
      let next: InterfaceState = { ...state, columns, rows };
      const { window } = next;
      if (window !== null) next = withTable(next, settle(tableOf(next), window, layoutOf(next).tableRows));
      set(next);
    },
    repaint: () => set({ ...state, repaints: state.repaints + 1 }),
    open() {
      opened = true;
      const look = lookOf(state);
      lastLook = JSON.stringify(look);
      feed.open(lookAt(look.screen, { ...look, number: ++lookNumber } satisfies Look), {
        window: onWindow,
        connection: onConnection,
        time: (time: TimeState) => set({ ...state, time }),
      });
    },
    close() {
      opened = false;
      followed?.end();
      if (toastTimer !== null) clearTimeout(toastTimer);
      listeners.clear();
      feed.close();
    },
  };
}

function contextOf(state: InterfaceState): Context {
  switch (state.mode.kind) {
    case 'table':
      return 'screen';
    case 'typing':
      return 'input';
    case 'pages':
      return 'pages';
    default:
      return 'dialog';
  }
}
