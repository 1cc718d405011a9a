/** Which commands `--allow` names. */
import { accessSync, constants, statSync } from 'node:fs';
import { basename, isAbsolute, join, resolve } from 'node:path';

/**
 * Takes patterns and the directories in which this node looks for programs (as `PATH`). Returns what answers the absolute
 * program for a command that one of the patterns allows, or null.
 *
 * A pattern is words. The first is a program: a name, as it is found in `path`, or an absolute path. A pattern of one word
 * allows it any arguments; else the others are arguments, in order and all of them, where a last word `*` stands for any
 * that follow. In a word `*` stands for any characters, in a path for any but `/`.
 */
export function commandPatterns(
  patterns: readonly string[],
  path: string,
): (argv: readonly string[], cwd: string | null) => string | null {
  const places = path.split(':').filter(isAbsolute);
  const allowed = patterns.map((pattern) => {
    const [first = '', ...rest] = pattern.trim().split(/\s+/);
    const open = rest.length === 0 || rest.at(-1) === '*';
    const words = (rest.at(-1) === '*' ? rest.slice(0, -1) : rest).map((word) => glob(word, '.*'));
    return { program: glob(first, '[^/]*'), byPath: first.includes('/'), words, open };
  });

  function found(name: string): string | null {
    return places.map((place) => join(place, name)).find(isProgram) ?? null;
  }

  return ([given = '', ...args], cwd) => {
    const program = given.includes('/') ? resolve(cwd ?? '.', given) : found(given);
    if (program === null) return null;
    const name = basename(program);
    for (const one of allowed) {
      const named = one.byPath ? one.program.test(program) : one.program.test(name) && found(name) === program;
      if (!named || args.length < one.words.length || (!one.open && args.length > one.words.length)) continue;
      if (one.words.every((word, at) => word.test(args[at] as string))) return program;
    }
    return null;
  };
}

/** Whole words, line breaks included. */
function glob(word: string, star: string): RegExp {
  const parts = word.split('*').map((part) => part.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  return new RegExp(`^${parts.join(star)}$`, 's');
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
