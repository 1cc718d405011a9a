/**
 * Walks the table of keys: each key of each row is typed, as the bytes that a terminal sends, where it works, and does what
 * its row says. A row without an entry here fails.
 */
import { cleanup, render } from 'ink-testing-library';
import { afterEach, expect, test, vi } from 'vitest';
import { App } from '../../source/ui/app.tsx';
import { type InterfaceState, tableOf } from '../../source/ui/interface-state.ts';
import { type Action, type Context, type KeyRow, keys } from '../../source/ui/keys.ts';
import { type Exit, interfaceStore, type Store } from '../../source/ui/store.ts';
import { themeFor } from '../../source/ui/theme.ts';
import { type FakeFeed, fakeFeed } from './fixtures/fake-feed.ts';
import { type FakeTime, fakeTime } from './fixtures/fake-time.ts';
import { bytesOf } from './fixtures/key-bytes.ts';
import { fakeSession } from './fixtures/session.ts';

afterEach(cleanup);

interface Typed {
  state(): InterfaceState;
  feed: FakeFeed;
  time: FakeTime;
  exit: Exit | null;
  stops: number;
}

/** The keys that lead to where it works, and what is there after it. */
type Drive = readonly [before: readonly string[], after: (ui: Typed) => unknown, wanted: unknown];

const selected = (ui: Typed): unknown => tableOf(ui.state()).selected;
const index = (ui: Typed): number => tableOf(ui.state()).index;
const screen = (ui: Typed): unknown => ui.state().place.screen;
const mode = (ui: Typed): unknown => ui.state().mode;
const top = (ui: Typed): unknown => (ui.state().mode.kind === 'pages' ? ui.state().mode : null);
const text = (ui: Typed): unknown => {
  const { mode } = ui.state();
  return mode.kind === 'typing' ? mode.text : null;
};
const lastCommand = (ui: Typed): unknown => ui.feed.commands.at(-1);
const calls = (ui: Typed): unknown => ui.time.calls;
const left = (ui: Typed): unknown => ui.exit;
const quit = { kind: 'quit', stop: false };
const greater = (than: number): unknown => expect.toSatisfy((value: number) => value > than);
const less = (than: number): unknown => expect.toSatisfy((value: number) => value < than);
const inTable = { kind: 'table' };
const typing = (purpose: string): unknown => expect.objectContaining({ kind: 'typing', purpose });
const pages = (from: unknown): unknown => expect.objectContaining({ kind: 'pages', top: from });
const drain = (now: boolean): unknown => ({ kind: 'drain', nodes: ['node-01'], now, reason: '' });

const drives: Partial<Record<`${Context} ${Action}`, Drive>> = {
  'screen up': [['j', 'j'], selected, 'node-02'],
  'screen down': [[], selected, 'node-02'],
  'screen page-up': [['G'], index, less(57)],
  'screen page-down': [[], index, greater(3)],
  'screen first': [['G'], selected, 'node-01'],
  'screen last': [[], selected, 'node-60'],
  'screen open': [[], (ui) => ui.state().place, { screen: 'node', of: 'node-01' }],
  'screen back': [['j', 'Enter'], screen, 'nodes'],
  'screen next-view': [[], screen, 'jobs'],
  'screen previous-view': [[], screen, 'charts'],
  'screen view-1': [['3'], screen, 'nodes'],
  'screen view-2': [[], screen, 'jobs'],
  'screen view-3': [[], screen, 'tasks'],
  'screen view-4': [[], screen, 'events'],
  'screen view-5': [[], screen, 'charts'],
  'screen filter': [[], mode, typing('filter')],
  'screen sort': [[], (ui) => tableOf(ui.state()).sort, 'cpu'],
  'screen reverse': [[], (ui) => tableOf(ui.state()).reverse, true],
  'screen mark': [[], (ui) => [...tableOf(ui.state()).marked], ['node-01']],
  'screen pause': [[], lastCommand, { kind: 'pause', nodes: ['node-01'], reason: '' }],
  'screen drain': [[], mode, expect.objectContaining({ kind: 'question', grave: false })],
  'screen drain-now': [[], mode, expect.objectContaining({ kind: 'question', grave: true })],
  'screen resume': [[], lastCommand, { kind: 'resume', nodes: ['node-01'], reason: '' }],
  'screen throttle': [[], mode, typing('throttle')],
  'screen cancel': [['2'], mode, expect.objectContaining({ kind: 'question', grave: true })],
  'screen retry': [['2', 'G'], lastCommand, { kind: 'retry', job: 1, index: null, onlyFailed: true }],
  'screen explain': [['3'], mode, pages(0)],
  'screen log': [['3'], mode, pages(0)],
  'screen pause-queue': [[], lastCommand, { kind: 'pause-queue', paused: true, reason: '' }],
  'screen policy': [[], mode, expect.objectContaining({ kind: 'choice' })],
  'screen record': [[], mode, typing('record')],
  'screen command': [[], mode, typing('command')],
  'screen help': [[], mode, expect.objectContaining({ kind: 'pages', lines: 'help' })],
  'screen repaint': [[], (ui) => ui.state().repaints, 1],
  'screen stop-process': [[], (ui) => ui.stops, 1],
  'screen quit': [[], left, quit],
  'screen freeze': [[], calls, ['freeze']],
  'screen play': [[], calls, ['toggle']],
  'screen back-5s': [[], calls, ['seek -5000']],
  'screen on-5s': [[], calls, ['seek 5000']],
  'screen back-60s': [[], calls, ['seek -60000']],
  'screen on-60s': [[], calls, ['seek 60000']],
  'screen slower': [[], calls, ['faster 0.5']],
  'screen faster': [[], calls, ['faster 2']],
  'screen event-back': [[], calls, ['step -1']],
  'screen event-on': [[], calls, ['step 1']],
  'screen go-to': [[], mode, typing('go-to')],
  'screen next-incident': [[], calls, ['jump 1']],
  'screen previous-incident': [[], calls, ['jump -1']],
  'screen follow': [[], calls, ['follow']],
  'dialog answer-yes': [['D'], lastCommand, drain(true)],
  'dialog answer-no': [['D'], (ui) => [mode(ui), ui.feed.commands], [inTable, []]],
  'dialog other-answer': [['D'], mode, expect.objectContaining({ kind: 'question', choice: 'yes' })],
  // From least-load, the fourth.
  'dialog option-up': [['b'], mode, expect.objectContaining({ kind: 'choice', at: 2 })],
  'dialog option-down': [['b'], mode, expect.objectContaining({ kind: 'choice', at: 4 })],
  'dialog take-answer': [['d'], lastCommand, drain(false)],
  'dialog quit': [['D'], left, quit],
  'input accept': [[':', 'q'], left, quit],
  'input drop': [['/', 'x'], (ui) => [mode(ui), tableOf(ui.state()).filter], [inTable, '']],
  'input rub-out': [['/', 'x', 'y'], text, 'x'],
  'input clear': [['/', 'x', 'y'], text, ''],
  'input complete': [[':', 'd', 'r'], text, 'drain '],
  'pages up': [['?', 'j', 'j'], top, pages(1)],
  'pages down': [['?'], top, pages(1)],
  'pages page-up': [['?', 'G'], top, pages(less(30))],
  'pages page-down': [['?'], top, pages(greater(5))],
  'pages first': [['?', 'G'], top, pages(0)],
  'pages last': [['?'], top, pages(greater(10))],
  'pages back': [['?'], mode, inTable],
};

/** The interface in Ink over 60 nodes; in the past for keys of time, else live with a past that can be frozen. */
async function typedAt(row: KeyRow): Promise<{ ui: Typed; type(key: string): Promise<void> }> {
  const session = fakeSession({ nodes: 60 });
  session.advance(10_000);
  const time = fakeTime(session.now);
  time.freeze = async () => void time.calls.push('freeze');
  time.now = { ...time.now, live: row.when !== 'time' && row.when !== 'frozen' };
  const feed = fakeFeed(session, { time });
  const options = { title: 'test', readOnly: false, owner: false, utcOffsetMinutes: 0, columns: 100, rows: 20 };
  const store = interfaceStore(feed, { ...options, stop: () => void ui.stops++ });
  const ui: Typed = { state: () => store.state, feed, time, exit: null, stops: 0 };
  void store.exit.then((exit) => {
    ui.exit = exit;
  });
  let heard = 0;
  const listening: Store = Object.create(store, {
    press: {
      value(key: string) {
        heard++;
        store.press(key);
      },
    },
    // The terminal of this test has no rows.
    resize: { value: () => {} },
  });
  const app = render(<App store={listening} feed={feed} theme={themeFor({ NO_COLOR: '1' })} />);
  store.open();
  const answered = (): boolean => store.state.window?.look.number === feed.looks.at(-1)?.number;
  const until = async (condition: () => boolean): Promise<void> => {
    do await new Promise((resolve) => setImmediate(resolve));
    while (!condition());
  };
  await until(answered);
  return {
    ui,
    async type(key) {
      const wanted = heard + 1;
      app.stdin.write(bytesOf(key));
      await until(() => heard >= wanted && answered());
    },
  };
}

const each = keys.flatMap((row) => row.keys.map((key) => [row.context, key, row.action, row] as const));

test.each(each)('%s %s: %s', async (context, key, action, row) => {
  const drive = drives[`${context} ${action}`];
  if (drive === undefined) throw new Error(`nothing here drives ${key}: ${action} in ${context}`);
  const [before, after, wanted] = drive;
  const { ui, type } = await typedAt(row);
  for (const one of before) await type(one);
  expect(after(ui), 'before the key').not.toEqual(wanted);
  await type(key);
  await vi.waitFor(() => expect(after(ui)).toEqual(wanted));
});

test('nothing is driven that is not in the table', () => {
  const rows = new Set(keys.map((row) => `${row.context} ${row.action}`));
  expect(Object.keys(drives).filter((name) => !rows.has(name))).toEqual([]);
});
