/**
 * What a node does not do, whatever its coordinator says: the machine's owner gives these limits where the node starts,
 * and nothing that comes over the wire lifts them.
 */
import { realpathSync, statSync } from 'node:fs';
import { isAbsolute, normalize, relative, resolve } from 'node:path';
import { LbtopError } from '../model/errors.ts';
import { type Account, accountOf } from './account.ts';
import { commandPatterns } from './command-patterns.ts';
import type { Launch } from './runners/starter.ts';
import { shortText } from './short-text.ts';

export interface HouseRules {
  /** Patterns of the commands that are run; none: all are. */
  allow: readonly string[];
  /** Tasks start in this directory or below it, absolute; null: anywhere. */
  workRoot: string | null;
  /** Whose processes tasks are; null: the node's own account. */
  runAs: Account | null;
}

export const noRules: HouseRules = { allow: [], workRoot: null, runAs: null };

/** Returns the rules that were given where the node starts. Throws LbtopError (usage) where they cannot be held. */
export function houseRules(given: { allow?: string[]; workRoot?: string; runAs?: string }): HouseRules {
  const { allow = [], workRoot = null, runAs } = given;
  if (workRoot !== null && !isDirectory(workRoot))
    throw new LbtopError('usage', `${shortText(workRoot)} is not a directory: check --work-root`);
  return { allow, workRoot, runAs: runAs === undefined ? null : accountOf(runAs) };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** This node does not do that: the task fails, and another node is not looked for. The message says why. */
export class NotAllowed extends Error {
  override readonly name = 'NotAllowed';
}

/**
 * Variables by which the submitter would choose what an allowed program loads or runs: what sudo takes away (its list of
 * bad variables), and what some other run times and programs obey, or read the name of a file or directory from that they do.
 */
const loading =
  /^(?:PATH|IFS|CDPATH|ENV|BASH_ENV|BASH_FUNC_.*|PS4|GLOBIGNORE|BASHOPTS|SHELLOPTS|FPATH|NULLCMD|READNULLCMD|ZDOTDIR|TMPPREFIX|(?:LD|_RLD|DYLD|NODE|PERL|PYTHON|RUBY|GIT|_?JAVA|JDK|GCONV|DOTNET|LUA|OPENSSL|PHP|BUN|DENO|GTK|QT|GIO|JULIA|GUILE|CORECLR|ELECTRON|MAGICK|XDG|NPM_CONFIG|npm_config)_?.*|R_(?:HOME|LIBS.*|PROFILE.*|ENVIRON.*)|COR_.*|CLASSPATH|HOME|CURL_HOME|WGETRC|INPUTRC|TAR_OPTIONS|MAKEFLAGS|MAKEFILES|AWKPATH|AWKLIBPATH|TCLLIBPATH|LESSOPEN|LESSCLOSE|GLIBC_TUNABLES|.*_ASKPASS|.*_RSH|TERMINFO(?:_DIRS)?|TERMPATH|TERMCAP|HOSTALIASES|LOCALDOMAIN|RES_OPTIONS|NLSPATH|PATH_LOCALE|EDITOR|VISUAL|BROWSER|.*PAGER)$/;

/** True also for a name with `=` in it: programs read another variable with a value. */
function isLoading(variable: string, value: string | undefined): boolean {
  return loading.test(variable) || /[=\n]/.test(variable) || (value?.startsWith('()') ?? false);
}

/**
 * Returns the launch as this house does it. Throws NotAllowed.
 * `named` is the part of the environment that the job names, `path` where this node looks for programs.
 */
export type Judge = (launch: Launch, named: Readonly<Record<string, string>>) => Launch;

/** `path`: where the node itself looks for programs, as `PATH`. */
export function judgeBy(rules: HouseRules, path: string): Judge {
  const patterns = rules.allow.length === 0 ? null : commandPatterns(rules.allow, path);
  return (launch, named) => {
    const unlinked = rules.workRoot !== null;
    const cwd = rules.workRoot === null ? launch.cwd : placeWithin(rules.workRoot, launch.cwd);
    if (patterns === null) return { ...launch, cwd, unlinked };
    const names = rules.allow.join(', ');
    for (const name of Object.keys(named))
      if (isLoading(name, named[name]))
        throw new NotAllowed(`this node runs only what its --allow names, and takes no variable ${shortText(name)}`);
    const program = patterns(launch.argv, cwd);
    if (program === null)
      throw new NotAllowed(
        `this node does not run ${shortText(launch.argv.join(' '))}: its --allow names ${shortText(names)}`,
      );
    return { ...launch, cwd, unlinked, argv: [program, ...launch.argv.slice(1)] };
  };
}

/** Returns where a task starts that names `cwd`, with no link left in it. Throws NotAllowed where that is outside. */
function placeWithin(workRoot: string, cwd: string | null): string {
  const root = real(workRoot);
  const place = cwd === null ? root : real(resolve(root, cwd));
  const way = relative(root, place);
  if (way === '..' || way.startsWith('../') || isAbsolute(way))
    throw new NotAllowed(
      `this node starts tasks only in ${shortText(workRoot)}, which ${shortText(cwd ?? '')} is not in`,
    );
  return place;
}

/** A directory that is not there is not in the root either: whoever asks learns nothing about the rest of the disk. */
function real(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    return directory.includes('\0') ? '/' : normalize(directory);
  }
}
