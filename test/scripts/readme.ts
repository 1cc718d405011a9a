/** `npm run readme`: writes the tables of words and keys into readme.md, and those of docs/trace-format.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fill, tables } from './readme-tables.ts';
import { traceFormatTables } from './trace-format-tables.ts';

for (const [page, places] of [
  ['readme.md', tables],
  ['docs/trace-format.md', traceFormatTables],
] as const) {
  const file = new URL(`../../${page}`, import.meta.url);
  writeFileSync(file, fill(readFileSync(file, 'utf8'), places));
}
