/** The tables of docs/trace-format.md, made from those that the program reads and writes by. */
import { inputs } from '../../source/feed/trace-inputs.ts';
import { facts } from '../../source/model/fact.ts';
import { taskStates } from '../../source/model/job.ts';
import type { Kinds } from '../../source/model/shape.ts';
import { snapshotRecords } from '../../source/scheduler/snapshot-shape.ts';

/** Names of the marked places of the page, and what belongs there. */
export const traceFormatTables: Readonly<Record<string, () => string>> = {
  facts: () => tableOf(facts.kinds),
  inputs: () => tableOf(inputs.kinds),
  records: () => tableOf(snapshotRecords.kinds),
  states: () => taskStates.map((state, code) => `${code} \`${state}\``).join(', '),
};

function tableOf(kinds: Kinds): string {
  const rows = Object.entries(kinds).sort(([, [a]], [, [b]]) => a - b);
  return [
    '| code | kind | fields |',
    '| --- | --- | --- |',
    ...rows.map(([kind, [code, fields]]) => {
      const told = Object.entries(fields).map(([name, { says }]) => `${name}: ${plain(says)}`);
      return `| ${code} | \`${kind}\` | \`${told.join('; ')}\` |`;
    }),
  ].join('\n');
}

/** A bar ends a cell of a table; of the largest numbers nobody wants to read the digits. */
function plain(says: string): string {
  return says
    .replaceAll(' | ', ' or ')
    .replaceAll(`0..${Number.MAX_VALUE}`, '>= 0')
    .replaceAll(`..${Number.MAX_SAFE_INTEGER}`, '..2^53-1');
}
