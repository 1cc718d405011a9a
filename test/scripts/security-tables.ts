/** The table of docs/security.md that says who may what, made from the table that the coordinator works by. */
import { roles } from '../../source/wire/messages.ts';
import type { Permission, Reach } from '../../source/wire/permission.ts';
import { verbs } from '../../source/wire/verbs.ts';

const words: Readonly<Record<Reach, string>> = {
  all: 'yes',
  own: 'its own jobs',
  show: 'only look',
  masked: 'without command lines',
};

/** Names of the marked places in the page, and what belongs there. */
export const securityTables: Readonly<Record<string, () => string>> = { roles: roleTable };

/** One row for all requests with the same rights. */
function roleTable(): string {
  const rows = new Map<string, string[]>();
  for (const [verb, { may }] of Object.entries(verbs) as [string, { may: Permission }][]) {
    const cells = roles.map((role) => (may[role] === undefined ? 'no' : words[may[role]])).join(' | ');
    rows.set(cells, [...(rows.get(cells) ?? []), `\`${verb}\``]);
  }
  return [
    `| request | ${roles.join(' | ')} |`,
    `| --- |${' --- |'.repeat(roles.length)}`,
    ...[...rows].map(([cells, named]) => `| ${named.join(', ')} | ${cells} |`),
  ].join('\n');
}
