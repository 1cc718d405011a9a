import { renderToString } from 'ink';
import { createElement } from 'react';
import { describe, expect, test } from 'vitest';
import { Screen } from '../../source/ui/app.tsx';
import { interfaceStore, type Store } from '../../source/ui/store.ts';
import { themeFor } from '../../source/ui/theme.ts';
import { emulated } from './fixtures/emulated.ts';
import { type FakeFeed, fakeFeed } from './fixtures/fake-feed.ts';
import { fakeTime } from './fixtures/fake-time.ts';
import { paintOnce } from './fixtures/paint-once.ts';
import { fakeSession } from './fixtures/session.ts';

const colours = /\x1b\[[0-9;]*m/g;
const mono = themeFor({ NO_COLOR: '1', LANG: 'C.UTF-8' });

/** The interface of a made-up session, 90 s after its beginning, after those keys. */
async function shown(
  columns: number,
  rows: number,
  keys: readonly string[],
  { replay = false, nodes = 6, seconds = 90 } = {},
) {
  const session = fakeSession({ nodes });
  session.advance(seconds * 1_000);
  const feed = fakeFeed(session, { readOnly: replay, time: replay ? fakeTime(session.now) : undefined });
  const store = interfaceStore(feed, {
    title: 'demo@127.0.0.1:7077',
    readOnly: false,
    owner: true,
    utcOffsetMinutes: 0,
    columns,
    rows,
  });
  store.open();
  await settled(feed);
  for (const key of keys) {
    store.press(key);
    await settled(feed);
  }
  return { store, feed };
}

/** Until looks cause no further windows, nor windows further looks: the feed answers in the next turn. */
async function settled(feed: FakeFeed): Promise<void> {
  for (let still = 0, seen = -1; still < 4; ) {
    await new Promise((resolve) => setImmediate(resolve));
    still = feed.looks.length === seen ? still + 1 : 0;
    seen = feed.looks.length;
  }
}

function drawn(store: Store, feed: FakeFeed, theme = mono): string {
  const { columns } = store.state;
  return renderToString(createElement(Screen, { state: store.state, feed, theme }), { columns });
}

/** What a terminal shows that is painted cell by cell. */
async function painted(store: Store, feed: FakeFeed): Promise<string> {
  const { columns, rows } = store.state;
  const terminal = emulated(columns, rows);
  await paintOnce(store, feed, mono, terminal.out);
  return (await terminal.screen()).join('\n');
}

/** What is seen, without colours and without spaces at the ends of lines. */
function plain(drawing: string): string {
  return drawing.replace(colours, '').replace(/ +$/gm, '');
}

const pictures: [name: string, keys: readonly string[]][] = [
  ['nodes', []],
  ['nodes-filtered-and-marked', ['/', ...'node-0', 'Enter', 'Space', 'j', 'Space']],
  ['node', ['Enter']],
  ['task', ['3', 'Enter']],
  ['jobs', ['2']],
  ['job', ['2', 'G', 'Enter']],
  ['tasks', ['3']],
  ['events', ['4']],
  ['charts', ['5']],
  ['help', ['?']],
  ['drain-now', ['D']],
  ['cancel', ['2', 'G', 'x']],
  ['policy', ['b']],
  ['explanation', ['3', 'e']],
  ['log', ['3', 'l']],
];

describe.each([
  [200, 60],
  [120, 40],
  [80, 24],
  [30, 10],
])('%ix%i', (columns, rows) => {
  test.each(pictures)('%s', async (name, keys) => {
    const { store, feed } = await shown(columns, rows, keys);
    const picture = plain(drawn(store, feed));
    await expect(`${picture}\n`).toMatchFileSnapshot(`golden/${name}-${columns}x${rows}.txt`);
    expect(picture.split('\n')).toHaveLength(rows);
    expect(await painted(store, feed)).toBe(picture);
  });

  test('replay', async () => {
    const { store, feed } = await shown(columns, rows, [], { replay: true });
    await expect(`${plain(drawn(store, feed))}\n`).toMatchFileSnapshot(`golden/replay-${columns}x${rows}.txt`);
  });
});

test.each([
  ['20x5', 20, 5],
  ['tiny', 60, 4],
])('small: %s', async (name, columns, rows) => {
  const { store, feed } = await shown(columns, rows, []);
  await expect(`${plain(drawn(store, feed))}\n`).toMatchFileSnapshot(`golden/nodes-${name}.txt`);
});

test('before there is anything', async () => {
  const { store, feed } = await shown(80, 24, [], { nodes: 0, seconds: 0 });
  await expect(`${plain(drawn(store, feed))}\n`).toMatchFileSnapshot('golden/empty-80x24.txt');
});

test('ASCII only where the terminal has no more', async () => {
  const { store, feed } = await shown(100, 30, []);
  const picture = plain(drawn(store, feed, themeFor({ NO_COLOR: '1', LANG: 'C' })));
  await expect(`${picture}\n`).toMatchFileSnapshot('golden/nodes-ascii-100x30.txt');
});

test('NO_COLOR has no colour, but bold and inverse', async () => {
  const { store, feed } = await shown(120, 40, []);
  const codes = new Set([...drawn(store, feed).matchAll(colours)].map(([code]) => code));
  for (const code of codes) expect(code).toMatch(/^\x1b\[(0|1|4|7|22|24|27)(;(0|1|4|7|22|24|27))*m$/);
});

test('colours by depth', async () => {
  const { store, feed } = await shown(120, 40, []);
  const saved = process.env.FORCE_COLOR;
  process.env.FORCE_COLOR = '3';
  expect(drawn(store, feed, themeFor({ TERM: 'xterm-256color', COLORTERM: 'truecolor' }))).toMatch(/\x1b\[38;2;/);
  const in256 = drawn(store, feed, themeFor({ TERM: 'xterm-256color' }));
  expect(in256).toMatch(/\x1b\[38;5;/);
  expect(in256).not.toMatch(/[;[]38;2;/);
  expect(drawn(store, feed, themeFor({ TERM: 'xterm' }))).not.toMatch(/[;[]38;/);
  if (saved === undefined) delete process.env.FORCE_COLOR;
  else process.env.FORCE_COLOR = saved;
});

test('what the tasks of a node take of its CPU has another colour than what others take', async () => {
  const { store, feed } = await shown(120, 40, ['Enter']);
  const theme = themeFor({ TERM: 'xterm-256color', LANG: 'C.UTF-8' });
  const graph = drawn(store, feed, theme).split('\n').slice(4, 10);
  const colour = (codes: string): RegExp => new RegExp(`\\x1b\\[${codes}m ?[\\u2801-\\u28ff]`);
  // It is at 81 %, 59 % of them ours.
  expect(graph[1]).toMatch(colour(theme.roles.others));
  expect(graph[5]).toMatch(colour(theme.roles.heat0));
  expect(graph[5]).not.toMatch(colour(theme.roles.others));
});

test('every chart has a graph as soon as there are two rows for each', async () => {
  for (const rows of [10, 13, 24, 40]) {
    const { store, feed } = await shown(40, rows, ['5']);
    const lines = plain(drawn(store, feed)).split('\n');
    for (const title of ['throughput', 'waiting', 'at nodes']) {
      const at = lines.findIndex((line) => new RegExp(`^\\W*${title}`).test(line));
      expect(lines[at + 1] ?? '', `${title} in ${rows} rows`).not.toMatch(/[─╰╯]/);
      expect(lines.slice(at + 1, at + 9).join(''), `${title} in ${rows} rows`).toMatch(/[\u2801-\u28ff]/);
    }
  }
});

test('no line is wider than the terminal, at any size, on any screen', async () => {
  const { cells } = await import('../../source/view/cells.ts');
  for (const columns of [1, 7, 20, 33, 47, 61, 79, 93, 119, 163])
    for (const rows of [1, 3, 5, 9, 13, 17, 22, 29, 31, 50])
      for (const keys of [[], ['2'], ['4'], ['5'], ['Enter'], ['2', 'Enter'], ['D']]) {
        const { store, feed } = await shown(columns, rows, keys, { seconds: 20 });
        const lines = drawn(store, feed).replace(colours, '').split('\n');
        expect(lines.length, `${columns}x${rows} ${keys.join()}`).toBeLessThanOrEqual(rows);
        for (const line of lines)
          expect(cells(line), `${columns}x${rows} ${keys.join()}: ${line}`).toBeLessThanOrEqual(columns);
      }
});
