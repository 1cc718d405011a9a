/** `npm run readme`: writes the tables of words and keys into readme.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fill } from './readme-tables.ts';

const file = new URL('../../readme.md', import.meta.url);
writeFileSync(file, fill(readFileSync(file, 'utf8')));
