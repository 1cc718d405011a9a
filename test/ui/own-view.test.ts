import { expect, test } from 'vitest';
import { rowCells } from '../../source/ui/line.ts';
import { type OwnState, ownRows } from '../../source/ui/own-view.ts';
import { themeFor } from '../../source/ui/theme.ts';

const theme = themeFor({ NO_COLOR: '1', LANG: 'C.UTF-8' });
const state = (given: Partial<OwnState> = {}): OwnState => ({
  name: 'one',
  address: '10.0.0.1:7077',
  link: 'open',
  stopping: false,
  cpuModel: 'Abacus 9000',
  cores: 8,
  memoryTotal: 8 * 2 ** 30,
  sample: { cpu: 50, cpuOurs: 25, memoryUsed: 2 ** 30, memoryOurs: 2 ** 20, load1: 1 },
  slots: 4,
  busy: 2,
  waiting: 3,
  unsettled: 0,
  throttle: 1,
  running: [
    { task: '7.12', attempt: 1, ageMs: 340, what: 'sha256sum /etc/hosts' },
    { task: '7.13', attempt: 2, ageMs: 72_000, what: 'evil \x1b]0;title\x07 \x1b[31mname' },
  ],
  log: ['joined as one'],
  ...given,
});
const text = (given: OwnState | null, columns = 100, rows = 24): string[] =>
  ownRows(given, theme, columns, rows).map((row) => row.map(([piece]) => piece).join(''));

test('slots, tasks, CPU and the link are there', () => {
  const lines = text(state());
  expect(lines[0]).toMatch(/^ lbtop node one .*10\.0\.0\.1:7077/);
  expect(lines[1]).toContain('50 %, tasks 25 %');
  expect(lines[2]).toContain('1.0 GiB of 8.0 GiB, tasks 1.0 MiB');
  expect(lines[3]).toContain('2/4, 3 waiting');
  expect(lines.find((one) => one.includes('7.12'))).toMatch(/^ 7\.12 +1 +340ms {2}sha256sum/);
  expect(lines.find((one) => one.includes('7.13'))).toMatch(/ 2 +1m12s /);
  expect(lines.some((one) => one.includes('joined as one'))).toBe(true);
  expect(lines.at(-1)).toContain('stop the node');
});

test('nothing foreign reaches the terminal as it is', () => {
  expect(text(state()).join('')).not.toMatch(/[\x00-\x1f\x7f]/);
});

test('other states are said', () => {
  expect(text(state({ link: 'connecting', address: null }))[0]).toContain('no coordinator: trying');
  expect(text(state({ stopping: true }))[0]).toContain('stopping');
  expect(text(state({ stopping: true })).at(-1)).toContain('stop at once');
  expect(text(state({ throttle: 0.5 }))[1]).toContain('throttled to 50 %');
  expect(text(state({ sample: null }))[1]).toContain('–');
  expect(text(null)[0]).toContain('starting');
});

test('it fits every size', () => {
  const running = Array.from({ length: 50 }, (_, i) => ({
    task: `1.${i}`,
    attempt: 1,
    ageMs: i * 1_000,
    what: 'x'.repeat(300),
  }));
  for (const [columns, rows] of [
    [200, 50],
    [80, 24],
    [40, 12],
    [20, 5],
    [1, 1],
  ] as const) {
    const drawn = ownRows(state({ running, log: ['y'.repeat(300)] }), theme, columns, rows);
    expect(drawn.length).toBe(rows);
    if (columns >= 60) expect(rowCells(drawn[0] ?? [])).toBe(columns);
  }
  const more = text(state({ running }), 100, 24).find((one) => one.includes('more'));
  expect(more).toMatch(/… and \d+ more/);
});
