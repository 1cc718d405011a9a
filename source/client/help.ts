/** The help, made from the tables of words and flags. */
import { allFlags, type Context, type Mode, type NamedFlag, type WordName, wordNames } from './flags.ts';
import { words } from './words.ts';

/** How each mode is typed, and what it is. */
export const modeUsages: Readonly<Record<Mode, readonly [usage: string, summary: string]>> = {
  coordinator: ['lbtop --coordinator', 'own the queue and place the work; the live interface on a terminal'],
  node: ['lbtop --node', 'run tasks on this machine'],
  attach: ['lbtop --attach [HOST:PORT]', 'the live interface on a running coordinator (also: lbtop alone)'],
  replay: ['lbtop --replay FILE', 'the interface on a recorded session; its summary without a terminal'],
  demo: ['lbtop --demo', 'a whole small fleet on this machine'],
};

/** Returns the help for everything. */
export function overallHelp(): string {
  const rows = [
    ...Object.values(modeUsages).map(([usage, summary]): [string, string] => [usage, summary]),
    ['', ''] as [string, string],
    ...wordNames.map((name): [string, string] => [`lbtop ${name} ${words[name].usage}`.trimEnd(), words[name].summary]),
  ];
  return `${[
    'lbtop: top for a fleet that shares work',
    '',
    ...aligned(rows),
    '',
    ...flagSection('With --coordinator:', 'coordinator'),
    ...flagSection('With --node:', 'node'),
    ...flagSection('With --attach:', 'attach'),
    'lbtop WORD --help tells more of a word, with an example.',
    'Every flag is a variable too (--cpu-limit: LBTOP_CPU_LIMIT) and a key of the settings file',
    '($XDG_CONFIG_HOME/lbtop/config.json, "cpuLimit"). Flag beats variable beats file.',
    'Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 no coordinator, 4 refused; run passes on that of the command.',
  ].join('\n')}\n`;
}

/** Returns the help of one word. */
export function wordHelp(name: WordName): string {
  const { usage, summary, example } = words[name];
  return `${[`lbtop ${name} ${usage}`.trimEnd(), '', `  ${summary}`, '', ...flagSection('Flags:', name), 'Example:', `  ${example}`].join('\n')}\n`;
}

/** Returns the help that fits what was typed. */
export function helpFor(word: WordName | null): string {
  return word === null ? overallHelp() : wordHelp(word);
}

function flagSection(title: string, context: Context): string[] {
  const rows = allFlags.filter(({ key, row }) => row.in.includes(context) && key !== context && key !== 'version');
  return [title, ...aligned(rows.map((flag) => [flagUsage(flag), flag.row.help])), ''];
}

/** A flag as it is typed: `-f, --follow`, `--host HOST`. */
export function flagUsage({ name, row }: NamedFlag): string {
  return `${row.short === undefined ? '' : `-${row.short}, `}--${name}${row.metavar === '' ? '' : ` ${row.metavar}`}`;
}

function aligned(rows: readonly (readonly [left: string, right: string])[]): string[] {
  const width = Math.min(40, Math.max(...rows.map(([left]) => left.length)));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd());
}
