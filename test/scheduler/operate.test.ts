import { describe, expect, test } from 'vitest';
import { attempt, expectFolded, type Fleet, fleet } from './fleet.ts';

/** Node a (2 slots) runs 1.0#1 and was sent 1.1#1; node b is paused so that nothing goes there. */
function busy(given: Parameters<Fleet['submit']>[1] = {}): Fleet {
  const on = fleet();
  on.join('a');
  on.submit(2, given);
  on.dispatch();
  on.start('a', '1.0#1');
  return on;
}

const drain = (on: Fleet, now = false, deadline: number | null = null) =>
  on.tell({ kind: 'drain', node: 'a', now, deadline, reason: 'disk', by: 'ana' });
const back = (on: Fleet, of: string) => on.tell({ kind: 'returned', node: 'a', attempt: attempt(of) });

describe('pause', () => {
  test('what runs goes on, what has not started returns, nothing new is placed', () => {
    const on = busy();
    expect(on.tell({ kind: 'pause', node: 'a', reason: 'disk', by: 'ana' })).toEqual(['a paused', '1.1#1 recalled a']);
    expect(on.tell({ kind: 'pause', node: 'a', reason: 'disk', by: 'ana' })).toEqual([]);
    expect(on.node('a')).toMatchObject({ reason: 'disk', by: 'ana', intentAt: on.at });
    expect(back(on, '1.1#1')).toEqual(['1.1#1 requeued a recalled']);
    expect(back(on, '1.1#1')).toEqual([]);
    expect(on.dispatch()).toEqual([]);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a']);
    expect(on.tell({ kind: 'resume', node: 'a', reason: '', by: 'ana' })).toEqual(['a active']);
    expect(on.tell({ kind: 'resume', node: 'a', reason: '', by: 'ana' })).toEqual([]);
    expect(on.dispatch()).toEqual(['1.1#2 assigned a']);
    expect(on.state.reexecuted).toBe(0);
    expectFolded(on);
  });

  test('what begins before the recall comes goes on', () => {
    const on = busy();
    on.tell({ kind: 'pause', node: 'a', reason: '', by: 'ana' });
    expect(on.start('a', '1.1#1')).toEqual(['1.1#1 started a']);
    expect(on.pass(10_000, 'a')).toEqual([]);
    expect(on.end('a', '1.1#1')).toEqual(['1.1#1 succeeded a']);
  });
});

describe('drain', () => {
  test('ends when nothing runs there any more', () => {
    const on = busy();
    expect(drain(on)).toEqual(['a draining', '1.1#1 recalled a']);
    expect(drain(on)).toEqual([]);
    expect(back(on, '1.1#1')).toEqual(['1.1#1 requeued a recalled']);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a', 'a drained']);
    expect(on.dispatch()).toEqual([]);
    expect(on.tell({ kind: 'resume', node: 'a', reason: '', by: 'ana' })).toEqual(['a active']);
    expect(on.node('a').drained).toBe(false);
    expect(on.dispatch()).toEqual(['1.1#2 assigned a']);
    expectFolded(on);
  });

  test('an idle node is drained at once', () => {
    const on = fleet();
    on.join('a');
    expect(drain(on)).toEqual(['a draining', 'a drained']);
  });

  test('now: what runs is stopped, and queued again when it has stopped, not charged as a try', () => {
    const on = busy({ retries: 0 });
    expect(drain(on, true)).toEqual(['a draining with deadline', '1.1#1 recalled a', '1.0#1 stop a drained requeue']);
    expect(drain(on, true)).toEqual([]);
    expect(on.dispatch()).toEqual([]);
    expect(on.job(1).counts).toMatchObject({ running: 1, assigned: 1 });
    back(on, '1.1#1');
    expect(on.end('a', '1.0#1', { outcome: 'stopped' })).toEqual(['1.0#1 requeued a drained', 'a drained']);
    expect(on.job(1).tasks.get(0, 'tries')).toBe(0);
    on.join('b');
    expect(on.dispatch()).toEqual(['1.0#2 assigned b', '1.1#2 assigned b']);
    on.end('b', '1.0#2');
    expect(on.state.reexecuted).toBe(1);
    expectFolded(on);
  });

  test('now: an end that was faster than the stop counts', () => {
    const on = busy();
    drain(on, true);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a']);
    expect(back(on, '1.1#1')).toEqual(['1.1#1 requeued a recalled', 'a drained']);
  });

  test('now holds too for what begins while it is asked back', () => {
    const on = busy();
    drain(on, true);
    on.start('a', '1.1#1');
    expect(on.pass(250, 'a')).toEqual(['1.1#1 stop a drained requeue']);
    expect(on.pass(250, 'a')).toEqual([]);
  });

  test('now, of a task that must not run twice: it is lost', () => {
    const on = busy({ noRetry: true });
    drain(on, true);
    back(on, '1.1#1');
    expect(on.end('a', '1.0#1', { outcome: 'stopped' })).toEqual([
      '1.0#1 lost a (it was stopped and must not run twice)',
      'a drained',
    ]);
    expect(on.job(1).counts).toMatchObject({ lost: 1, queued: 1 });
  });

  test('with a deadline: stopped when it comes', () => {
    const on = busy();
    expect(drain(on, false, on.at + 10_000)).toEqual(['a draining with deadline', '1.1#1 recalled a']);
    back(on, '1.1#1');
    expect(on.pass(9_750, 'a')).toEqual([]);
    expect(on.pass(250, 'a')).toEqual(['1.0#1 stop a drained requeue']);
    expect(on.end('a', '1.0#1', { outcome: 'stopped' })).toEqual(['1.0#1 requeued a drained', 'a drained']);
    expectFolded(on);
  });

  test('becomes a pause, and a pause becomes a drain', () => {
    const on = busy();
    drain(on);
    expect(on.tell({ kind: 'pause', node: 'a', reason: '', by: 'ana' })).toEqual(['a paused']);
    back(on, '1.1#1');
    on.end('a', '1.0#1');
    expect(on.node('a').drained).toBe(false);
    expect(drain(on)).toEqual(['a draining', 'a drained']);
  });

  test('a lost node that was draining is drained', () => {
    const on = busy();
    drain(on);
    on.tell({ kind: 'dropped', node: 'a', reason: 'reset' });
    expect(on.pass(5_000)).toEqual(['1.0#1 requeued a node-lost', '1.1#1 requeued a node-lost', 'a lost', 'a drained']);
  });
});

test('a running task that its node does not know of any more has gone with it', () => {
  const on = busy();
  drain(on, true);
  expect(back(on, '1.0#1')).toEqual(['1.0#1 requeued a node-left']);
  const noRetry = busy({ noRetry: true });
  drain(noRetry, true);
  expect(back(noRetry, '1.0#1')).toEqual(['1.0#1 lost a (its node was lost and it must not run twice)']);
});

test('throttle and forget', () => {
  const on = busy();
  const throttle = (share: number) => on.tell({ kind: 'throttle', node: 'a', throttle: share, by: 'ana' });
  expect(throttle(0.5)).toEqual(['a throttled 0.5']);
  expect(throttle(0.5)).toEqual([]);
  expect(on.tell({ kind: 'forget', node: 'a' })).toEqual([]);
  on.tell({ kind: 'leave', node: 'a' });
  expect(on.tell({ kind: 'forget', node: 'a' })).toEqual(['a forgotten']);
  expect(on.state.nodes.size).toBe(0);
  on.join('b');
  expect(on.dispatch()).toEqual(['1.0#2 assigned b', '1.1#2 assigned b']);
  expectFolded(on);
});

test('what is asked of nodes and jobs that are not there changes nothing', () => {
  const on = fleet();
  const node = 'x';
  const by = 'ana';
  const target = { job: 9, ordinal: null };
  for (const event of [
    { kind: 'pause', node, reason: '', by },
    { kind: 'drain', node, now: true, deadline: null, reason: '', by },
    { kind: 'resume', node, reason: '', by },
    { kind: 'throttle', node, throttle: 1, by },
    { kind: 'forget', node },
    { kind: 'leave', node },
    { kind: 'dropped', node, reason: '' },
    { kind: 'heard', node },
    { kind: 'started', node, attempt: attempt('9.0#1') },
    { kind: 'returned', node, attempt: attempt('9.0#1') },
    { kind: 'cancel', target, by },
    { kind: 'retry', target, onlyFailed: false, by },
    { kind: 'purge', job: 9 },
  ] as const)
    expect(on.tell(event)).toEqual([]);
  expect(on.end('x', '9.0#1')).toEqual([]);
  expect(on.beat('x', 1)).toEqual([]);
});
