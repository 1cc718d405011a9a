/** What others called their things reaches the interface as text: by its types, and on a terminal. */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Piece } from '../../source/ui/line.ts';
import { interfaceStore } from '../../source/ui/store.ts';
import { themeFor } from '../../source/ui/theme.ts';
import { displayText } from '../../source/view/display-text.ts';
import { fixed, joined } from '../../source/view/safe-text.ts';
import { payloads, watchedTerminal } from '../helpers/watched-terminal.ts';
import { emulated } from './fixtures/emulated.ts';
import { type FakeFeed, fakeFeed } from './fixtures/fake-feed.ts';
import { paintOnce } from './fixtures/paint-once.ts';
import { fakeSession } from './fixtures/session.ts';

const ui = resolve(import.meta.dirname, '../../source/ui');

describe('by its types', () => {
  test('only safe text can be a piece of a line', () => {
    const foreign: string = payloads[0] as string;
    // @ts-expect-error: what came from outside is no safe text.
    const unsafe: Piece = [foreign, 'text'];
    // @ts-expect-error: nor is what was made of it.
    const made: Piece = [`node ${foreign}`, 'text'];
    // @ts-expect-error: the program's own words are literals.
    const claimed: Piece = [fixed(foreign), 'text'];
    // @ts-expect-error: nor do parts of it become safe together.
    const together: Piece = [joined(fixed('node '), foreign), 'text'];
    const safe: Piece = [joined(fixed('node '), displayText(foreign)), 'text'];
    // Without the types it would have been there.
    expect([unsafe, made, claimed, together].filter(([text]) => text.includes('\x1b'))).toHaveLength(4);
    expect(safe[0]).toBe('node ␛]0;owned␇');
  });

  test('one place hands text to Ink, and it takes lines', () => {
    const files = readdirSync(ui, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
    const withText = files.filter((name) =>
      /import \{[^}]*\bText\b[^}]*\} from 'ink'/.test(readFileSync(join(ui, name), 'utf8')),
    );
    expect(withText).toEqual([join('components', 'rows.tsx')]);
  });
});

/** A session in which everything that has a name has that one. */
function evilSession(evil: string) {
  const session = fakeSession({ nodes: 6 });
  session.advance(90_000);
  for (const job of session.state.jobs.values()) {
    job.spec.name = evil;
    job.spec.work.argv = [evil, evil];
    job.spec.env = { [evil]: evil };
    job.spec.cwd = evil;
    job.spec.key = evil;
    job.spec.labels = { [evil]: evil };
    Object.assign(job, { by: evil });
  }
  for (const node of session.state.nodes.values()) {
    node.info.labels = { [evil]: evil };
    node.info.resources = { [evil]: 1 };
    node.info.handlers = [evil];
    for (const field of ['cpuModel', 'host', 'platform', 'version', 'listen'] as const) node.info[field] = evil;
    node.address = evil;
    const { name } = node;
    session.say({
      kind: 'node-intent',
      at: session.now,
      node: name,
      intent: 'paused',
      reason: evil,
      by: evil,
      deadline: null,
    });
    for (const attempt of [...node.held.values()].slice(0, 2)) {
      const { job, ordinal } = attempt;
      const about = { at: session.now, job, ordinal, attempt: attempt.attempt, node: name };
      session.say({ kind: 'progressed', ...about, share: 0.5, note: evil });
      session.say({
        kind: 'ended',
        ...about,
        ...{ state: 'failed', exitCode: null, signal: evil, error: evil, runMs: 1, cpuMs: 1, peakBytes: 1 },
      });
    }
  }
  return session;
}

async function settled(feed: FakeFeed): Promise<void> {
  for (let still = 0, seen = -1; still < 4; ) {
    await new Promise((resolve) => setImmediate(resolve));
    still = feed.looks.length === seen ? still + 1 : 0;
    seen = feed.looks.length;
  }
}

const screens: [name: string, keys: readonly string[]][] = [
  ['nodes', []],
  ['node', ['Enter']],
  ['jobs', ['2']],
  ['job', ['2', 'G', 'Enter']],
  ['tasks', ['3']],
  ['task', ['3', 'Enter']],
  ['events', ['4']],
  ['charts', ['5']],
  ['drain', ['d']],
  ['cancel', ['2', 'G', 'x']],
  ['filter', ['/', ...'owned', 'Enter']],
  ['explanation', ['3', 'e']],
  ['log', ['3', 'l']],
];

describe('on a terminal', () => {
  test.each(screens)('%s: nothing is obeyed', async (_name, keys) => {
    for (const evil of payloads) {
      const session = evilSession(evil);
      const feed = fakeFeed(session, { readOnly: false });
      feed.explain = async () => ({
        ...{ task: evil, state: 'queued', node: evil, attempt: 1, at: session.now, policy: 'first' },
        candidates: [{ node: evil, score: null, chosen: false, excluded: evil }],
        waiting: { [evil]: 1 },
      });
      feed.logTail = async () => Buffer.from(evil.repeat(3));
      feed.answer = () => ({ accepted: false, why: evil });
      const size = { columns: 120, rows: 40 };
      const options = { title: evil, readOnly: false, owner: true, utcOffsetMinutes: 0, ...size };
      const store = interfaceStore(feed, options);
      store.open();
      await settled(feed);
      for (const key of keys) {
        store.press(key);
        await settled(feed);
      }
      const terminal = emulated(size.columns, size.rows);
      let written = '';
      const { write } = terminal.out;
      terminal.out.write = (text) => {
        written += text;
        return write(text);
      };
      const theme = themeFor({ LANG: 'C.UTF-8', TERM: 'xterm-256color', COLORTERM: 'truecolor' });
      await paintOnce(store, feed, theme, terminal.out);
      const watched = watchedTerminal(size.columns, size.rows, { ownModes: true });
      await watched.write(written);
      expect(watched.harm, JSON.stringify(evil)).toEqual([]);
      // Of sequences only those that our painter knows: places, colours, what is erased, modes of its own.
      expect(written.replace(/\x1b\[(?:\?(?:25|7|2026)[hl]|[0-9;]*[HmKJC])/g, ''), JSON.stringify(evil)).not.toMatch(
        /[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]/,
      );
      feed.close();
    }
  });
});
