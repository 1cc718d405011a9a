/** The readme's tables of words and keys, made from the tables that the program works by. */
import { words } from '../../source/client/words.ts';
import { keysInMarkdown } from '../../source/ui/keys.ts';

/** Names of the marked places in the readme, and what belongs there. */
export const tables: Readonly<Record<string, () => string>> = {
  words: () =>
    [
      '| command | does |',
      '| --- | --- |',
      ...Object.entries(words).map(([word, { usage, summary }]) => {
        const command = `lbtop ${word} ${usage}`.trimEnd().replaceAll('|', '\\|');
        return `| \`${command}\` | ${summary} |`;
      }),
    ].join('\n'),
  keys: keysInMarkdown,
};

/** Returns the text with each place between `<!-- NAME -->` and `<!-- /NAME -->` filled anew. Throws where one is missing. */
export function fill(text: string, places: Readonly<Record<string, () => string>> = tables): string {
  let filled = text;
  for (const [name, table] of Object.entries(places)) {
    const begin = `<!-- ${name} -->\n`;
    const from = filled.indexOf(begin);
    const to = filled.indexOf(`<!-- /${name} -->`);
    if (from === -1 || to === -1) throw new Error(`no place for ${name}`);
    filled = `${filled.slice(0, from + begin.length)}\n${table().trim()}\n\n${filled.slice(to)}`;
  }
  return filled;
}
