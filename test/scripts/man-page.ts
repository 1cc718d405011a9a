/** lbtop.1, made from the tables that the program works by: modes, words, flags, keys. Roff as man(7) has it. */

import packageFile from '../../package.json' with { type: 'json' };
import { allFlags, type Context, modes, variableOf, wordNames } from '../../source/client/flags.ts';
import { flagUsage, modeUsages } from '../../source/client/help.ts';
import { words } from '../../source/client/words.ts';
import { keys } from '../../source/ui/keys.ts';

/** Returns the page. */
export function manPage(): string {
  const lines = [
    '.\\" Made by npm run readme from the tables of words, flags and keys: do not edit.',
    `.TH LBTOP 1 "" "lbtop ${packageFile.version}" "User Commands"`,
    '.SH NAME',
    `lbtop \\- ${escaped(packageFile.description)}`,
    '.SH SYNOPSIS',
    ...modes.flatMap((mode) => ['.br', `.B ${escaped(modeUsages[mode][0])}`]).slice(1),
    '.br',
    '.B lbtop',
    '.I WORD',
    '[\\fIoptions\\fR] [\\fIargument\\fR...]',
    '.SH DESCRIPTION',
    text(
      'One program runs as coordinator or as node. The coordinator owns the queue and places commands and JavaScript tasks by the measured load of the machines; a word asks something of a running coordinator; without anything lbtop is the live interface of the coordinator that it finds.',
    ),
    '.SH PROCESSES',
    ...modes.flatMap((mode) => [...item(modeUsages[mode][0], modeUsages[mode][1]), ...flagsOf(mode)]),
    '.SH WORDS',
    ...wordNames.flatMap((name) => {
      const { usage, summary, example } = words[name];
      return [
        ...item(`lbtop ${name} ${usage}`.trimEnd(), summary),
        ...flagsOf(name),
        '.RS',
        '.PP',
        'Example:',
        `.B ${escaped(example)}`,
        '.RE',
      ];
    }),
    '.SH EVERYWHERE',
    ...flagItems(isEverywhere),
    '.SH KEYS',
    ...keys
      .filter(({ context }) => context === 'screen')
      .flatMap(({ keys: names, words: does }) => item(names.join(' '), does)),
    '.SH EXIT STATUS',
    ...Object.entries({
      0: 'done',
      1: 'the work failed',
      2: 'wrong usage',
      3: 'no coordinator reachable',
      4: 'refused: wrong secret, or not allowed',
    }).flatMap(([code, means]) => item(code, means)),
    text('run passes on the exit code of the command.'),
    '.SH ENVIRONMENT',
    text(
      `Every flag that does not say what is to be done can be set as a variable: --cpu-limit as ${variableOf('cpu-limit')}. A flag beats its variable, a variable the settings file.`,
    ),
    ...item('NO_COLOR, FORCE_COLOR', 'no colours; colours in pipes too'),
    ...item(
      'LBTOP_PAGER, PAGER',
      'what shows tables that are longer than the terminal (less where nothing is said; empty: none)',
    ),
    ...item('LBTOP_THEME', 'light: colours for a light ground'),
    ...item('LBTOP_MOUSE', '0 leaves the mouse to the terminal'),
    '.SH FILES',
    ...item(
      '$XDG_CONFIG_HOME/lbtop/config.json',
      'settings: a JSON object of flags by name, as cpuLimit (default: in ~/.config)',
    ),
    ...item(
      '$XDG_STATE_HOME/lbtop',
      'the secret, the data of a coordinator, what nodes keep (default: in ~/.local/state)',
    ),
    text('lbtop config says where they are and what holds.'),
    '.SH SEE ALSO',
    text('The pages in docs/ of the package: concepts, what happens if, operations, scheduling, library.'),
    '',
  ];
  return lines.join('\n');
}

const manyContexts = 12;
const isEverywhere = (contexts: readonly Context[]): boolean => contexts.length >= manyContexts;

/** The flags of one mode or word, but for those that all have. */
function flagsOf(context: Context): string[] {
  const items = flagItems((contexts, key) => contexts.includes(context) && !isEverywhere(contexts) && key !== context);
  return items.length === 0 ? [] : ['.RS', ...items, '.RE'];
}

function flagItems(wanted: (contexts: readonly Context[], key: string) => boolean): string[] {
  return allFlags.filter(({ key, row }) => wanted(row.in, key)).flatMap((flag) => item(flagUsage(flag), flag.row.help));
}

function item(tag: string, says: string): string[] {
  return ['.TP', `.B ${escaped(tag)}`, text(says)];
}

/** A line that does not begin with what roff takes for a request. */
function text(plain: string): string {
  return escaped(plain).replace(/^(?=[.'])/, '\\&');
}

function escaped(plain: string): string {
  return plain
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll("'", '\\(aq')
    .replaceAll('"', '\\(dq')
    .replaceAll('^', '\\(ha')
    .replaceAll('~', '\\(ti')
    .replaceAll('`', '\\(ga')
    .replaceAll('…', '...')
    .replaceAll('’', '\\(cq');
}
