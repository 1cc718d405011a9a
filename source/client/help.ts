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

/** Returns the help for everything, in lines of at most so many columns where that can be. */
function overallHelp(columns: number): string {
  const rows = [
    ...Object.values(modeUsages).map(([usage, summary]): [string, string] => [usage, summary]),
    ['', ''] as [string, string],
    ...wordNames.map((name): [string, string] => [`lbtop ${name} ${words[name].usage}`.trimEnd(), words[name].summary]),
  ];
  return `${[
    'lbtop: top for a fleet that shares work',
    '',
    ...aligned(rows, columns),
    '',
    ...flagSection('With --coordinator:', 'coordinator', columns),
    ...flagSection('With --node:', 'node', columns),
    ...flagSection('With --attach:', 'attach', columns),
    'lbtop WORD --help tells more of a word, with an example.',
    ...wrapped(
      'Every flag is a variable too (--cpu-limit: LBTOP_CPU_LIMIT) and a key of the settings file ' +
        '($XDG_CONFIG_HOME/lbtop/config.json, "cpuLimit"). Flag beats variable beats file.',
      Math.min(columns, 100),
    ),
    ...wrapped(
      'Exit codes: 0 done, 1 the work failed, 2 wrong usage, 3 no coordinator, 4 refused; run passes on that of the command.',
      columns,
    ),
  ].join('\n')}\n`;
}

/** Returns the help of one word. */
function wordHelp(name: WordName, columns: number): string {
  const { usage, summary, example } = words[name];
  return `${[
    ...wrapped(`lbtop ${name} ${usage}`.trimEnd(), columns),
    '',
    ...wrapped(summary, columns - 2).map((line) => `  ${line}`),
    '',
    ...flagSection('Flags:', name, columns),
    'Example:',
    `  ${example}`,
  ].join('\n')}\n`;
}

/** Returns the help that fits what was typed, in lines of at most so many columns where that can be. */
export function helpFor(word: WordName | null, columns = Number.POSITIVE_INFINITY): string {
  return word === null ? overallHelp(columns) : wordHelp(word, columns);
}

function flagSection(title: string, context: Context, columns: number): string[] {
  const rows = allFlags.filter(({ key, row }) => row.in.includes(context) && key !== context && key !== 'version');
  return [
    title,
    ...aligned(
      rows.map((flag) => [flagUsage(flag), flag.row.help]),
      columns,
    ),
    '',
  ];
}

/** A flag as it is typed: `-f, --follow`, `--host HOST`. */
export function flagUsage({ name, row }: NamedFlag): string {
  return `${row.short === undefined ? '' : `-${row.short}, `}--${name}${row.metavar === '' ? '' : ` ${row.metavar}`}`;
}

/** What stands right goes on under itself, and begins there where the left is too long; in narrow terminals a line deeper. */
function aligned(rows: readonly (readonly [left: string, right: string])[], columns: number): string[] {
  const width = Math.min(40, Math.max(...rows.map(([left]) => left.length)));
  const beside = columns - width - 4 >= leastCells;
  const indent = ' '.repeat(beside ? width + 4 : 6);
  return rows.flatMap(([left, right]) => {
    const lines = wrapped(right, Math.max(leastCells, columns - indent.length)).map((line) =>
      `${indent}${line}`.trimEnd(),
    );
    const fits = beside && (left.length <= width || columns === Number.POSITIVE_INFINITY);
    if (!fits) return [...wrapped(left, columns - 2).map((line) => `  ${line}`), ...lines];
    return [`  ${left.padEnd(width)}  ${lines[0]?.trimStart() ?? ''}`.trimEnd(), ...lines.slice(1)];
  });
}

/** Beside what is on its left a text has at least so much room, or stands under it. */
const leastCells = 30;

/** Lines of whole words. */
function wrapped(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
