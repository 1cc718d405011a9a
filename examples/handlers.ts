/** Tasks in JavaScript: `lbtop --node --handlers examples/handlers.ts`, then `node examples/use-handlers.ts`. */
import type { Handler } from 'lbtop';

/** Counts the words of a text, and says how far it is. */
export const words: Handler<string, Record<string, number>> = (text, { progress, log }) => {
  const counts: Record<string, number> = {};
  const all = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  for (const [place, word] of all.entries()) {
    counts[word] = (counts[word] ?? 0) + 1;
    progress((place + 1) / all.length, word);
  }
  log(`${all.length} words`);
  return counts;
};
