/**
 * Reads what was typed, the variables and the settings file over the table of flags. Own code and not meow's parser:
 * a flag here has a type, a range and a place (`--queue` of `pause` is another one than that of `--coordinator`), the
 * rest of `run` belongs to somebody else, and each mistake gets its own line with what was meant. meow reads the help
 * and the version out (see cli.tsx).
 */
import type { LbtopError } from '../model/errors.ts';
import { meant, nearest } from '../model/nearest.ts';
import { quote, usage } from './complaint.ts';
import {
  allFlags,
  type Context,
  type FlagKey,
  type Flags,
  type Mode,
  modes,
  type NamedFlag,
  settingOf,
  variableOf,
  type WordName,
  wordNames,
} from './flags.ts';

/** Where a value came from; the earlier beats the later. */
export type Origin = 'flag' | 'variable' | 'file';

/** What is to be done, and how. */
export interface CommandLine {
  /** Null: a word, or nothing was said at all. */
  mode: Mode | null;
  word: WordName | null;
  flags: Flags;
  origins: Partial<Record<FlagKey, Origin>>;
  /** What follows the word and is no flag. */
  operands: string[];
  /** What follows `--`, or the first operand of `submit` and `run`. */
  command: string[];
  /** Only the help is wanted, or only the version. */
  asks: 'help' | 'version' | null;
}

export interface Sources {
  env: Readonly<Record<string, string | undefined>>;
  /** Returns the settings file's content. */
  settings(): Readonly<Record<string, unknown>>;
}

const isMode = (text: string): text is Mode => (modes as readonly string[]).includes(text);
const isWord = (text: string): text is WordName => (wordNames as readonly string[]).includes(text);
const takesCommand: readonly Context[] = ['submit', 'run'];

/** Reads the arguments after the program's name. Throws LbtopError (usage). */
export function parseCommandLine(argv: readonly string[], sources: Sources): CommandLine {
  if (argv[0] === 'help') return parseCommandLine([...argv.slice(1, 2), '--help'], sources);
  const { mode, wordAt, strange } = findContext(argv);
  const word = wordAt === -1 ? null : (argv[wordAt] as string);
  // After a flag that nobody knows, what looks like a word may be its value.
  if (word !== null && !isWord(word)) throw strange === null ? unknownWord(word) : unknownFlag(strange, 'attach');
  const context: Context = word ?? mode ?? 'attach';
  const line: CommandLine = { mode, word, flags: {}, origins: {}, operands: [], command: [], asks: null };
  const mistakes: unknown[] = [];
  for (let at = 0; at < argv.length; ) {
    try {
      at = readArgument(argv, at, wordAt, context, line);
    } catch (error) {
      mistakes.push(error);
      at += 1;
    }
  }
  if (line.flags.help) line.asks = 'help';
  else if (line.flags.version) line.asks = 'version';
  if (line.asks !== null) return line; // whoever asks for help may have made mistakes
  if (mistakes.length > 0) throw mistakes[0];
  if (word === null && line.operands.length > 0)
    throw usage(`${quote(line.operands[0] as string)} is too much here: --${context} takes no further arguments`);
  addVariables(line, context, sources.env);
  addSettings(line, context, sources.settings());
  return line;
}

/**
 * Finds what the process is to be, and the place of the word (-1: there is none): flags may stand before it, and some of
 * them take a value. `strange` is the first flag that nobody knows. Throws LbtopError (usage).
 */
export function findContext(argv: readonly string[]): { mode: Mode | null; wordAt: number; strange: string | null } {
  let mode: Mode | null = null;
  let strange: string | null = null;
  for (let i = 0; i < argv.length; i++) {
    const argument = argv[i] as string;
    if (argument === '--') break;
    if (!isFlag(argument)) {
      if (mode === null) return { mode: null, wordAt: i, strange };
      continue;
    }
    const { name, given } = split(argument);
    const rows = allFlags.filter((one) => isNamed(one, argument, name));
    if (rows.length === 0) strange ??= argument;
    const chosen = rows.find(({ key }) => isMode(key))?.key;
    if (chosen !== undefined && isMode(chosen)) {
      if (mode !== null && mode !== chosen) throw usage(`--${mode} and --${chosen}: a process is one of them`);
      mode = chosen;
    }
    const next = argv[i + 1];
    if (given !== null || next === undefined || isFlag(next)) continue;
    // `--queue` is alone for some words and takes a value for others.
    const alone = rows.some(({ row }) => row.value.arity === 'none' && isWord(next) && row.in.includes(next));
    if (rows.some(({ row }) => row.value.arity !== 'none') && !alone) i += 1;
  }
  return { mode, wordAt: -1, strange };
}

/** Takes the argument at `at` into the line; returns where the next one is. Throws LbtopError. */
function readArgument(
  argv: readonly string[],
  at: number,
  wordAt: number,
  context: Context,
  line: CommandLine,
): number {
  const argument = argv[at] as string;
  const isCommands = takesCommand.includes(context);
  if (argument === '--') {
    const rest = argv.slice(at + 1);
    if (isCommands) line.command = rest;
    else line.operands.push(...rest);
    return argv.length;
  }
  if (at === wordAt) return at + 1;
  if (!isFlag(argument)) {
    if (isCommands) {
      line.command = argv.slice(at); // its flags are its own
      return argv.length;
    }
    line.operands.push(argument);
    return at + 1;
  }
  const { name, given } = split(argument);
  const flag = allFlags.find((one) => isNamed(one, argument, name) && one.row.in.includes(context));
  if (flag === undefined) throw unknownFlag(argument, context);
  const { value } = flag.row;
  if (given !== null) take(line, flag, given, `--${flag.name}`, 'flag');
  else if (value.arity === 'none') set(line, flag, value.alone, 'flag');
  else {
    const next = argv[at + 1];
    if (next !== undefined && !isFlag(next)) {
      take(line, flag, next, `--${flag.name}`, 'flag');
      return at + 2;
    }
    if (value.arity === 'one')
      throw usage(`--${flag.name} needs a value: ${value.says} (after = where it begins with a dash)`);
    set(line, flag, value.alone, 'flag');
  }
  return at + 1;
}

function addVariables(line: CommandLine, context: Context, env: Sources['env']): void {
  for (const flag of allFlags) {
    if (!mayAdd(line, flag, context)) continue;
    const variable = variableOf(flag.name);
    const said = env[variable];
    if (said !== undefined && said !== '') take(line, flag, said, variable, 'variable');
  }
}

function addSettings(line: CommandLine, context: Context, settings: Readonly<Record<string, unknown>>): void {
  for (const flag of allFlags) {
    if (!mayAdd(line, flag, context)) continue;
    const said = settings[settingOf(flag.name)];
    if (said === undefined || said === null) continue;
    const where = `${settingOf(flag.name)} in the settings file`;
    for (const text of settingTexts(said, flag)) take(line, flag, text, where, 'file');
  }
}

/** Returns a setting as the texts that flags would have: a list is a repeated flag, an object are pairs. */
export function settingTexts(said: unknown, { key }: NamedFlag): string[] {
  if (key === 'input') return [JSON.stringify(said)];
  if (Array.isArray(said)) return said.map(String);
  if (typeof said === 'object' && said !== null)
    return Object.entries(said).map(([name, value]) => `${name}=${String(value)}`);
  return [String(said)];
}

function mayAdd(line: CommandLine, { key, row }: NamedFlag, context: Context): boolean {
  return row.in.includes(context) && row.typedOnly !== true && line.origins[key] === undefined;
}

function take(line: CommandLine, flag: NamedFlag, text: string, where: string, origin: Origin): void {
  const value = flag.row.value.read(text);
  if (value === undefined)
    throw usage(`${where}: expected ${flag.row.value.says}, got ${quote(text)}${hint(flag, text)}`);
  set(line, flag, value, origin);
}

function set(line: CommandLine, { key, row }: NamedFlag, value: unknown, origin: Origin): void {
  const flags = line.flags as Record<FlagKey, unknown>;
  flags[key] = line.origins[key] === origin && row.value.add !== undefined ? row.value.add(flags[key], value) : value;
  line.origins[key] = origin;
}

function hint({ row: { value } }: NamedFlag, text: string): string {
  return value.choices === undefined ? '' : meant(text, value.choices, '');
}

function unknownFlag(argument: string, context: Context): LbtopError {
  const { name } = split(argument);
  const elsewhere = allFlags.filter((one) => isNamed(one, argument, name)).flatMap(({ row }) => row.in);
  const [where] = elsewhere;
  const asked = (isMode(context) ? `--${context}` : context) satisfies string;
  if (where !== undefined) {
    const [first, ...more] = elsewhere.map((one) => (isMode(one) ? `--${one}` : one));
    return usage(
      `${typedAs(argument)} does not go with ${asked}: it belongs to ${more.length > 2 ? `${first} and others` : [first, ...more].join(', ')}`,
    );
  }
  const help = isMode(context) ? 'lbtop --help' : `lbtop ${context} --help`;
  const near = nearest(name, namesIn(context)) ?? nearest(name, namesIn(null));
  return usage(`unknown flag ${typedAs(argument)}: ${near === null ? `see ${help}` : `did you mean --${near}?`}`);
}

/** The flags of a context, or all there are. */
function namesIn(context: Context | null): string[] {
  return allFlags.filter(({ row }) => context === null || row.in.includes(context)).map((one) => one.name);
}

function unknownWord(word: string): LbtopError {
  // `node` is nearer to --node than to nodes.
  const flags = [...modes, 'version'];
  const near = flags.includes(word)
    ? `--${word}`
    : (nearest(word, wordNames) ?? nearest(word, flags)?.replace(/^/, '--'));
  return usage(`unknown word ${quote(word)}: ${near === undefined ? 'see lbtop --help' : `did you mean ${near}?`}`);
}

function typedAs(argument: string): string {
  const flag = argument.replace(/=.*$/s, '');
  return /^[\x21-\x7e]{1,64}$/.test(flag) ? flag : quote(flag);
}

/** `-` alone is standard input, `-5` a number. */
function isFlag(argument: string): boolean {
  return argument.startsWith('-') && argument !== '-' && !/^-[\d.]/.test(argument);
}

function split(argument: string): { name: string; given: string | null } {
  const at = argument.indexOf('=');
  const name = (at === -1 ? argument : argument.slice(0, at)).replace(/^--?/, '');
  return { name, given: at === -1 ? null : argument.slice(at + 1) };
}

function isNamed({ name, row }: NamedFlag, argument: string, said: string): boolean {
  return argument.startsWith('--') ? name === said : row.short === said;
}
