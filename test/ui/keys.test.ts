import { describe, expect, test } from 'vitest';
import {
  actionOf,
  type Context,
  keys,
  keysAt,
  keysInMarkdown,
  namedKeys,
  type Powers,
  sign,
} from '../../source/ui/keys.ts';
import { screens } from '../../source/view/look.ts';

const contexts: Context[] = ['screen', 'dialog', 'input', 'pages'];
const powers: Powers[] = [
  { mayAct: true, inTime: false, hasPresent: true },
  { mayAct: false, inTime: false, hasPresent: true },
  { mayAct: true, inTime: true, hasPresent: true },
  { mayAct: false, inTime: true, hasPresent: true },
  { mayAct: false, inTime: true, hasPresent: false },
];

describe('the table of keys', () => {
  test.each(contexts)('in %s no key means two things', (context) => {
    for (const screen of screens)
      for (const power of powers) {
        const seen = new Map<string, string>();
        for (const row of keysAt(context, screen, power))
          for (const key of row.keys) {
            expect(seen.get(key), `${key} on ${screen}`).toBeUndefined();
            seen.set(key, row.action);
          }
      }
  });

  test('every row has keys that can be pressed, words, and a place in help', () => {
    const named = new Set<string>(namedKeys);
    for (const row of keys) {
      expect(row.keys.length).toBeGreaterThan(0);
      expect(row.words).not.toBe('');
      for (const key of row.keys) expect([...key].length === 1 || named.has(key), key).toBe(true);
    }
  });

  test('every action of a screen is said once', () => {
    for (const screen of screens)
      for (const power of powers) {
        const words = keysAt('screen', screen, power).map((row) => row.words);
        const twice = words.filter((one, i) => words.indexOf(one) !== i);
        // `g` is its own row because it is another key in a replay.
        expect(twice.filter((one) => one !== 'first row')).toEqual([]);
      }
  });

  test('the keys of the contract', () => {
    const live = { mayAct: true, inTime: false, hasPresent: true };
    const wanted: [key: string, screen: (typeof screens)[number], action: string][] = [
      ['j', 'nodes', 'down'],
      ['k', 'nodes', 'up'],
      ['g', 'nodes', 'first'],
      ['G', 'nodes', 'last'],
      ['Enter', 'nodes', 'open'],
      ['Esc', 'nodes', 'back'],
      ['Tab', 'nodes', 'next-view'],
      ['1', 'jobs', 'view-1'],
      ['5', 'jobs', 'view-5'],
      ['/', 'nodes', 'filter'],
      ['s', 'nodes', 'sort'],
      ['S', 'nodes', 'reverse'],
      ['Space', 'nodes', 'mark'],
      ['p', 'nodes', 'pause'],
      ['d', 'nodes', 'drain'],
      ['D', 'nodes', 'drain-now'],
      ['u', 'nodes', 'resume'],
      ['t', 'nodes', 'throttle'],
      ['x', 'jobs', 'cancel'],
      ['r', 'jobs', 'retry'],
      ['P', 'charts', 'pause-queue'],
      ['b', 'jobs', 'policy'],
      ['l', 'tasks', 'log'],
      ['e', 'tasks', 'explain'],
      ['R', 'nodes', 'record'],
      [':', 'events', 'command'],
      ['?', 'charts', 'help'],
      ['q', 'charts', 'quit'],
    ];
    for (const [key, screen, action] of wanted) expect(actionOf(key, 'screen', screen, live), key).toBe(action);
    const past = { mayAct: false, inTime: true, hasPresent: true };
    const inTime: [string, string][] = [
      ['Space', 'play'],
      ['Left', 'back-5s'],
      ['Right', 'on-5s'],
      ['S-Left', 'back-60s'],
      ['S-Right', 'on-60s'],
      ['[', 'slower'],
      [']', 'faster'],
      [',', 'event-back'],
      ['.', 'event-on'],
      ['g', 'go-to'],
      ['n', 'next-incident'],
      ['N', 'previous-incident'],
      ['L', 'follow'],
    ];
    for (const [key, action] of inTime) expect(actionOf(key, 'screen', 'nodes', past), key).toBe(action);
    // A recording has no present to return to.
    expect(actionOf('L', 'screen', 'nodes', { ...past, hasPresent: false })).toBeNull();
  });

  test('without the right to act, and in the past, the keys that act are gone', () => {
    const acting = keys.filter((row) => row.when === 'act');
    expect(acting.length).toBeGreaterThan(8);
    for (const row of acting)
      for (const screen of screens)
        for (const power of powers.slice(1))
          for (const key of row.keys) expect(keysAt('screen', screen, power).includes(row), key).toBe(false);
  });

  test('the table for the readme has a row for each', () => {
    const rows = keysInMarkdown().trim().split('\n').slice(2);
    expect(rows).toHaveLength(keys.filter((row) => row.context === 'screen').length);
    expect(rows).toContain('| `d` | drain: running tasks go on, nothing new comes | nodes, node |');
  });

  test('signs are one or a few cells', () => {
    for (const key of namedKeys) expect(sign(key).length).toBeLessThanOrEqual(5);
  });
});
