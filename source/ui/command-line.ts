/** The command line `:`: one table of what can be said; running, completion and usage come from it. */
import type { Command } from '../feed/feed.ts';
import { disciplineNames, policyNames } from '../model/job.ts';
import { meant } from '../model/nearest.ts';
import { displayText } from '../view/display-text.ts';
import { fixed, joined } from '../view/safe-text.ts';
import { askCancelOf, askDrain } from './asking.ts';
import { isPast } from './interface-state.ts';
import { goTo, openPlace } from './places.ts';
import { explain } from './reading.ts';
import { shareOf } from './share.ts';
import type { Reach } from './store.ts';
import { knownNode } from './targets.ts';
import { filtered } from './typing.ts';

/** What may stand at a place of a line: words of our own, or what is seen. */
type Kind = 'node' | 'job' | 'task' | readonly string[];

interface Row {
  readonly usage: string;
  /** Of the words after the name, in order; the last one holds for all further ones. */
  readonly takes: readonly Kind[];
  readonly flags?: readonly string[];
  /** It changes something: not in the past, not where one may only look. */
  readonly acts?: boolean;
  /** Does it; false where the words make no sense. */
  run(reach: Reach, words: readonly string[], flags: ReadonlySet<string>): boolean;
}

const screenRow = (screen: 'nodes' | 'jobs' | 'tasks' | 'events' | 'charts'): Row => ({
  usage: '',
  takes: [],
  run(reach, words) {
    if (words.length > 0) return false;
    openPlace(reach, { screen, of: null }, false);
    return true;
  },
});

const oneOf = (screen: 'node' | 'job', kind: Kind, usage: string): Row => ({
  usage,
  takes: [kind],
  run(reach, [of, more]) {
    if (of === undefined || more !== undefined) return false;
    openPlace(reach, { screen, of }, true);
    return true;
  },
});

const acting = (
  usage: string,
  takes: readonly Kind[],
  commandOf: (words: readonly string[]) => Command | null,
): Row => ({
  usage,
  takes,
  acts: true,
  run(reach, words) {
    const command = commandOf(words);
    if (command !== null) reach.act([command]);
    return command !== null;
  },
});

function targetOf([word, more]: readonly string[]): { job: number; index: number | null } | null {
  const [, job, index] = /^(\d+)(?:\.(\d+))?$/.exec(word ?? '') ?? [];
  if (job === undefined || more !== undefined) return null;
  return { job: Number(job), index: index === undefined ? null : Number(index) };
}

/** Nobody is asked whether to do what would be refused: the reason is shown at once. */
async function unlessRefused(reach: Reach, command: Command, ask: () => void): Promise<void> {
  const { objection } = reach.feed;
  if (objection === undefined) return ask();
  const why = await objection(command);
  if (why !== null) return reach.toast(displayText(`refused: ${why}`, 300), 'refused');
  if (reach.get().mode.kind === 'table') ask(); // meanwhile one may have gone on to something else
}

const commands: Readonly<Record<string, Row>> = {
  nodes: screenRow('nodes'),
  jobs: screenRow('jobs'),
  tasks: screenRow('tasks'),
  events: screenRow('events'),
  charts: screenRow('charts'),
  node: oneOf('node', 'node', 'NAME'),
  job: oneOf('job', 'job', 'ID'),
  help: {
    usage: '',
    takes: [],
    run(reach) {
      reach.set({ ...reach.get(), mode: { kind: 'pages', title: fixed('keys'), lines: 'help', top: 0 } });
      return true;
    },
  },
  quit: {
    usage: '',
    takes: [],
    run(reach) {
      reach.quit();
      return true;
    },
  },
  filter: {
    usage: '[WORDS]',
    takes: [],
    run(reach, words) {
      reach.set(filtered(reach.get(), words.join(' ')));
      return true;
    },
  },
  go: {
    usage: 'TIME: 12:04, 12:04:31, +90s, -5m, 50%; only in the past',
    takes: [],
    run: (reach, words) => isPast(reach.get()) && goTo(reach, words.join(' ')),
  },
  pause: acting('NODE…', ['node'], (nodes) => (nodes.length === 0 ? null : { kind: 'pause', nodes, reason: '' })),
  resume: acting('NODE…', ['node'], (nodes) => (nodes.length === 0 ? null : { kind: 'resume', nodes, reason: '' })),
  drain: {
    usage: 'NODE… [--now]',
    takes: ['node'],
    flags: ['--now'],
    acts: true,
    run(reach, names, flags) {
      if (names.length === 0) return false;
      const now = flags.has('--now');
      void unlessRefused(reach, { kind: 'drain', nodes: names, now, reason: '' }, () =>
        askDrain(
          reach,
          names.map((name) => knownNode(reach.get(), name)),
          now,
        ),
      );
      return true;
    },
  },
  throttle: acting('NODE… SHARE, such as 0.7 or 70%', ['node'], (words) => {
    const share = shareOf(words.at(-1) ?? '');
    return words.length < 2 || share === null ? null : { kind: 'throttle', nodes: words.slice(0, -1), share };
  }),
  cancel: {
    usage: 'JOB[.INDEX]',
    takes: ['task'],
    acts: true,
    run(reach, words) {
      const target = targetOf(words);
      if (target !== null) void unlessRefused(reach, { kind: 'cancel', ...target }, () => askCancelOf(reach, target));
      return target !== null;
    },
  },
  explain: {
    usage: 'JOB.INDEX',
    takes: ['task'],
    run(reach, words) {
      const target = targetOf(words);
      if (target === null || target.index === null) return false;
      explain(reach, `${target.job}.${target.index}`);
      return true;
    },
  },
  retry: acting('JOB[.INDEX]', ['task'], (words) => {
    const target = targetOf(words);
    return target === null ? null : { kind: 'retry', ...target, onlyFailed: target.index === null };
  }),
  purge: acting('JOB', ['job'], (words) => {
    const target = targetOf(words);
    return target === null || target.index !== null ? null : { kind: 'purge', job: target.job };
  }),
  policy: acting('NAME [fifo|easy|sjbf]', [policyNames, disciplineNames], ([name, discipline, more]) => {
    const policy = policyNames.find((one) => one === name);
    const queue = disciplineNames.find((one) => one === discipline) ?? null;
    const senseless = policy === undefined || more !== undefined || (discipline !== undefined && queue === null);
    return senseless ? null : { kind: 'policy', policy, queue };
  }),
  queue: acting('pause|resume', [['pause', 'resume']], ([word, more]) =>
    (word === 'pause' || word === 'resume') && more === undefined
      ? { kind: 'pause-queue', paused: word === 'pause', reason: '' }
      : null,
  ),
  record: acting('[FILE]; without one the recording ends', [], (words) => ({
    kind: 'record',
    file: words.length === 0 ? null : words.join(' '),
  })),
};

/** Runs a line; what is wrong with it is shown. */
export function runCommand(reach: Reach, line: string): void {
  const [typed = '', ...rest] = line.trim().split(/\s+/);
  if (typed === '') return;
  const fitting = Object.keys(commands).filter((one) => one.startsWith(typed));
  // `:q` is what fingers know.
  const name =
    typed === 'q' ? 'quit' : Object.hasOwn(commands, typed) ? typed : fitting.length === 1 ? fitting[0] : undefined;
  const row = name === undefined ? undefined : commands[name];
  const refuse = (why: string): void => reach.toast(displayText(why, 300), 'refused');
  if (row === undefined || name === undefined) {
    const names = Object.keys(commands);
    const could = fitting.length > 1 ? fitting.join(', ') : names.join(' ');
    const why = fitting.length > 1 ? `: ${could}` : meant(typed, names, `: ${could}`);
    return reach.toast(joined(displayText(`"${typed}" is no command`, 80), displayText(why, 200)), 'refused');
  }
  const state = reach.get();
  if (row.acts && (!state.mayAct || isPast(state)))
    return refuse(
      isPast(state) ? 'nothing is done in the past: L is live again' : 'nothing may be done here: it is read-only',
    );
  const flags = rest.filter((word) => word.startsWith('--'));
  const unknown = flags.find((flag) => row.flags?.includes(flag) !== true);
  if (unknown !== undefined) return refuse(`${name} does not know ${unknown}: ${usageOf(name, row)}`);
  const words = rest.filter((word) => !word.startsWith('--'));
  if (!row.run(reach, words, new Set(flags))) refuse(usageOf(name, row));
}

function usageOf(name: string, { usage }: Row): string {
  return `:${name} ${usage}`.trimEnd();
}

/** Returns the line with its last word completed, or another one of those that fit; null where nothing fits. */
export function completed(reach: Reach, line: string): string | null {
  const words = line.split(' ');
  const last = words.at(-1) ?? '';
  const all = candidates(reach, words);
  const fitting = all.filter((word) => word.startsWith(last) && word !== last);
  const before = words.slice(0, -1);
  if (fitting.length === 1) return [...before, `${fitting[0]} `].join(' ');
  const shared = fitting.reduce((left, right) => commonStart(left, right), fitting[0] ?? '');
  if (shared.length > last.length) return [...before, shared].join(' ');
  // Nothing more is shared: the next one after it, round and round.
  const turn = all.filter((word) => word.startsWith(last.slice(0, -1)));
  const next = all.includes(last) ? turn[(turn.indexOf(last) + 1) % turn.length] : fitting[0];
  return next === undefined || next === last ? null : [...before, next].join(' ');
}

function commonStart(left: string, right: string): string {
  let length = 0;
  while (length < left.length && left[length] === right[length]) length++;
  return left.slice(0, length);
}

function candidates(reach: Reach, words: readonly string[]): readonly string[] {
  const [name = ''] = words;
  if (words.length === 1) return Object.keys(commands);
  const row = commands[name];
  if (row === undefined) return [];
  if ((words.at(-1) ?? '').startsWith('-')) return row.flags ?? [];
  const kind = row.takes[Math.min(words.length - 2, row.takes.length - 1)];
  if (kind === undefined) return [];
  const { window } = reach.get();
  if (kind === 'node') {
    const seen = [...(window?.nodes ?? []).map((node) => node.name), ...(window?.node ? [window.node.row.name] : [])];
    return seen.filter((one) => !words.slice(1, -1).includes(one));
  }
  const jobs = (window?.jobs ?? []).map((job) => String(job.job));
  const tasks = (window?.tasks ?? []).map((task) => task.task);
  return kind === 'job' ? jobs : kind === 'task' ? [...jobs, ...tasks] : kind;
}
