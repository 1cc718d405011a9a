import { renderToString } from 'ink';
import { cleanup, render } from 'ink-testing-library';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { Command } from '../../source/feed/feed.ts';
import { App, Screen } from '../../source/ui/app.tsx';
import { type Exit, interfaceStore, type Store } from '../../source/ui/store.ts';
import { themeFor } from '../../source/ui/theme.ts';
import type { FakeFeed } from './fixtures/fake-feed.ts';
import { fakeFeed } from './fixtures/fake-feed.ts';
import { type FakeTime, fakeTime } from './fixtures/fake-time.ts';
import { bytesOf } from './fixtures/key-bytes.ts';
import { fakeSession, type Session } from './fixtures/session.ts';

const colours = /\x1b\[[0-9;]*m/g;

interface Driven {
  session: Session;
  feed: FakeFeed;
  store: Store;
  time: FakeTime;
  exit(): Exit | null;
  screen(): string;
  press(...keys: string[]): Promise<void>;
  type(text: string): Promise<void>;
  selected(): string | null;
}

afterEach(cleanup);

/** The interface in Ink, 100 cells wide, over a made-up session. */
async function driven(
  options: { nodes?: number; readOnly?: boolean; owner?: boolean; replay?: boolean } = {},
): Promise<Driven> {
  const session = fakeSession({ nodes: options.nodes ?? 6 });
  session.advance(90_000);
  const time = fakeTime(session.now);
  const feed = fakeFeed(session, { readOnly: options.readOnly, obeys: true, time: options.replay ? time : undefined });
  const store = interfaceStore(feed, {
    title: 'test',
    readOnly: options.readOnly ?? false,
    owner: options.owner ?? false,
    utcOffsetMinutes: 0,
    columns: 100,
    rows: 40,
  });
  let exit: Exit | null = null;
  void store.exit.then((how) => {
    exit = how;
  });
  const theme = themeFor({ NO_COLOR: '1', LANG: 'C.UTF-8' });
  let heard = 0;
  const listening: Store = Object.create(store, {
    press: {
      value(key: string) {
        heard++;
        store.press(key);
      },
    },
  });
  const app = render(<App store={listening} feed={feed} theme={theme} />);
  store.open();
  const plain = (text: string): string => text.replace(colours, '');
  const screen = (): string => plain(app.lastFrame() ?? '');
  const shown = (): string =>
    plain(renderToString(<Screen state={store.state} feed={feed} theme={theme} />, { columns: 100 }));
  /** Until every key was heard, the last look is answered, and the screen is what the state looks like. */
  const settled = async (keys: number): Promise<void> => {
    const answered = (): boolean => store.state.window?.look.number === feed.looks.at(-1)?.number;
    for (let still = 0; still < 2; ) {
      await new Promise((resolve) => setImmediate(resolve));
      still = heard >= keys && answered() && screen() === shown() ? still + 1 : 0;
    }
  };
  await settled(0);
  return {
    session,
    feed,
    store,
    time,
    exit: () => exit,
    screen,
    async press(...keys) {
      for (const key of keys) {
        const wanted = heard + 1;
        app.stdin.write(bytesOf(key));
        await settled(wanted);
      }
    },
    async type(text) {
      const wanted = heard + [...text].length;
      app.stdin.write(text);
      await settled(wanted);
    },
    selected: () => /^▌ . (\S+)/m.exec(screen())?.[1] ?? null,
  };
}

describe('moving', () => {
  test('rows, pages, ends; several keys in one chunk count each', async () => {
    const ui = await driven({ nodes: 60 });
    expect(ui.selected()).toBe('node-01');
    await ui.press('j', 'Down');
    expect(ui.selected()).toBe('node-03');
    await ui.type('jjj');
    expect(ui.selected()).toBe('node-06');
    await ui.press('k', 'Up');
    expect(ui.selected()).toBe('node-04');
    await ui.press('G');
    expect(ui.selected()).toBe('node-60');
    await ui.press('PgUp');
    const middle = Number(ui.selected()?.slice(5));
    expect(middle).toBeLessThan(55);
    await ui.press('PgDn');
    expect(ui.selected()).toBe('node-60');
    await ui.press('g');
    expect(ui.selected()).toBe('node-01');
    await ui.press('End', 'Home');
    expect(ui.selected()).toBe('node-01');
  });

  test('the selection stays on its node when the order changes', async () => {
    const ui = await driven({ nodes: 60 });
    await ui.press('j', 'j', 'S');
    expect(ui.selected()).toBe('node-03');
    expect(ui.screen()).toContain('NODE▴');
    await ui.press('s');
    expect(ui.screen()).toContain('CPU%▾');
  });

  test('views, details and back', async () => {
    const ui = await driven();
    await ui.press('2');
    expect(ui.screen()).toMatch(/JOB▾ NAME/);
    await ui.press('Enter');
    expect(ui.screen()).toContain('submitted 12:01:30 by ana@desk');
    await ui.press('Esc');
    expect(ui.screen()).toMatch(/JOB▾ NAME/);
    await ui.press('Tab');
    expect(ui.store.state.place.screen).toBe('tasks');
    await ui.press('Tab', 'Tab', 'Tab');
    expect(ui.store.state.place.screen).toBe('nodes');
    await ui.press('S-Tab');
    expect(ui.store.state.place.screen).toBe('charts');
    await ui.press('4', 'Enter');
    expect(ui.store.state.place).toEqual({ screen: 'job', of: '5' });
    await ui.press('1', 'j', 'Enter');
    expect(ui.store.state.place).toEqual({ screen: 'node', of: 'node-02' });
  });

  test('help shows the keys that work here, and goes', async () => {
    const ui = await driven();
    await ui.press('?');
    expect(ui.screen()).toContain('pause or resume the queue');
    await ui.press('j', 'G', 'g', '?');
    expect(ui.screen()).toContain('NODE');
  });
});

describe('looking', () => {
  test('a filter works while it is typed, Enter keeps it, Esc twice drops it', async () => {
    const ui = await driven();
    await ui.press('/');
    await ui.type('cpu>40');
    expect(ui.screen()).toContain('/cpu>40█');
    expect(ui.feed.looks.at(-1)?.filter).toBe('cpu>40');
    await ui.press('Enter');
    expect(ui.screen()).toContain('3/6');
    await ui.press('Esc');
    expect(ui.feed.looks.at(-1)?.filter).toBe('');
    await ui.press('/');
    await ui.type('xyz');
    expect(ui.screen()).toContain('no node matches the filter');
    await ui.press('Backspace', 'Backspace', 'Backspace', 'Esc');
    expect(ui.feed.looks.at(-1)?.filter).toBe('');
  });

  test('only a few rows round those that are seen are asked for', async () => {
    const ui = await driven({ nodes: 300 });
    await ui.press('G');
    const look = ui.feed.looks.at(-1);
    expect(look?.rows).toBeLessThan(100);
    expect(look?.top).toBeGreaterThan(200);
    expect(ui.selected()).toBe('node-300');
  });
});

describe('acting', () => {
  test('p pauses and, on a paused node, resumes', async () => {
    const ui = await driven();
    await ui.press('p');
    expect(ui.feed.commands).toEqual([{ kind: 'pause', nodes: ['node-01'], reason: '' }]);
    expect(ui.screen()).toContain('pause done');
    expect(ui.session.state.nodes.get('node-01')?.intent).toBe('paused');
    await ui.press('p');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'resume', nodes: ['node-01'], reason: '' });
  });

  test('on all marked rows', async () => {
    const ui = await driven();
    await ui.press('Space', 'Space', 'p');
    expect(ui.feed.commands).toEqual([{ kind: 'pause', nodes: ['node-01', 'node-02'], reason: '' }]);
    await ui.press('Esc', 'u');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'resume', nodes: ['node-03'], reason: '' });
  });

  test('d shows what draining would do; Enter does it', async () => {
    const ui = await driven();
    await ui.press('d');
    expect(ui.screen()).toContain('8 running tasks will end there');
    expect(ui.feed.commands).toEqual([]);
    await ui.press('Enter');
    expect(ui.feed.commands).toEqual([{ kind: 'drain', nodes: ['node-01'], now: false, reason: '' }]);
  });

  test('what destroys work asks, and Enter alone is no', async () => {
    const ui = await driven();
    await ui.press('D');
    expect(ui.screen()).toContain('8 running tasks will be stopped');
    await ui.press('Enter');
    expect(ui.feed.commands).toEqual([]);
    await ui.press('D', 'n', 'D', 'Esc');
    expect(ui.feed.commands).toEqual([]);
    await ui.press('D', 'Tab', 'Enter');
    expect(ui.feed.commands).toEqual([{ kind: 'drain', nodes: ['node-01'], now: true, reason: '' }]);
    await ui.press('2', 'G', 'x');
    expect(ui.screen()).toMatch(/40 tasks not ended, 24 of them running/);
    await ui.press('y');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'cancel', job: 1, index: null });
    await ui.press('r');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'retry', job: 1, index: null, onlyFailed: true });
  });

  test('a task', async () => {
    const ui = await driven();
    await ui.press('3');
    const task = ui.store.state.window?.tasks[0];
    await ui.press('x', 'y');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'cancel', job: task?.job, index: task?.index });
    await ui.press('r');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'retry', job: task?.job, index: task?.index, onlyFailed: false });
    await ui.press('e');
    expect(ui.screen()).toContain('2 nodes looked at');
    await ui.press('Esc', 'l');
    expect(ui.screen()).toContain('second ␛[31mred␛[0m line');
    await ui.press('q');
    expect(ui.exit()).toBeNull();
  });

  test('a task shows how it came where it is, and its output as it comes', async () => {
    const ui = await driven();
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    let sayBytes: (piece: Uint8Array) => void = () => {};
    const say = (text: string): void => sayBytes(bytes(text));
    let end: (why: string | null) => void = () => {};
    let closed = 0;
    ui.feed.followLog = (_job, _index, _bytes, onBytes, onEnd) => {
      sayBytes = onBytes;
      end = onEnd;
      return { close: () => void closed++ };
    };
    const shows = (words: string | RegExp) => vi.waitFor(() => expect(ui.screen()).toMatch(words));
    await ui.press('3', 'Enter');
    await shows('2 nodes looked at');
    say('frame 1\n10 %\r');
    await shows(/frame 1/);
    say('90 %\nžlu');
    await shows(/90 %/);
    expect(ui.screen()).not.toContain('10 %');
    // A character may come in two pieces.
    const split = bytes('ť\n\x1b[31mred');
    for (const piece of [split.subarray(0, 1), split.subarray(1)]) sayBytes(piece);
    await shows('žluť');
    await shows('␛[31mred');
    // As much of it as fits below the explanation; the log has it all.
    say('\n1\n2\n3\n4\n5\n6\n7\n8\n9'.repeat(9));
    await vi.waitFor(() => expect(ui.screen()).not.toContain('frame 1'));
    expect(ui.screen()).toContain('2 nodes looked at');
    await ui.press('Esc', 'l');
    expect(closed).toBe(1);
    // At the end one stays there; elsewhere one stays where one is.
    say(Array.from({ length: 200 }, (_, i) => `\nline ${i}`).join(''));
    await ui.press('G');
    await shows('line 199');
    say('\nlast');
    await shows('last');
    await ui.press('g');
    say('\nbehind');
    await vi.waitFor(() => expect(ui.screen()).toMatch(/1–38 of 2\d\d/));
    expect(ui.screen()).not.toContain('behind');
    expect(closed).toBe(1);
    end(null);
    await ui.press('G');
    await shows('behind');
    await ui.press('Esc');
    expect(closed).toBe(2);
    expect(ui.store.state.mode.kind).toBe('table');
    ui.feed.followLog = undefined;
    await ui.press('Enter');
    await shows('second ␛[31mred');
  });

  test('what was written of an output stays when no more can come', async () => {
    const ui = await driven();
    let end: (why: string | null) => void = () => {};
    ui.feed.followLog = (_job, _index, _bytes, onBytes, onEnd) => {
      end = onEnd;
      onBytes(new TextEncoder().encode('frame 1\nframe 2'));
      return { close: () => {} };
    };
    await ui.press('3', 'l');
    await vi.waitFor(() => expect(ui.screen()).toContain('frame 2'));
    end('the connection broke');
    await vi.waitFor(() => expect(ui.screen()).toContain('the connection broke'));
    expect(ui.screen()).toMatch(/frame 1.*frame 2.*the connection broke/s);
  });

  test('the queue, the policy, throttle, recording', async () => {
    const ui = await driven();
    await ui.press('P');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'pause-queue', paused: true, reason: '' });
    expect(ui.screen()).toContain('queue paused');
    await ui.press('P');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'pause-queue', paused: false, reason: '' });
    await ui.press('b', 'j', 'Enter');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'policy', policy: 'power-of-two', queue: null });
    await ui.press('t');
    await ui.type('70');
    await ui.press('Enter');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'throttle', nodes: ['node-01'], share: 0.7 });
    await ui.press('t', '3', 'Enter');
    expect(ui.screen()).toContain('a share from 5 to 100');
    await ui.press('R');
    await ui.type('a b.lbtrace');
    await ui.press('Enter');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'record', file: 'a b.lbtrace' });
  });

  test('a refusal says why', async () => {
    const ui = await driven();
    ui.feed.answer = () => ({ accepted: false, why: 'not allowed for \x1b]0;x\x07viewers' });
    await ui.press('p');
    expect(ui.screen()).toContain('refused: not allowed for ␛]0;x␇viewers');
  });

  test('commands', async () => {
    const ui = await driven();
    const run = async (line: string): Promise<void> => {
      await ui.press(':');
      await ui.type(line);
      await ui.press('Enter');
    };
    await run('drain node-02 node-03 --now');
    expect(ui.screen()).toContain('drain now 2 nodes');
    expect(ui.feed.commands).toEqual([]);
    await ui.press('y');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'drain', nodes: ['node-02', 'node-03'], now: true, reason: '' });
    await run('policy fewest-running easy');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'policy', policy: 'fewest-running', queue: 'easy' });
    await run('cancel 2.7');
    expect(ui.screen()).toContain('Cancel task 2.7');
    await ui.press('y');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'cancel', job: 2, index: 7 });
    await run('job 3');
    expect(ui.store.state.place).toEqual({ screen: 'job', of: '3' });
    const before = ui.feed.commands.length;
    await run('drian node-02');
    expect(ui.screen()).toContain('"drian" is no command: did you mean drain?');
    for (const wrong of [
      'bogus',
      'drain',
      'drain --force node-01',
      'pause --now',
      'policy nonsense',
      'cancel --all',
      'throttle node-01 900',
      'node',
      'go 12:00',
      '',
      '   ',
    ])
      await run(wrong);
    expect(ui.feed.commands.length).toBe(before);
    await run('drain node-01 --force');
    expect(ui.screen()).toContain('drain does not know --force: :drain NODE… [--now]');
    await run('q');
    expect(ui.exit()).toEqual({ kind: 'quit', stop: false });
  });

  test('what would be refused is not asked for: the reason is there at once', async () => {
    const ui = await driven();
    const asked: Command[] = [];
    ui.feed.objection = async (command) => {
      asked.push(command);
      return command.kind === 'drain' && command.nodes.includes('nosuch') ? 'there is no node nosuch\x1b[2J' : null;
    };
    await ui.press(':');
    await ui.type('drain nosuch');
    await ui.press('Enter');
    expect(ui.screen()).toContain('refused: there is no node nosuch␛[2J');
    expect(ui.store.state.mode.kind).toBe('table');
    await ui.press(':');
    await ui.type('cancel 2.7');
    await ui.press('Enter');
    expect(ui.screen()).toContain('Cancel task 2.7');
    expect(asked).toEqual([
      { kind: 'drain', nodes: ['nosuch'], now: false, reason: '' },
      { kind: 'cancel', job: 2, index: 7 },
    ]);
    expect(ui.feed.commands).toEqual([]);
  });

  test(':explain opens the explanation of a task that need not be in sight', async () => {
    const ui = await driven();
    await ui.press(':');
    await ui.type('explain 1');
    await ui.press('Enter');
    expect(ui.screen()).toContain(':explain JOB.INDEX');
    await ui.press(':');
    await ui.type('explain 1.5');
    await ui.press('Enter');
    expect(ui.screen()).toContain('task 1.5');
    expect(ui.screen()).toContain('2 nodes looked at');
  });

  test('commands are completed: what is shared, then one after the other', async () => {
    const ui = await driven();
    const line = (): string => (ui.store.state.mode.kind === 'typing' ? ui.store.state.mode.text : '');
    await ui.press(':');
    await ui.type('dr');
    await ui.press('Tab');
    expect(line()).toBe('drain ');
    await ui.type('n');
    await ui.press('Tab');
    expect(line()).toBe('drain node-0');
    await ui.press('Tab');
    expect(line()).toBe('drain node-01');
    await ui.press('Tab', 'Space');
    expect(line()).toBe('drain node-02 ');
    await ui.type('--');
    await ui.press('Tab');
    expect(line()).toBe('drain node-02 --now ');
    await ui.press('Enter', 'y');
    expect(ui.feed.commands).toEqual([{ kind: 'drain', nodes: ['node-02'], now: true, reason: '' }]);
    await ui.press(':');
    await ui.type('policy ear');
    await ui.press('Tab');
    await ui.type('e');
    await ui.press('Tab', 'Enter');
    expect(ui.feed.commands.at(-1)).toEqual({ kind: 'policy', policy: 'earliest-finish', queue: 'easy' });
  });

  test('the coordinator tells what draining would do', async () => {
    const ui = await driven();
    ui.feed.drainPreview = async (nodes) => ({
      nodes: nodes.map((node) => ({ node, running: 3, assigned: 2, stuck: 1, leftMs: 240_000, tasks: [] })),
      stuckJobs: [7],
      remaining: { nodes: 2, slots: 16 },
    });
    await ui.press('d');
    for (const words of [
      '3 running tasks will end there',
      '2 waiting tasks will go back to the queue',
      'the last of them in about 4m00s',
      '1 task could run nowhere else',
      '1 waiting job would have no node left',
      '2 nodes with 16 slots would remain',
    ])
      expect(ui.screen()).toContain(words);
    await ui.press('Enter');
    expect(ui.feed.commands).toEqual([{ kind: 'drain', nodes: ['node-01'], now: false, reason: '' }]);
  });

  test('read-only has none of it', async () => {
    const ui = await driven({ readOnly: true });
    await ui.press('p', 'd', 'D', 'u', 'x', 'P', 'b', 't', 'R');
    expect(ui.store.state.mode.kind).toBe('table');
    expect(ui.screen()).toContain('read-only');
    await ui.press(':');
    await ui.type('pause node-01');
    await ui.press('Enter');
    expect(ui.screen()).toContain('read-only');
    expect(ui.feed.commands).toEqual([]);
  });
});

describe('quitting', () => {
  test('q leaves', async () => {
    const ui = await driven();
    await ui.press('q');
    expect(ui.exit()).toEqual({ kind: 'quit', stop: false });
  });

  test('a coordinator with work is not stopped without asking', async () => {
    const ui = await driven({ owner: true });
    await ui.press('q');
    expect(ui.screen()).toContain('2 390 tasks not ended, 24 of them running');
    await ui.press('Enter');
    expect(ui.exit()).toBeNull();
    await ui.press('q', 'y');
    expect(ui.feed.commands).toEqual([{ kind: 'shutdown', reason: 'quit' }]);
    expect(ui.exit()).toEqual({ kind: 'quit', stop: true });
  });

  test('a coordinator that refuses to stop is not left', async () => {
    const ui = await driven({ owner: true });
    ui.feed.answer = () => ({ accepted: false, why: 'no' });
    await ui.press('q', 'y');
    expect(ui.exit()).toBeNull();
    expect(ui.screen()).toContain('refused: no');
  });

  test('Ctrl-C twice', async () => {
    const ui = await driven({ owner: true });
    await ui.press('C-c', 'C-c');
    expect(ui.exit()).toEqual({ kind: 'quit', stop: true });
  });

  test('the coordinator goes away', async () => {
    const ui = await driven();
    ui.feed.end('the connection broke');
    await ui.press('j');
    expect(ui.exit()).toEqual({ kind: 'ended', why: 'the connection broke' });
  });
});

describe('replay', () => {
  test('keys move in time, and nothing acts', async () => {
    const ui = await driven({ replay: true });
    await ui.press('Space', 'Left', 'Right', 'S-Left', 'S-Right', '[', ']', ',', '.', 'n', 'N', 'L');
    expect(ui.time.calls).toEqual([
      'toggle',
      'seek -5000',
      'seek 5000',
      'seek -60000',
      'seek 60000',
      'faster 0.5',
      'faster 2',
      'step -1',
      'step 1',
      'jump 1',
      'jump -1',
      'follow',
    ]);
    ui.time.calls.length = 0;
    for (const text of ['12:01', '12:01:10', '-5m', '+90s', '50%']) {
      await ui.press('g');
      await ui.type(text);
      await ui.press('Enter');
    }
    expect(ui.time.calls).toEqual(['seek -30000', 'seek -20000', 'seek -300000', 'seek 90000', 'seek 210000']);
    // A recording over midnight, from its morning: the evening is the one that it has.
    const { now } = ui.time;
    ui.time.now = { ...now, from: now.at - 14 * 3_600_000, to: now.at + 3_600_000 };
    ui.time.calls.length = 0;
    for (const text of ['23:01:30', '13:00', '12:31:30']) {
      await ui.press('g');
      await ui.type(text);
      await ui.press('Enter');
    }
    expect(ui.time.calls).toEqual(['seek -46800000', 'seek 3510000', 'seek 1800000']);
    ui.time.now = now;
    await ui.press('g');
    await ui.type('noon');
    await ui.press('Enter');
    expect(ui.screen()).toContain('a time is needed');
    await ui.press('p', 'd', 'P');
    expect(ui.feed.commands).toEqual([]);
    expect(ui.screen()).toContain('stopped 4×');
    await ui.press('j', 'G', 'q');
    expect(ui.exit()).toEqual({ kind: 'quit', stop: false });
  });
});

test('names that are not what they seem reach the screen as text', async () => {
  const ui = await driven();
  const evil = 'x\x1b]52;c;aGk=\x07\x1b[2J\u202egnp.exe\r\n\x9b31m\u200b';
  ui.session.say({
    kind: 'node-intent',
    at: ui.session.now,
    node: 'node-01',
    intent: 'paused',
    reason: evil,
    by: evil,
    deadline: null,
  });
  ui.feed.show();
  await ui.press('j');
  expect(ui.screen()).toContain('␛]52;c;aGk=␇␛[2J');
  expect(ui.screen().replaceAll('\n', '')).not.toMatch(
    /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200b-\u200f]/,
  );
});
