/** Lines that are typed: filters, commands, numbers, times. */
import type { Command } from '../feed/feed.ts';
import { disciplineNames, policyNames } from '../model/job.ts';
import { displayText } from '../view/display-text.ts';
import { fixed, joined } from '../view/safe-text.ts';
import { type InterfaceState, isPast, type Typing, tableOf, withTable } from './interface-state.ts';
import { goTo, openPlace } from './places.ts';
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

function filtered(state: InterfaceState, filter: string): InterfaceState {
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

/** `0.7`, `70`, `70%` → 0.7; null where it is no share from 0.05 to 1. */
function shareOf(text: string): number | null {
  const value = Number(text.trim().replace(/%$/, '').trim() || Number.NaN);
  const share = value > 1 || text.includes('%') ? value / 100 : value;
  return share >= 0.05 && share <= 1 ? share : null;
}

/** Names that a command line begins with. */
const commandNames = [
  'nodes',
  'jobs',
  'tasks',
  'events',
  'charts',
  'node',
  'job',
  'help',
  'quit',
  'filter',
  'go',
  'pause',
  'resume',
  'drain',
  'throttle',
  'cancel',
  'retry',
  'purge',
  'policy',
  'queue',
  'record',
] as const;

/** Fills in the rest of a name that only one command begins with. */
export function completeLine(reach: Reach): void {
  const { mode } = reach.get();
  if (mode.kind !== 'typing' || mode.purpose !== 'command' || mode.text === '') return;
  const words = mode.text.split(' ');
  const last = words.at(-1) ?? '';
  const names: readonly string[] =
    words.length === 1 ? commandNames : words[0] === 'policy' ? [...policyNames, ...disciplineNames] : nodesSeen(reach);
  const fitting = names.filter((name) => name.startsWith(last));
  if (fitting.length !== 1) return;
  reach.set({ ...reach.get(), mode: { ...mode, text: [...words.slice(0, -1), fitting[0]].join(' ').concat(' ') } });
}

function nodesSeen(reach: Reach): string[] {
  return (reach.get().window?.nodes ?? []).map((node) => node.name);
}

function runCommand(reach: Reach, line: string): void {
  const [name = '', ...rest] = line.trim().split(/\s+/);
  if (name === '') return;
  const known = commandNames.filter((one) => one === name || (name.length > 0 && one.startsWith(name)));
  // `:q` is what fingers know.
  const exact =
    name === 'q' ? 'quit' : (known.find((one) => one === name) ?? (known.length === 1 ? known[0] : undefined));
  if (exact === undefined) {
    const why = known.length > 1 ? known.join(', ') : commandNames.join(' ');
    return reach.toast(joined(displayText(`"${name}" is no command: `, 80), displayText(why, 200)), 'refused');
  }
  switch (exact) {
    case 'nodes':
    case 'jobs':
    case 'tasks':
    case 'events':
    case 'charts':
      return openPlace(reach, { screen: exact, of: null }, false);
    case 'node':
    case 'job':
      if (rest[0] === undefined) return reach.toast(fixed('which one? :node NAME, :job ID'), 'refused');
      return openPlace(reach, { screen: exact, of: rest[0] }, true);
    case 'help':
      return reach.set({ ...reach.get(), mode: { kind: 'pages', title: fixed('keys'), lines: 'help', top: 0 } });
    case 'quit':
      return reach.quit();
    case 'filter':
      return reach.set(filtered(reach.get(), rest.join(' ')));
    case 'go':
      if (!goTo(reach, rest.join(' ')))
        reach.toast(fixed('there is no going in time here, or that is no time'), 'refused');
      return;
  }
  const state = reach.get();
  if (!state.mayAct || isPast(state)) return reach.toast(fixed('nothing may be done here: it is read-only'), 'refused');
  const command = commandOf(exact, rest);
  if (command === null) return reach.toast(joined(displayText(usage[exact] ?? exact, 100)), 'refused');
  reach.act([command]);
}

const usage: Record<string, string> = {
  pause: ':pause NODE…',
  resume: ':resume NODE…',
  drain: ':drain NODE… [--now]',
  throttle: ':throttle NODE 0.7',
  cancel: ':cancel JOB[.INDEX]',
  retry: ':retry JOB[.INDEX]',
  purge: ':purge JOB',
  policy: ':policy NAME [fifo|easy|sjbf]',
  queue: ':queue pause|resume',
  record: ':record [FILE]',
};

function commandOf(name: string, rest: readonly string[]): Command | null {
  const [first] = rest;
  switch (name) {
    case 'pause':
    case 'resume':
      return rest.length === 0 ? null : { kind: name, nodes: rest, reason: '' };
    case 'drain': {
      const nodes = rest.filter((word) => word !== '--now');
      return nodes.length === 0 ? null : { kind: 'drain', nodes, now: nodes.length < rest.length, reason: '' };
    }
    case 'throttle': {
      const share = shareOf(rest.at(-1) ?? '');
      return rest.length < 2 || share === null ? null : { kind: 'throttle', nodes: rest.slice(0, -1), share };
    }
    case 'cancel':
    case 'retry': {
      const [, job, index] = /^(\d+)(?:\.(\d+))?$/.exec(first ?? '') ?? [];
      if (job === undefined) return null;
      const target = { job: Number(job), index: index === undefined ? null : Number(index) };
      return name === 'cancel'
        ? { kind: 'cancel', ...target }
        : { kind: 'retry', ...target, onlyFailed: index === undefined };
    }
    case 'purge':
      return /^\d+$/.test(first ?? '') ? { kind: 'purge', job: Number(first) } : null;
    case 'policy': {
      const policy = policyNames.find((one) => one === first);
      const queue = disciplineNames.find((one) => one === rest[1]) ?? null;
      return policy === undefined ? null : { kind: 'policy', policy, queue };
    }
    case 'queue':
      return first === 'pause' || first === 'resume'
        ? { kind: 'pause-queue', paused: first === 'pause', reason: '' }
        : null;
    case 'record':
      return { kind: 'record', file: first ?? null };
    default:
      return null;
  }
}
