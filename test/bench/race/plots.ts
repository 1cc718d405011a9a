/** How cost grows, as pictures: both axes logarithmic. */
import { nodeCounts } from './fleet-row.ts';
import { taskCounts } from './growth-row.ts';
import { shortNumber } from './race.ts';
import { type Bench, readBench } from './suite.ts';

export interface Line {
  name: string;
  points: readonly (readonly [x: number, y: number])[];
}

const [width, height] = [640, 320];
const [left, right, top, bottom] = [70, 40, 40, 50];
const colours = ['#5fb3f9', '#e0a458', '#7bd88f', '#d98cf2'];

/** Returns a standalone SVG; empty lines are left out. `unit`: of the points' y. */
export function plot(title: string, x: string, unit: string, lines: readonly Line[]): string {
  const shown = lines.filter(({ points }) => points.length > 0);
  const all = shown.flatMap(({ points }) => points);
  const [xs, ys] = [all.map(([value]) => value), all.map(([, value]) => value)];
  const across = scale(xs, left, width - right);
  const up = scale(ys, height - bottom, top);
  const text = (at: readonly [number, number], anchor: string, words: string, colour = '#d7dae0'): string =>
    `<text x="${at[0].toFixed(0)}" y="${at[1].toFixed(0)}" text-anchor="${anchor}" fill="${colour}">${words}</text>`;
  const grid = [
    ...[...new Set(xs)].map((value) =>
      text([across(value), height - bottom + 20], 'middle', value.toLocaleString('en-US')),
    ),
    ...decades(ys).map(
      (value) =>
        `<path d="M${left} ${up(value).toFixed(1)}H${width - right}" stroke="#333a45"/>${text([left - 8, up(value) + 4], 'end', shortNumber(value))}`,
    ),
  ];
  const drawn = shown.map(({ name, points }, i) => {
    const colour = colours[i % colours.length] as string;
    const at = points.map(([a, b]) => [across(a), up(b)] as const);
    const path = at.map(([a, b], k) => `${k === 0 ? 'M' : 'L'}${a.toFixed(1)} ${b.toFixed(1)}`).join('');
    const marks = at.map(
      ([a, b], k) =>
        `<circle cx="${a.toFixed(1)}" cy="${b.toFixed(1)}" r="4" fill="${colour}"/>${text([a, b - 9], 'middle', shortNumber(points[k]?.[1] ?? 0), colour)}`,
    );
    const key = text([left + 8, top + 16 + 18 * i], 'start', name, colour);
    return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${marks.join('')}${shown.length > 1 ? key : ''}`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="DejaVu Sans, Helvetica, sans-serif" font-size="12">`,
    `<title>${title}</title>`,
    '<rect width="100%" height="100%" rx="6" fill="#11151c"/>',
    text([left, 22], 'start', `${title}: ${unit}`),
    text([(left + width - right) / 2, height - 12], 'middle', x),
    ...grid,
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

/** Powers of ten from below the least to above the greatest. */
function decades(values: readonly number[]): number[] {
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  return Array.from({ length: Math.max(1, high - low) + 1 }, (_, i) => 10 ** (low + i));
}

function scale(values: readonly number[], from: number, to: number): (value: number) => number {
  const steps = from < to ? values : decades(values);
  const [low, high] = [Math.log10(Math.min(...steps)), Math.log10(Math.max(...steps))];
  return (value) => from + ((Math.log10(value) - low) / (high - low || 1)) * (to - from);
}

/** The pictures of docs/figures by the name of their file. */
export function plots(bench: Bench | null = readBench()): Readonly<Record<string, string>> {
  if (bench === null) return {};
  const points = (
    row: string,
    counts: readonly number[],
    name: (count: string) => string,
    measure: string,
  ): Line['points'] =>
    counts.flatMap((count) => {
      const sides = bench.rows.find(({ id }) => id === row)?.sides;
      const figure = sides?.find((side) => side.name === name(count.toLocaleString('en-US')))?.figures[measure]?.median;
      return figure === undefined || figure <= 0 ? [] : [[count, figure] as const];
    });
  const ours = (count: string): string => `lbtop, ${count} nodes`;
  const bare = (count: string): string => `bare TLS server, ${count} clients`;
  const made = {
    'nodes-heartbeats.svg': plot('The coordinator while nodes say a heartbeat a second', 'nodes', '% of a core', [
      { name: 'lbtop, an interface attached', points: points('w7', nodeCounts, ours, 'cpu') },
      { name: 'a bare TLS server', points: points('w7', nodeCounts, bare, 'cpu') },
    ]),
    'nodes-tasks.svg': plot('A task, by the number of nodes', 'nodes', "µs of the coordinator's CPU", [
      { name: 'lbtop', points: points('w7', nodeCounts, ours, 'task') },
    ]),
    'tasks.svg': plot('A task, by the length of its job', 'tasks', "µs of the coordinator's CPU", [
      { name: 'lbtop', points: points('growth', taskCounts, (count) => `lbtop, ${count} tasks`, 'task') },
    ]),
  };
  return Object.fromEntries(Object.entries(made).filter(([, picture]) => picture.includes('<circle')));
}

/** The pictures as a page shows them. */
export function pictures(): string {
  const titles: Readonly<Record<string, string>> = {
    'nodes-heartbeats.svg': 'CPU of the coordinator by the number of nodes that say a heartbeat a second',
    'nodes-tasks.svg': 'CPU of the coordinator a task by the number of nodes',
    'tasks.svg': 'CPU of the coordinator a task by the length of its job',
  };
  const names = Object.keys(plots());
  if (names.length === 0) return 'No picture yet: they are made with the tables.';
  return names.map((name) => `![${titles[name]}](figures/${name})`).join('\n\n');
}
