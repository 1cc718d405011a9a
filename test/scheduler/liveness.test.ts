import { describe, expect, test } from 'vitest';
import { createScheduler } from '../../source/scheduler/scheduler.ts';
import { attempt, expectFolded, type Fleet, fleet } from './fleet.ts';

function busy(given: Parameters<Fleet['submit']>[1] = {}): Fleet {
  const on = fleet();
  on.join('a');
  on.submit(2, given);
  on.dispatch();
  on.start('a', '1.0#1');
  return on;
}

describe('silence', () => {
  test('3 s: suspect; 15 s: lost, and its tasks go back', () => {
    const on = busy();
    expect(on.pass(2_750)).toEqual([]);
    expect(on.pass(250)).toEqual(['a suspect']);
    expect(on.pass(11_750)).toEqual([]);
    expect(on.pass(250)).toEqual(['1.0#1 requeued a node-lost', '1.1#1 requeued a node-lost', 'a lost']);
    expect(on.node('a')).toMatchObject({ connected: false, usedCpus: 0, running: 0, assigned: 0 });
    expect(on.pass(60_000)).toEqual([]);
    on.join('b');
    expect(on.dispatch()).toEqual(['1.0#2 assigned b', '1.1#2 assigned b']);
    expect(on.state.reexecuted).toBe(0);
    on.start('b', '1.0#2', '1.1#2');
    expect(on.state.reexecuted).toBe(1); // the other one had not begun
    expectFolded(on);
  });

  test('bytes of any kind count', () => {
    const on = busy();
    on.pass(3_000);
    expect(on.tell({ kind: 'heard', node: 'a' })).toEqual(['a up']);
    expect(on.pass(60_000, 'a')).toEqual([]);
    on.pass(3_000);
    expect(on.beat('a', 1)).toEqual(['a up', 'a sampled']);
  });

  test('after a stall of our own every node gets a fresh window', () => {
    const on = busy();
    on.pass(2_000);
    on.at += 30_000;
    expect(on.tell({ kind: 'tick', stalled: true })).toEqual([]);
    expect(on.pass(2_750)).toEqual([]);
    expect(on.pass(250)).toEqual(['a suspect']);
  });

  test('after a stall in which nodes gave us up they have as long to come back as after a restart', () => {
    const on = busy();
    on.at += 60_000;
    on.tell({ kind: 'tick', stalled: true });
    // What it had said before it gave up is read first.
    on.tell({ kind: 'heard', node: 'a' });
    expect(on.tell({ kind: 'dropped', node: 'a', reason: 'silent' })).toEqual(['a dropped', 'a suspect']);
    expect(on.pass(19_000)).toEqual([]);
    expect(on.join('a', {}, { running: ['1.0#1'], waiting: ['1.1#1'] })).toEqual(['a is back']);
    // Back, it is as any other.
    on.tell({ kind: 'dropped', node: 'a', reason: 'reset' });
    expect(on.pass(5_000).at(-1)).toBe('a lost');
    expectFolded(on);
  });

  test('one that does not come back after a stall is lost then', () => {
    const on = busy();
    on.at += 60_000;
    on.tell({ kind: 'tick', stalled: true });
    on.tell({ kind: 'dropped', node: 'a', reason: 'silent' });
    expect(on.pass(19_750)).toEqual([]);
    expect(on.pass(250).at(-1)).toBe('a lost');
  });

  test('after a short stall nodes that drop are lost as always', () => {
    const on = busy();
    on.at += 4_000;
    on.tell({ kind: 'tick', stalled: true });
    on.tell({ kind: 'dropped', node: 'a', reason: 'reset' });
    expect(on.pass(5_000).at(-1)).toBe('a lost');
  });

  test('a clock that is set back does not confuse it', () => {
    const on = busy();
    on.pass(1_000, 'a');
    on.at -= 3_600_000;
    expect(on.tell({ kind: 'heard', node: 'a' })).toEqual([]);
    expect(on.pass(10_000)).toEqual([]); // time stands still until it is later again
    expect(on.state.at).toBeGreaterThanOrEqual(1_000_000);
  });
});

describe('a broken connection', () => {
  test('is suspect at once and lost after 5 s', () => {
    const on = busy();
    expect(on.tell({ kind: 'dropped', node: 'a', reason: 'reset' })).toEqual(['a dropped', 'a suspect']);
    expect(on.tell({ kind: 'dropped', node: 'a', reason: 'reset' })).toEqual([]);
    expect(on.pass(4_750)).toEqual([]);
    expect(on.pass(250)).toEqual(['1.0#1 requeued a node-lost', '1.1#1 requeued a node-lost', 'a lost']);
    expectFolded(on);
  });

  test('is nothing when it comes back in time', () => {
    const on = busy();
    on.tell({ kind: 'dropped', node: 'a', reason: 'reset' });
    on.pass(4_000);
    expect(on.join('a', {}, { running: ['1.0#1'], waiting: ['1.1#1'] })).toEqual(['a is back']);
    expect(on.pass(20_000, 'a')).toEqual([]);
  });

  test('reports and bytes of a broken connection change nothing', () => {
    const on = busy();
    on.tell({ kind: 'dropped', node: 'a', reason: 'reset' });
    expect(on.beat('a', 1)).toEqual([]);
    expect(on.tell({ kind: 'heard', node: 'a' })).toEqual([]);
    expect(on.node('a').health).toBe('suspect');
  });
});

describe('goodbye', () => {
  test('gives everything back at once', () => {
    const on = busy();
    expect(on.tell({ kind: 'leave', node: 'a' })).toEqual([
      '1.0#1 requeued a node-left',
      '1.1#1 requeued a node-left',
      'a left',
    ]);
    expect(on.tell({ kind: 'leave', node: 'a' })).toEqual([]);
    expect(on.pass(60_000)).toEqual([]);
    expect(on.tell({ kind: 'forget', node: 'a' })).toEqual(['a forgotten']);
    expect(on.join('a')).toEqual(['a joined']);
    expectFolded(on);
  });

  test('a task that must not run twice is lost, for it may have begun', () => {
    const on = busy({ noRetry: true });
    expect(on.tell({ kind: 'leave', node: 'a' })).toEqual([
      '1.0#1 lost a (its node was lost and it must not run twice)',
      '1.1#1 lost a (its node was lost and it must not run twice)',
      'job 1 ended failed',
      'a left',
    ]);
  });
});

test('--no-retry: what was sent to a node that is lost is lost', () => {
  const on = busy({ noRetry: true });
  on.pass(3_000);
  expect(on.pass(12_000)).toEqual([
    '1.0#1 lost a (its node was lost and it must not run twice)',
    '1.1#1 lost a (its node was lost and it must not run twice)',
    'job 1 ended failed',
    'a lost',
  ]);
  expect(on.join('a', {}, { ended: ['1.0#1'] })).toEqual(['a is back']);
  expect(on.end('a', '1.0#1')).toEqual([]);
  expect(on.job(1).counts).toMatchObject({ lost: 2 });
  expectFolded(on);
});

describe('a restart of the coordinator', () => {
  const session = {
    kind: 'session',
    version: '0.1.0',
    policy: null,
    discipline: null,
    cpuLimit: null,
    seed: 99,
  } as const;

  test('waits 20 s for its nodes, places nothing on them meanwhile, and goes on with what they hold', () => {
    const before = busy();
    before.submit(1);
    const on = fleet('first', { state: before.state });
    expect(on.tell(session)).toEqual(['session 2']);
    expect(on.state).toMatchObject({ policy: 'first', seed: 7 });
    expect(on.node('a')).toMatchObject({ connected: false, health: 'suspect' });
    on.end('a', '1.1#1'); // even so: what a node says of its own attempt counts
    expect(on.dispatch()).toEqual([]);
    expect(on.pass(19_750)).toEqual([]);
    expect(on.join('a', {}, { running: ['1.0#1'] })).toEqual(['a is back']);
    expect(on.dispatch()).toEqual(['2.0#1 assigned a']);
    expect(on.pass(2_750)).toEqual([]);
  });

  test('gives them up after that', () => {
    const before = busy();
    const on = fleet('first', { state: before.state });
    on.tell(session);
    on.pass(19_750);
    expect(on.pass(250)).toEqual(['1.0#1 requeued a node-lost', '1.1#1 requeued a node-lost', 'a lost']);
  });

  test('without a session event, the first tick begins the window', () => {
    const { state } = busy();
    const scheduler = createScheduler(state);
    expect(scheduler.handle({ kind: 'tick', at: state.at + 3_600_000, stalled: false })).toEqual([]);
  });
});

describe('a node that stops', () => {
  test('gets nothing from when it says so, neither what it hands back; its heartbeats do not change that', () => {
    const on = fleet();
    on.join('a', { slots: 2 });
    on.submit(3);
    on.dispatch();
    expect(on.tell({ kind: 'leaving', node: 'a', reason: 'SIGTERM' })).toEqual(['a suspect']);
    expect(on.node('a').health).toBe('suspect');
    on.end('a', '1.0#1', { outcome: 'stopped' });
    on.tell({ kind: 'returned', node: 'a', attempt: attempt('1.1#1') });
    on.beat('a', 0);
    on.pass(1_000, 'a');
    expect(on.node('a').health).toBe('suspect');
    expect(on.dispatch()).toEqual([]);
    on.tell({ kind: 'leave', node: 'a' });
    expect(on.node('a').health).toBe('left');
    on.join('a', { slots: 2 });
    expect(on.node('a').health).toBe('up');
    expect(on.dispatch()).toHaveLength(2);
    expectFolded(on);
  });

  test('and is lost as any other where it falls silent', () => {
    const on = fleet();
    on.join('a');
    on.submit(1);
    on.dispatch();
    on.tell({ kind: 'leaving', node: 'a', reason: 'SIGTERM' });
    on.pass(16_000);
    expect(on.node('a').health).toBe('lost');
    expect(on.job(1).counts.queued).toBe(1);
  });
});
