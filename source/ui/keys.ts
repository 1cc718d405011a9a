/**
 * The one table of keys. What a key does, the help screen, the footer, the readme's table and the tests come from it.
 *
 * Contexts: `screen` is a table or a chart, `dialog` a question, `input` a line being typed, `pages` help and other texts.
 */
import type { Screen } from '../view/look.ts';

/** A key as it is named here: a character, or one of these words. */
export const namedKeys = [
  'Up',
  'Down',
  'Left',
  'Right',
  'S-Left',
  'S-Right',
  'PgUp',
  'PgDn',
  'Home',
  'End',
  'Enter',
  'Esc',
  'Tab',
  'S-Tab',
  'Space',
  'Backspace',
  'Delete',
  'C-c',
  'C-l',
  'C-u',
  'C-d',
  'C-w',
  'C-z',
] as const;

export type Context = 'screen' | 'dialog' | 'input' | 'pages';

/** When a key is there: always; where one may act; where one can move in time; where one can not; where the session goes on behind the past that is shown. */
export type When = 'always' | 'act' | 'time' | 'live' | 'frozen';

export type Action =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'first'
  | 'last'
  | 'open'
  | 'back'
  | 'next-view'
  | 'previous-view'
  | 'view-1'
  | 'view-2'
  | 'view-3'
  | 'view-4'
  | 'view-5'
  | 'filter'
  | 'sort'
  | 'reverse'
  | 'mark'
  | 'pause'
  | 'drain'
  | 'drain-now'
  | 'resume'
  | 'throttle'
  | 'cancel'
  | 'retry'
  | 'explain'
  | 'log'
  | 'pause-queue'
  | 'policy'
  | 'record'
  | 'command'
  | 'help'
  | 'repaint'
  | 'stop-process'
  | 'quit'
  | 'freeze'
  | 'play'
  | 'back-5s'
  | 'on-5s'
  | 'back-60s'
  | 'on-60s'
  | 'slower'
  | 'faster'
  | 'event-back'
  | 'event-on'
  | 'go-to'
  | 'next-incident'
  | 'previous-incident'
  | 'follow'
  | 'answer-yes'
  | 'answer-no'
  | 'other-answer'
  | 'take-answer'
  | 'option-up'
  | 'option-down'
  | 'accept'
  | 'drop'
  | 'rub-out'
  | 'clear'
  | 'complete';

export type Group = 'moving' | 'looking' | 'nodes' | 'jobs and tasks' | 'the fleet' | 'time' | 'answering';

export interface KeyRow {
  readonly keys: readonly string[];
  readonly action: Action;
  readonly context: Context;
  readonly when: When;
  /** Screens where it works; absent: all. */
  readonly on?: readonly Screen[];
  readonly group: Group;
  /** For help and the readme. */
  readonly words: string;
  /** For the footer, with its rank there (lower comes first); absent: not in the footer. */
  readonly footer?: readonly [words: string, rank: number];
}

const tables: readonly Screen[] = ['nodes', 'jobs', 'tasks', 'events', 'node', 'job'];
const nodes: readonly Screen[] = ['nodes', 'node'];
const tasks: readonly Screen[] = ['tasks', 'node', 'job'];
const work: readonly Screen[] = ['jobs', 'tasks', 'job'];

const screen = 'screen';
// biome-ignore format: a table
export const keys: readonly KeyRow[] = [
  { keys: ['Up', 'k'], action: 'up', context: screen, when: 'always', on: tables, group: 'moving', words: 'up' },
  { keys: ['Down', 'j'], action: 'down', context: screen, when: 'always', on: tables, group: 'moving', words: 'down', footer: ['move', 10] },
  { keys: ['PgUp', 'C-u'], action: 'page-up', context: screen, when: 'always', on: tables, group: 'moving', words: 'a page up' },
  { keys: ['PgDn', 'C-d'], action: 'page-down', context: screen, when: 'always', on: tables, group: 'moving', words: 'a page down' },
  { keys: ['Home'], action: 'first', context: screen, when: 'always', on: tables, group: 'moving', words: 'first row' },
  { keys: ['g'], action: 'first', context: screen, when: 'live', on: tables, group: 'moving', words: 'first row' },
  { keys: ['End', 'G'], action: 'last', context: screen, when: 'always', on: tables, group: 'moving', words: 'last row' },
  { keys: ['Enter'], action: 'open', context: screen, when: 'always', on: tables, group: 'moving', words: 'details', footer: ['details', 20] },
  { keys: ['Esc', 'Backspace'], action: 'back', context: screen, when: 'always', group: 'moving', words: 'back; first clears marks and filter' },
  { keys: ['Tab'], action: 'next-view', context: screen, when: 'always', group: 'moving', words: 'next view' },
  { keys: ['S-Tab'], action: 'previous-view', context: screen, when: 'always', group: 'moving', words: 'previous view' },
  { keys: ['1'], action: 'view-1', context: screen, when: 'always', group: 'looking', words: 'nodes' },
  { keys: ['2'], action: 'view-2', context: screen, when: 'always', group: 'looking', words: 'jobs' },
  { keys: ['3'], action: 'view-3', context: screen, when: 'always', group: 'looking', words: 'tasks that nodes hold now' },
  { keys: ['4'], action: 'view-4', context: screen, when: 'always', group: 'looking', words: 'events' },
  { keys: ['5'], action: 'view-5', context: screen, when: 'always', group: 'looking', words: 'charts' },
  { keys: ['/'], action: 'filter', context: screen, when: 'always', on: tables, group: 'looking', words: 'filter: words, !words, cpu>50, state:running', footer: ['filter', 60] },
  { keys: ['s'], action: 'sort', context: screen, when: 'always', on: tables, group: 'looking', words: 'sort by the next column', footer: ['sort', 70] },
  { keys: ['S'], action: 'reverse', context: screen, when: 'always', on: tables, group: 'looking', words: 'reverse the order' },
  { keys: ['Space'], action: 'mark', context: screen, when: 'live', on: ['nodes', 'jobs', 'tasks', 'job', 'node'], group: 'looking', words: 'mark a row: keys then act on all marked', footer: ['mark', 80] },

  { keys: ['p'], action: 'pause', context: screen, when: 'act', on: nodes, group: 'nodes', words: 'pause or resume', footer: ['pause', 30] },
  { keys: ['d'], action: 'drain', context: screen, when: 'act', on: nodes, group: 'nodes', words: 'drain: running tasks go on, nothing new comes', footer: ['drain', 31] },
  { keys: ['D'], action: 'drain-now', context: screen, when: 'act', on: nodes, group: 'nodes', words: 'drain now: running tasks start again elsewhere' },
  { keys: ['u'], action: 'resume', context: screen, when: 'act', on: nodes, group: 'nodes', words: 'resume', footer: ['resume', 32] },
  { keys: ['t'], action: 'throttle', context: screen, when: 'act', on: nodes, group: 'nodes', words: 'throttle: share of time that tasks may run' },
  { keys: ['x'], action: 'cancel', context: screen, when: 'act', on: work, group: 'jobs and tasks', words: 'cancel', footer: ['cancel', 30] },
  { keys: ['r'], action: 'retry', context: screen, when: 'act', on: work, group: 'jobs and tasks', words: 'run again what failed', footer: ['retry', 31] },
  { keys: ['e'], action: 'explain', context: screen, when: 'always', on: tasks, group: 'jobs and tasks', words: 'explain: why it waits, or why it went there', footer: ['explain', 40] },
  { keys: ['l'], action: 'log', context: screen, when: 'always', on: tasks, group: 'jobs and tasks', words: 'its output, as it comes', footer: ['log', 41] },

  { keys: ['P'], action: 'pause-queue', context: screen, when: 'act', group: 'the fleet', words: 'pause or resume the queue', footer: ['queue', 50] },
  { keys: ['b'], action: 'policy', context: screen, when: 'act', group: 'the fleet', words: 'policy', footer: ['policy', 51] },
  { keys: ['R'], action: 'record', context: screen, when: 'act', group: 'the fleet', words: 'record the session into a file' },
  { keys: [':'], action: 'command', context: screen, when: 'always', group: 'the fleet', words: 'type a command' },
  { keys: ['?'], action: 'help', context: screen, when: 'always', group: 'the fleet', words: 'help', footer: ['help', 90] },
  { keys: ['C-l'], action: 'repaint', context: screen, when: 'always', group: 'the fleet', words: 'paint the screen anew' },
  { keys: ['C-z'], action: 'stop-process', context: screen, when: 'always', group: 'the fleet', words: 'back to the shell for a while: fg comes back' },
  { keys: ['q', 'C-c'], action: 'quit', context: screen, when: 'always', group: 'the fleet', words: 'quit', footer: ['quit', 91] },

  { keys: ['f'], action: 'freeze', context: screen, when: 'live', group: 'time', words: 'freeze, and scrub back while the session goes on', footer: ['freeze', 85] },
  { keys: ['Space'], action: 'play', context: screen, when: 'time', group: 'time', words: 'play or stop', footer: ['play', 1] },
  { keys: ['Left'], action: 'back-5s', context: screen, when: 'time', group: 'time', words: '5 s back' },
  { keys: ['Right'], action: 'on-5s', context: screen, when: 'time', group: 'time', words: '5 s on', footer: ['5 s', 2] },
  { keys: ['S-Left'], action: 'back-60s', context: screen, when: 'time', group: 'time', words: '60 s back' },
  { keys: ['S-Right'], action: 'on-60s', context: screen, when: 'time', group: 'time', words: '60 s on' },
  { keys: ['['], action: 'slower', context: screen, when: 'time', group: 'time', words: 'slower' },
  { keys: [']'], action: 'faster', context: screen, when: 'time', group: 'time', words: 'faster', footer: ['speed', 4] },
  { keys: [','], action: 'event-back', context: screen, when: 'time', group: 'time', words: 'one event back' },
  { keys: ['.'], action: 'event-on', context: screen, when: 'time', group: 'time', words: 'one event on', footer: ['event', 5] },
  { keys: ['g'], action: 'go-to', context: screen, when: 'time', group: 'time', words: 'go to a time: 12:04:31, -5m, 50%', footer: ['go to', 6] },
  { keys: ['n'], action: 'next-incident', context: screen, when: 'time', group: 'time', words: 'next incident: a node lost, a failure, an operator’s action', footer: ['incident', 3] },
  { keys: ['N'], action: 'previous-incident', context: screen, when: 'time', group: 'time', words: 'previous incident' },
  { keys: ['L'], action: 'follow', context: screen, when: 'frozen', group: 'time', words: 'live again', footer: ['live', 7] },

  { keys: ['y'], action: 'answer-yes', context: 'dialog', when: 'always', group: 'answering', words: 'yes' },
  { keys: ['n', 'Esc', 'q'], action: 'answer-no', context: 'dialog', when: 'always', group: 'answering', words: 'no' },
  { keys: ['Tab', 'S-Tab', 'Left', 'Right'], action: 'other-answer', context: 'dialog', when: 'always', group: 'answering', words: 'the other answer' },
  { keys: ['Up', 'k'], action: 'option-up', context: 'dialog', when: 'always', group: 'answering', words: 'option above' },
  { keys: ['Down', 'j'], action: 'option-down', context: 'dialog', when: 'always', group: 'answering', words: 'option below' },
  { keys: ['Enter', 'Space'], action: 'take-answer', context: 'dialog', when: 'always', group: 'answering', words: 'take the answer that is lit' },
  { keys: ['C-c'], action: 'quit', context: 'dialog', when: 'always', group: 'answering', words: 'quit, whatever was asked' },

  { keys: ['Enter'], action: 'accept', context: 'input', when: 'always', group: 'answering', words: 'take the line' },
  { keys: ['Esc', 'C-c'], action: 'drop', context: 'input', when: 'always', group: 'answering', words: 'leave the line' },
  { keys: ['Backspace', 'Delete'], action: 'rub-out', context: 'input', when: 'always', group: 'answering', words: 'rub out the last character' },
  { keys: ['C-u', 'C-w'], action: 'clear', context: 'input', when: 'always', group: 'answering', words: 'empty the line' },
  { keys: ['Tab'], action: 'complete', context: 'input', when: 'always', group: 'answering', words: 'complete a command' },

  { keys: ['Up', 'k'], action: 'up', context: 'pages', when: 'always', group: 'answering', words: 'up' },
  { keys: ['Down', 'j'], action: 'down', context: 'pages', when: 'always', group: 'answering', words: 'down' },
  { keys: ['PgUp', 'C-u'], action: 'page-up', context: 'pages', when: 'always', group: 'answering', words: 'a page up' },
  { keys: ['PgDn', 'C-d', 'Space'], action: 'page-down', context: 'pages', when: 'always', group: 'answering', words: 'a page down' },
  { keys: ['g', 'Home'], action: 'first', context: 'pages', when: 'always', group: 'answering', words: 'to the beginning' },
  { keys: ['G', 'End'], action: 'last', context: 'pages', when: 'always', group: 'answering', words: 'to the end' },
  { keys: ['Esc', 'q', '?', 'Enter', 'Backspace', 'C-c'], action: 'back', context: 'pages', when: 'always', group: 'answering', words: 'close' },
];

/** What is possible at the moment. */
export interface Powers {
  mayAct: boolean;
  /** One can move in time, and the screen shows the past. */
  inTime: boolean;
  /** There is a present to return to: not in a recording. */
  hasPresent: boolean;
}

function isThere(row: KeyRow, powers: Powers): boolean {
  switch (row.when) {
    case 'act':
      return powers.mayAct && !powers.inTime;
    case 'time':
      return powers.inTime;
    case 'live':
      return !powers.inTime;
    case 'frozen':
      return powers.inTime && powers.hasPresent;
    default:
      return true;
  }
}

/** Returns the rows that work in a context; on a screen, those of that screen. */
export function keysAt(context: Context, screenName: Screen, powers: Powers): KeyRow[] {
  return keys.filter(
    (row) =>
      row.context === context &&
      isThere(row, powers) &&
      (context !== 'screen' || row.on === undefined || row.on.includes(screenName)),
  );
}

/** Returns what a key does, or null where it does nothing. */
export function actionOf(key: string, context: Context, screenName: Screen, powers: Powers): Action | null {
  return keysAt(context, screenName, powers).find((row) => row.keys.includes(key))?.action ?? null;
}

const signs: Record<string, string> = {
  Up: '↑',
  Down: '↓',
  Left: '←',
  Right: '→',
  'S-Left': '⇧←',
  'S-Right': '⇧→',
  'S-Tab': '⇧Tab',
  Enter: '⏎',
  'C-c': '^C',
  'C-l': '^L',
  'C-u': '^U',
  'C-d': '^D',
  'C-w': '^W',
  'C-z': '^Z',
  Backspace: '⌫',
  Delete: 'Del',
};

/** How a key is written on the screen and in the readme. */
export function sign(key: string): string {
  return signs[key] ?? key;
}

/** Returns the table of keys for the readme, in Markdown. */
export function keysInMarkdown(): string {
  const lines = ['| key | does | where |', '| --- | --- | --- |'];
  for (const row of keys) {
    if (row.context !== 'screen') continue;
    const names = row.keys.map((key) => `\`${sign(key)}\``).join(' ');
    const where =
      row.when === 'time'
        ? 'replay'
        : row.when === 'frozen'
          ? 'past of a running session'
          : (row.on?.join(', ') ?? 'everywhere');
    lines.push(`| ${names} | ${row.words} | ${where} |`);
  }
  return `${lines.join('\n')}\n`;
}
