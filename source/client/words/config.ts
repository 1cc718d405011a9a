/** `lbtop config` */

import { meant } from '../../model/nearest.ts';
import type { Call } from '../call.ts';
import { type Origin, settingTexts } from '../command-line.ts';
import { allFlags, type Context, modes, type NamedFlag, settingOf, variableOf } from '../flags.ts';
import { printJson, printLine } from '../io.ts';
import { places } from '../places.ts';
import { cellText } from '../plain-text.ts';
import { readSettings } from '../settings.ts';
import { type Column, onePage, printRows } from '../table.ts';

interface Setting {
  /** As the settings file calls it. */
  readonly name: string;
  readonly value: string;
  readonly from: Exclude<Origin, 'flag'>;
  /** The variable, or the settings file. */
  readonly where: string;
  /** What it is for; a process or word that is none of these does not look at it. */
  readonly of: readonly Context[];
  /** What is wrong with the value; null where nothing is. */
  readonly wrong: string | null;
}

const columns: readonly Column<Setting>[] = [
  { title: 'SETTING', text: ({ name }) => name },
  { title: 'VALUE', text: ({ value }) => value },
  { title: 'FROM', text: ({ from, where }) => (from === 'variable' ? where : 'settings file') },
  { title: 'FOR', text: ({ of }) => shortened(of) },
  { title: 'WRONG', text: ({ wrong }) => wrong ?? '', colour: () => 'red' },
];

/** Prints what holds where no flag says otherwise, and from where it comes. Throws LbtopError (usage) for a bad file. */
export async function config({ flags, io }: Call): Promise<number> {
  const where = places(io.env);
  const said = readSettings(where.settingsFile);
  const settings = [
    ...allFlags.flatMap((flag) => setting(flag, io.env, said, where.settingsFile) ?? []),
    ...strangeVariables(io.env),
  ];
  const { settingsFile, stateDirectory, dataDirectory, secretFile } = where;
  if (flags.json) {
    await printJson(io.stdout, { settings, places: { settingsFile, stateDirectory, dataDirectory, secretFile } });
    return 0;
  }
  if (settings.length > 0) await printRows(io.stdout, columns, onePage(settings), false);
  else await printLine(io.stdout, 'nothing is set: neither by variables (LBTOP_…) nor by the settings file');
  for (const [name, path] of Object.entries({
    'settings file': settingsFile,
    state: stateDirectory,
    data: dataDirectory,
    secret: secretFile,
  }))
    await printLine(io.stdout, `${`${name}:`.padEnd(15)}${cellText(path)}`);
  return 0;
}

function setting(
  { key, name, row }: NamedFlag,
  env: Readonly<Record<string, string | undefined>>,
  said: Readonly<Record<string, unknown>>,
  settingsFile: string,
): Setting | undefined {
  if (row.typedOnly === true) return undefined;
  const variable = variableOf(name);
  const given = env[variable];
  const byVariable = given !== undefined && given !== '';
  const inFile = said[settingOf(name)];
  if (!byVariable && (inFile === undefined || inFile === null)) return undefined;
  const texts = byVariable ? [given] : settingTexts(inFile, { key, name, row });
  const bad = texts.find((text) => row.value.read(text) === undefined);
  return {
    name: settingOf(name),
    value: texts.join(', '),
    from: byVariable ? 'variable' : 'file',
    where: byVariable ? variable : settingsFile,
    of: row.in,
    wrong: bad === undefined ? null : `expected ${row.value.says}`,
  };
}

/** Variables that are no flag's: of the interface and of the pager, and what tasks are told. */
const otherVariables = ['THEME', 'MOUSE', 'GLYPHS', 'PAGER'].concat([
  'JOB_ID',
  'TASK_ID',
  'TASK_INDEX',
  'ATTEMPT',
  'NODE',
  'ENTRY',
  'AGENT',
]);

/** What is named like ours and means nothing: mistyped, most likely. */
function strangeVariables(env: Readonly<Record<string, string | undefined>>): Setting[] {
  const flags = allFlags.filter(({ row }) => row.typedOnly !== true).map(({ name }) => variableOf(name));
  const known = new Set([...flags, ...otherVariables.map((name) => `LBTOP_${name}`)]);
  return Object.entries(env).flatMap(([name, value = '']) =>
    !name.startsWith('LBTOP_') || known.has(name)
      ? []
      : [{ name, value, from: 'variable', where: name, of: [], wrong: `is no setting${meant(name, known, '')}` }],
  );
}

/** Words by name, processes as they are started; many are told as how many. */
function shortened(of: readonly Context[]): string {
  const names = of.map((one) => ((modes as readonly string[]).includes(one) ? `--${one}` : one));
  return names.length <= 4 ? names.join(', ') : `${names.slice(0, 2).join(', ')} and ${names.length - 2} more`;
}
