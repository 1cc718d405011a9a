/** What the pages say of the comparison, made from the result that was written last. */
import { shortNumber } from './race.ts';
import type { Measure, Ratio, RowResult, SideResult, Spread } from './row.ts';
import { type Bench, readBench } from './suite.ts';

const notYet = 'Nothing has been measured yet: `npm run bench -- --write`, then `npm run readme`.';

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

/** A median with the lowest and the highest of the rounds. */
function withSpread({ median, low, high }: Spread): string {
  if (low === high) return shortNumber(median);
  return `${shortNumber(median)} (${shortNumber(low)} to ${shortNumber(high)})`;
}

const shownId = (id: string): string => (id.startsWith('w') ? (id.split('-')[0]?.toUpperCase() ?? '') : '');

/** The best of the others in a measure, among those that this side of ours is compared with. */
function bestPeer({ sides, ratios }: RowResult, ours: string, { name, better }: Measure): SideResult | null {
  const compared = new Set(ratios.filter((one) => one.ours === ours && one.measure === name).map(({ peer }) => peer));
  const value = (side: SideResult): number => side.figures[name]?.median ?? Number.NaN;
  const ordered = sides
    .filter((side) => !side.ours && name in side.figures && (compared.size === 0 || compared.has(side.name)))
    .sort((a, b) => (better === 'more' ? value(b) - value(a) : value(a) - value(b)));
  return ordered.find(({ floor }) => !floor) ?? ordered[0] ?? null;
}

const ratioOf = ({ ratios }: RowResult, ours: string, peer: string, measure: string): Ratio | undefined =>
  ratios.find((one) => one.ours === ours && one.peer === peer && one.measure === measure);

/** A line a headline: ours, the best of the others, and the ratio. */
export function shortTable(bench: Bench | null = readBench()): string {
  if (bench === null) return notYet;
  const rows = bench.rows.flatMap((row) =>
    row.headlines.flatMap(([ours, name]): string[][] => {
      const measure = row.measures.find((one) => one.name === name);
      const mine = row.sides.find((side) => side.name === ours)?.figures[name];
      if (measure === undefined || mine === undefined) return [];
      const peer = bestPeer(row, ours, measure);
      const theirs = peer?.figures[name];
      const ratio = peer === null ? undefined : ratioOf(row, ours, peer.name, name);
      return [
        [
          `${shownId(row.id)} ${row.title}: ${measure.unit}${ours === 'lbtop' ? '' : ` (${ours.replace('lbtop, ', '')})`}`,
          shortNumber(mine.median),
          peer === null || theirs === undefined ? '' : `${peer.name}: ${shortNumber(theirs.median)}`,
          ratio === undefined ? '' : withSpread(ratio),
        ],
      ];
    }),
  );
  return `${table(['', 'lbtop', 'best of the others', 'ratio'], rows)}\n\n${ofMachine(bench)}`;
}

function ofMachine({ machine: { cpu, cores, memoryGiB, system, node, load, day } }: Bench): string {
  return `Measured on ${day}: ${cores} cores of ${cpu}, ${memoryGiB} GiB, ${system}, Node ${node}, load before it began ${shortNumber(load)}.`;
}

/** Everything of all rows. */
export function fullTables(bench: Bench | null = readBench()): string {
  if (bench === null) return notYet;
  return [ofMachine(bench), ...bench.rows.map(rowText)].join('\n\n');
}

function rowText(row: RowResult): string {
  const ran = row.sides.filter(({ skipped }) => skipped === null);
  const skipped = row.sides.filter((side) => side.skipped !== null);
  const measures = row.measures.filter(({ name }) => ran.some(({ figures }) => name in figures));
  const rounds = row.rounds === 1 ? 'One round' : `Medians of ${row.rounds} rounds, with the lowest and the highest`;
  const figures = table(
    ['', ...measures.map(({ unit }) => unit)],
    ran.map((side) => [
      side.ours ? `**${side.name}**` : side.name,
      ...measures.map(({ name }) => (side.figures[name] === undefined ? '' : withSpread(side.figures[name]))),
    ]),
  );
  const ratios = ratioTable(row, measures);
  const goals = row.goals.map(
    ({ text, value, met }) =>
      `- ${text}: ${value === null ? 'not measured' : `${met ? 'yes' : 'no'}, ${shortNumber(value)}`}`,
  );
  return [
    `### ${shownId(row.id)} ${row.title}`.replace('###  ', '### '),
    row.work,
    `${rounds}.`,
    figures,
    ratios === '' ? '' : `Ratios within a round, above 1 where lbtop is ahead:\n\n${ratios}`,
    goals.length === 0 ? '' : `Aims:\n\n${goals.join('\n')}`,
    `How each was set up:\n\n${ran.map(({ name, tuned }) => `- ${name}: ${tuned}`).join('\n')}`,
    skipped.map(({ name, skipped }) => `Left out: ${name}: ${skipped}`).join('\n\n'),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

function ratioTable(row: RowResult, measures: readonly Measure[]): string {
  const pairs = new Map(row.ratios.map((ratio) => [`${ratio.ours}\n${ratio.peer}`, ratio]));
  const shown = measures.filter(({ name }) => row.ratios.some(({ measure }) => measure === name));
  if (shown.length === 0) return '';
  return table(
    ['', ...shown.map(({ unit }) => unit)],
    [...pairs.values()].map(({ ours, peer }) => [
      `${ours} : ${peer}`,
      ...shown.map(({ name }) => {
        const ratio = ratioOf(row, ours, peer, name);
        return ratio === undefined ? '' : withSpread(ratio);
      }),
    ]),
  );
}
