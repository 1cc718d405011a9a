import { describe, expect, test } from 'vitest';
import { mouseReader } from '../../source/ui/mouse.ts';
import { interfaceStore } from '../../source/ui/store.ts';
import { fakeFeed } from './fixtures/fake-feed.ts';
import { fakeSession } from './fixtures/session.ts';

describe('what terminals say of the mouse', () => {
  test('presses and the wheel, in cells from 0; nothing else', () => {
    const actsOf = mouseReader();
    expect(actsOf('j\x1b[<0;10;5Mk\x1b[<0;10;5m\x1b[A')).toEqual([{ kind: 'click', x: 9, y: 4 }]);
    expect(actsOf('\x1b[<64;1;1M\x1b[<65;300;90M\x1b[<80;2;2M')).toEqual([
      { kind: 'wheel-up', x: 0, y: 0 },
      { kind: 'wheel-down', x: 299, y: 89 },
      { kind: 'wheel-up', x: 1, y: 1 },
    ]);
    // Other buttons, movement, and what is no report.
    expect(actsOf('\x1b[<2;1;1M\x1b[<35;1;1M\x1b[<0;1M\x1b[M !!\x1b[<99999;1;1M')).toEqual([]);
  });

  test('in pieces of any size, once each', () => {
    const said = 'ab\x1b[<0;12;7M\x1b[<0;12;7m\x1b\x1b[<65;3;4Mx';
    for (let size = 1; size <= said.length; size++) {
      const actsOf = mouseReader();
      const acts = [];
      for (let from = 0; from < said.length; from += size) acts.push(...actsOf(said.slice(from, from + size)));
      expect(acts, `pieces of ${size}`).toEqual([
        { kind: 'click', x: 11, y: 6 },
        { kind: 'wheel-down', x: 2, y: 3 },
      ]);
    }
  });
});

/** The interface without Ink, 100 by 30 cells, over a made-up session. */
async function pointedAt() {
  const session = fakeSession({ nodes: 60 });
  session.advance(30_000);
  const feed = fakeFeed(session, { obeys: true });
  const options = { title: 'test', readOnly: false, owner: false, utcOffsetMinutes: 0, columns: 100, rows: 30 };
  const store = interfaceStore(feed, options);
  store.open();
  const answered = async (): Promise<void> => {
    do await new Promise((resolve) => setImmediate(resolve));
    while (store.state.window?.look.number !== feed.looks.at(-1)?.number);
  };
  await answered();
  return {
    store,
    feed,
    selected: () => store.state.tables.get('nodes')?.selected,
    async point(kind: 'click' | 'wheel-up' | 'wheel-down', x = 0, y = 0) {
      store.point({ kind, x, y });
      await answered();
    },
  };
}

describe('the mouse', () => {
  // At 100x30: title, 6 lines of meters, the views' names, the table's head, rows from line 9; keys in line 29.
  const firstRow = 9;

  test('the wheel moves through rows and texts', async () => {
    const ui = await pointedAt();
    await ui.point('wheel-down');
    await ui.point('wheel-down');
    expect(ui.selected()).toBe('node-07');
    await ui.point('wheel-up');
    expect(ui.selected()).toBe('node-04');
    ui.store.press('?');
    await ui.point('wheel-down');
    expect(ui.store.state.mode).toMatchObject({ kind: 'pages', top: 3 });
    ui.store.press('Esc');
    ui.store.press('b');
    const at = (): number => (ui.store.state.mode.kind === 'choice' ? ui.store.state.mode.at : -1);
    const before = at();
    await ui.point('wheel-down');
    expect(at()).toBe(before + 1);
  });

  test('a click selects, another on the same row opens', async () => {
    const ui = await pointedAt();
    await ui.point('click', 20, firstRow + 2);
    expect(ui.selected()).toBe('node-03');
    expect(ui.store.state.place.screen).toBe('nodes');
    await ui.point('click', 3, firstRow + 2);
    expect(ui.store.state.place).toEqual({ screen: 'node', of: 'node-03' });
  });

  test('views and keys are clicked where they stand', async () => {
    const ui = await pointedAt();
    await ui.point('click', 11, 7);
    expect(ui.store.state.place.screen).toBe('jobs');
    await ui.point('click', 2, 7);
    expect(ui.store.state.place.screen).toBe('nodes');
    await ui.point('click', 95, 7);
    expect(ui.store.state.place.screen).toBe('nodes');
    // ` ↑↓ move  ⏎ details  p pause `
    await ui.point('click', 23, 29);
    expect(ui.feed.commands).toEqual([{ kind: 'pause', nodes: ['node-01'], reason: '' }]);
    await ui.point('click', 99, 29);
    expect(ui.feed.commands).toHaveLength(1);
  });

  test('answers nothing that was asked, and nothing outside', async () => {
    const ui = await pointedAt();
    ui.store.press('D');
    for (let y = 0; y < 30; y++) for (let x = 0; x < 100; x += 7) await ui.point('click', x, y);
    await ui.point('wheel-down');
    expect(ui.store.state.mode.kind).toBe('question');
    expect(ui.feed.commands).toEqual([]);
    ui.store.press('Esc');
    for (const [x, y] of [
      [500, 500],
      [0, 0],
      [5, 3],
      [0, 8],
      [-1, -1],
    ] as const)
      await ui.point('click', x, y);
    expect(ui.store.state.place.screen).toBe('nodes');
    expect(ui.store.state.mode.kind).toBe('table');
  });
});
