/**
 * `npm run readme`: writes what is made from the program's own tables, and from the figures that were measured last, into the
 * pages that have it, with their pictures, and the man page.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { plots } from '../bench/race/plots.ts';
import { generated } from './generated-pages.ts';
import { manPage } from './man-page.ts';
import { policyPlots } from './policy-plots.ts';
import { fill } from './readme-tables.ts';

writeFileSync(new URL('../../lbtop.1', import.meta.url), manPage());
for (const [page, places] of Object.entries(generated)) {
  const file = new URL(`../../${page}`, import.meta.url);
  writeFileSync(file, fill(readFileSync(file, 'utf8'), places));
}
mkdirSync(new URL('../../docs/figures/', import.meta.url), { recursive: true });
for (const [name, picture] of Object.entries({ ...plots(), ...policyPlots() }))
  writeFileSync(new URL(`../../docs/figures/${name}`, import.meta.url), picture);
