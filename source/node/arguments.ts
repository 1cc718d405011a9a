/** Fills the item and the index of a task into its command. */
import type { JobSpec, Work } from '../model/job.ts';

const placeholder = /\{(#?)\}/g;
const safeWord = /^[A-Za-z0-9_@%+=:,./-]+$/;

/**
 * Takes the work of a job, the task's item (null: it has none) and its index; returns the argv to execute.
 * Every `{}` becomes the item and every `{#}` the index; what came in by an item is not looked at again. Where no
 * argument holds `{}`, the item is appended. With `shell` the item becomes one quoted word of the shell's language.
 * A job without items that has a single task is literal: `${#}` means something else there.
 */
export function argumentsOf(
  spec: Pick<JobSpec, 'work' | 'items' | 'span'>,
  item: string | null,
  index: number,
): string[] {
  const { work } = spec;
  const literal = item === null && spec.span.count === 1 && spec.span.first === 0;
  const filled = literal ? work.argv : fill(work, item, index);
  return work.shell ? ['/bin/sh', '-c', filled.join(' ')] : [...filled];
}

/** One word for a POSIX shell, whatever is in it. */
export function shellWord(text: string): string {
  return safeWord.test(text) ? text : quoted(text);
}

/** The same between quotes, whatever is in it: never a word of the shell's own language. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function fill(work: Work, item: string | null, index: number): string[] {
  const word = item !== null && work.shell ? shellWord(item) : item;
  let placed = false;
  const filled = work.argv.map((argument) =>
    argument.replace(placeholder, (whole: string, sharp: string) => {
      if (sharp) return String(index);
      if (word === null) return whole;
      placed = true;
      return word;
    }),
  );
  if (word !== null && !placed) filled.push(word);
  return filled;
}
