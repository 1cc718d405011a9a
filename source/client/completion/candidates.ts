/** What could be typed next: words and flags from their tables, values from what they may be, names from the coordinator. */
import { policyNames } from '../../model/job.ts';
import { findContext } from '../command-line.ts';
import { allFlags, type Context, type Mode, modes, type NamedFlag, type WordName, wordNames } from '../flags.ts';
import { file } from '../values.ts';
import { tokenActions } from '../words/token.ts';
import { type Completable, words } from '../words.ts';
import { shells } from './scripts.ts';

export interface Candidate {
  readonly text: string;
  /** A few words beside it, where the shell shows them; '' where there is nothing to say. */
  readonly help: string;
}

/**
 * What the shell is to offer: these candidates, or its own names of files, or a command line of its own that begins with
 * word number `at` of what was typed.
 */
export type Completion =
  | { readonly kind: 'words'; readonly candidates: readonly Candidate[] }
  | { readonly kind: 'files' }
  | { readonly kind: 'command'; readonly at: number };

/** Names that only a coordinator knows; empty where none can be asked. */
export interface Live {
  jobs(): Promise<Candidate[]>;
  /** Of one job. */
  tasks(job: number): Promise<Candidate[]>;
  nodes(): Promise<Candidate[]>;
}

const nothing: Completion = { kind: 'words', candidates: [] };
const takesCommand: readonly (Context | null)[] = ['submit', 'run'];

/** Returns what may stand in place of the last of `typed`, all that follows the program's name. Throws what `live` throws. */
export async function complete(typed: readonly string[], live: Live): Promise<Completion> {
  const before = typed.slice(0, -1);
  const current = typed.at(-1) ?? '';
  const context = contextOf(before);
  if (context === 'unknown') return nothing;
  const { pending, operands, commandAt } = read(before, context);
  if (commandAt !== null) return { kind: 'command', at: commandAt };
  if (pending !== undefined) return offer(current, await valuesOf(pending, live));
  const given = /^(--[a-z-]+)=(.*)$/s.exec(current);
  if (given !== null) {
    const [, name = '', start = ''] = given;
    const flag = flagNamed(name, context);
    if (flag === undefined) return nothing;
    const completion = offer(start, await valuesOf(flag, live));
    if (completion.kind !== 'words') return completion;
    return {
      kind: 'words',
      candidates: completion.candidates.map(({ text, help }) => ({ text: `${name}=${text}`, help })),
    };
  }
  if (current.startsWith('-')) return offer(current, flagsOf(context));
  if (context === null) return offer(current, wordList());
  // The first operand of these is a command.
  if (takesCommand.includes(context)) return { kind: 'command', at: before.length };
  return offer(current, await operandsOf(context, operands, current, live));
}

function offer(start: string, candidates: readonly Candidate[] | 'files'): Completion {
  if (candidates === 'files') return { kind: 'files' };
  return { kind: 'words', candidates: candidates.filter(({ text }) => text.startsWith(start)) };
}

/** A word, or the flag that says what the process is; null where neither was typed yet. */
function contextOf(before: readonly string[]): Context | null | 'unknown' {
  try {
    const { mode, wordAt } = findContext(before);
    return wordAt === -1 ? mode : (wordNames.find((name) => name === before[wordAt]) ?? 'unknown');
  } catch {
    return 'unknown'; // two modes at once: whoever presses return is told
  }
}

/** Reads what is complete: the flag that still wants its value, the operands, where a command begins. */
function read(before: readonly string[], context: Context | null) {
  const operands: string[] = [];
  let pending: NamedFlag | undefined;
  let word = context !== null && !isMode(context);
  for (const [at, text] of before.entries()) {
    if (pending !== undefined) {
      pending = undefined;
      continue;
    }
    if (text === '--') return { pending, operands, commandAt: takesCommand.includes(context) ? at + 1 : null };
    if (text.startsWith('-') && text !== '-') {
      const flag = text.includes('=') ? undefined : flagNamed(text, context);
      if (flag !== undefined && flag.row.value.arity === 'one') pending = flag;
    } else if (word) word = false;
    else if (takesCommand.includes(context)) return { pending, operands, commandAt: at };
    else operands.push(text);
  }
  return { pending, operands, commandAt: null };
}

function flagNamed(said: string, context: Context | null): NamedFlag | undefined {
  return allFlags.find(
    ({ name, row }) =>
      (said === `--${name}` || said === `-${row.short}`) && (context === null || row.in.includes(context)),
  );
}

function flagsOf(context: Context | null): Candidate[] {
  const rows = allFlags.filter(({ key, row }) =>
    context === null ? isMode(key) || key === 'help' || key === 'version' : row.in.includes(context) && key !== context,
  );
  return rows.map(({ name, row }) => ({ text: `--${name}`, help: row.help }));
}

function wordList(): Candidate[] {
  return wordNames.map((name) => ({ text: name, help: words[name].summary }));
}

async function valuesOf({ key, row }: NamedFlag, live: Live): Promise<Candidate[] | 'files'> {
  const { value } = row;
  if (value.choices !== undefined) return value.choices.map((text) => ({ text, help: '' }));
  if (key === 'after') return live.jobs();
  return value.says === file.says ? 'files' : [];
}

async function operandsOf(
  context: Context,
  operands: readonly string[],
  current: string,
  live: Live,
): Promise<Candidate[]> {
  if (isMode(context)) return [];
  const { completes, operands: many } = words[context];
  if (completes === undefined || operands.length >= many[1]) return [];
  const candidates = await namesOf(completes, current, live);
  return candidates.filter(({ text }) => !operands.includes(text));
}

async function namesOf(what: Completable, current: string, live: Live): Promise<Candidate[]> {
  switch (what) {
    case 'jobs':
      return live.jobs();
    case 'tasks': {
      const job = /^(\d{1,15})\./.exec(current)?.[1];
      return job === undefined ? live.jobs() : live.tasks(Number(job));
    }
    case 'nodes':
      return live.nodes();
    case 'policies':
      return policyNames.map((text) => ({ text, help: '' }));
    case 'tokenActions':
      return tokenActions.map((text) => ({ text, help: '' }));
    case 'shells':
      return shells.map((text) => ({ text, help: '' }));
  }
}

function isMode(text: Context | WordName | string): text is Mode {
  return (modes as readonly string[]).includes(text);
}
