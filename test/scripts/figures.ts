/** `npm run figures`: writes what the policies gain into the pages; it needs the recordings (see recordings.ts). */
import { readFileSync, writeFileSync } from 'node:fs';
import { policyTables } from '../bench/policies.ts';
import { fill } from './readme-tables.ts';

const tables = policyTables();
if (tables === null) process.exitCode = 1;
else {
  write('docs/scheduling.md', tables);
  // Of both tables what a reader of the first page wants to know.
  const cells = (name: string) => (tables[name]?.() ?? '').split('\n').map((line) => line.split(' | '));
  const alone = new Map(cells('alone').map(([policy = '', , median = '', , worst = '']) => [policy, [median, worst]]));
  const shared = cells('shared').slice(2);
  const [first, ...rest] = [...alone.keys()].slice(2);
  const row = (policy: string, ...more: string[]) => [policy, ...(alone.get(policy) ?? []), ...more].join(' | ');
  write('readme.md', {
    policies: () =>
      [
        '| policy | alone: median | worst | shared: p10 | median | p90 | worst | p99 wait, s |',
        '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
        `${row(first ?? '', '', '', '', '', '')} |`,
        `${row(rest[0] ?? '', '', '', '', '', '')} |`,
        ...shared.map(([policy = '', ...figures]) => row(policy, ...figures)),
      ].join('\n'),
  });
}

function write(page: string, places: Readonly<Record<string, () => string>>): void {
  const file = new URL(`../../${page}`, import.meta.url);
  writeFileSync(file, fill(readFileSync(file, 'utf8'), places));
}
