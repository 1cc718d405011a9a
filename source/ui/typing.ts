/** Lines that are typed: filters, commands, numbers, times. */
import { fixed } from '../view/safe-text.ts';
import { completed, runCommand } from './command-line.ts';
import { type InterfaceState, type Typing, tableOf, withTable } from './interface-state.ts';
import { goTo } from './places.ts';
import { shareOf } from './share.ts';
import type { Reach } from './store.ts';
import { targetNodes } from './targets.ts';

const longestLine = 200;

/** Begins a line. */
export function typeIn(reach: Reach, purpose: Typing['purpose'], text = ''): void {
  const state = reach.get();
  reach.set({ ...state, mode: { kind: 'typing', purpose, text, before: tableOf(state).filter } });
}

/** A key that no table names: a character of the line. */
export function typed(key: string, reach: Reach): void {
  const { mode } = reach.get();
  if (mode.kind !== 'typing') return;
  const character = key === 'Space' ? ' ' : key;
  if ([...character].length !== 1 || mode.text.length >= longestLine) return;
  changed(reach, mode, mode.text + character);
}

/** Takes the last character away. */
export function rubOut(reach: Reach): void {
  const { mode } = reach.get();
  if (mode.kind === 'typing') changed(reach, mode, [...mode.text].slice(0, -1).join(''));
}

/** Empties the line. */
export function clearLine(reach: Reach): void {
  const { mode } = reach.get();
  if (mode.kind === 'typing') changed(reach, mode, '');
}

/** A filter works while it is typed. */
function changed(reach: Reach, mode: Typing, text: string): void {
  const state: InterfaceState = { ...reach.get(), mode: { ...mode, text } };
  reach.set(mode.purpose === 'filter' ? filtered(state, text) : state);
}

/** The table of the place where one is, with another filter. */
export function filtered(state: InterfaceState, filter: string): InterfaceState {
  const table = tableOf(state);
  return withTable(state, { ...table, filter, index: 0, top: 0, pinned: false, selected: null });
}

/** Leaves the line; a filter becomes again what it was. */
export function dropLine(reach: Reach): void {
  const state = reach.get();
  if (state.mode.kind !== 'typing') return;
  const { purpose, before } = state.mode;
  const next: InterfaceState = { ...state, mode: { kind: 'table' } };
  reach.set(purpose === 'filter' ? filtered(next, before) : next);
}

/** Does what the line says. */
export function takeLine(reach: Reach): void {
  const state = reach.get();
  if (state.mode.kind !== 'typing') return;
  const { purpose, text } = state.mode;
  reach.set({ ...state, mode: { kind: 'table' } });
  switch (purpose) {
    case 'filter':
      return;
    case 'throttle': {
      const share = shareOf(text);
      if (share === null) return reach.toast(fixed('a share from 5 to 100 (percent) is needed'), 'refused');
      return reach.act([{ kind: 'throttle', nodes: targetNodes(reach.get()).map((node) => node.name), share }]);
    }
    case 'record':
      return reach.act([{ kind: 'record', file: text.trim() === '' ? null : text.trim() }]);
    case 'go-to':
      if (!goTo(reach, text)) reach.toast(fixed('a time is needed: 12:04, 12:04:31, +90s, -5m, 50%'), 'refused');
      return;
    case 'command':
      runCommand(reach, text);
  }
}

/** Fills in what can only be meant; where several words could be, the letters that they share, then one after the other. */
export function completeLine(reach: Reach): void {
  const { mode } = reach.get();
  if (mode.kind !== 'typing' || mode.purpose !== 'command') return;
  const text = completed(reach, mode.text);
  if (text !== null) reach.set({ ...reach.get(), mode: { ...mode, text } });
}
