/** The pictures of docs/scheduling.md, drawn from the page's own tables. */
import { readFileSync } from 'node:fs';
import { plot } from '../bench/race/plots.ts';

interface Range {
  name: string;
  /** Ascending. */
  low: number;
  middle: number;
  high: number;
  worst: number;
}

const width = 640;
const [left, right, top, bottom, rowHeight] = [330, 30, 46, 40, 24];
const ink = '#d7dae0';

/** Returns a standalone SVG: a bar from `low` to `high`, a stroke at `middle`, a point at `worst`; a logarithmic axis. */
function rangePlot(title: string, x: string, ranges: readonly Range[]): string {
  const height = top + ranges.length * rowHeight + bottom;
  const most = Math.max(...ranges.map(({ worst }) => worst));
  const steps = [1, 1.5, 2, 3, 5, 10, 20, 50];
  const ticks = steps.slice(0, steps.findIndex((step) => step >= most) + 1);
  const end = Math.log(ticks.at(-1) as number);
  const across = (value: number): string =>
    (left + (Math.max(0, Math.log(value)) / end) * (width - left - right)).toFixed(1);
  const text = (at: readonly [string | number, number], anchor: string, words: string): string =>
    `<text x="${at[0]}" y="${at[1]}" text-anchor="${anchor}" fill="${ink}">${words}</text>`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="DejaVu Sans, Helvetica, sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    '<rect width="100%" height="100%" rx="6" fill="#11151c"/>',
    text([16, 24], 'start', title),
    ...ticks.flatMap((value) => [
      `<path d="M${across(value)} ${top}V${height - bottom}" stroke="#333a45"/>`,
      text([across(value), height - bottom + 16], 'middle', String(value)),
    ]),
    text([width - right, height - 8], 'end', x),
    ...ranges.flatMap(({ name, low, middle, high, worst }, row) => {
      const y = top + row * rowHeight;
      const [from, to, at] = [across(low), across(high), across(middle)];
      return [
        text([left - 12, y + 16], 'end', name),
        `<rect x="${from}" y="${y + 6}" width="${Math.max(2, Number(to) - Number(from)).toFixed(1)}" height="12" fill="#5fb3f9"/>`,
        `<path d="M${at} ${y + 3}V${y + 21}" stroke="${ink}" stroke-width="2"/>`,
        `<circle cx="${across(worst)}" cy="${y + 12}" r="3.5" fill="#e0a458"/>`,
      ];
    }),
    '</svg>\n',
  ].join('\n');
}

/** Cells of the table at a marked place of a page, without its head. */
function cellsOf(page: string, place: string): string[][] {
  const [, table = ''] = page.split(`<!-- ${place} -->`);
  const lines = (table.split(`<!-- /${place} -->`)[0] ?? '').matchAll(/^\|(.*)\|$/gm);
  return Array.from(lines, ([, line = '']) => line.split('|').map((cell) => cell.replaceAll('`', '').trim())).filter(
    ([name]) => name !== '---',
  );
}

function ranges(page: string, place: string): Range[] {
  return cellsOf(page, place)
    .slice(1)
    .map(([name = '', ...figures]) => {
      const [low = 0, middle = 0, high = 0, worst = 0] = figures.map(Number);
      return { name, low, middle, high, worst };
    });
}

/** Returns the pictures by the names of their files in docs/figures. */
export function policyPlots(
  page = readFileSync(new URL('../../docs/scheduling.md', import.meta.url), 'utf8'),
): Readonly<Record<string, string>> {
  const [head = [], ...rows] = cellsOf(page, 'load');
  const loads = head.slice(1).map((cell) => Number.parseInt(cell, 10));
  const what = 'time for the list over the lower bound';
  return {
    'policies-alone.svg': rangePlot('Nobody else uses the machines', what, ranges(page, 'alone')),
    'policies-shared.svg': rangePlot('Others use them too', what, ranges(page, 'shared')),
    'policies-load.svg': plot(
      'Mean time from arrival to end',
      '% of the slots busy',
      'in run times',
      rows.map(([name = '', ...figures]) => ({
        name,
        points: figures.map((figure, i) => [loads[i] as number, Number(figure)] as const),
      })),
    ),
  };
}
