/** What a node that joins says it holds, against what we think it holds: every combination. */
import { describe, expect, test } from 'vitest';
import { joinObjection } from '../../source/scheduler/join.ts';
import { attempt, expectFolded, type Fleet, fleet } from './fleet.ts';

/** Node a (2 slots) runs 1.0#1 and has 1.1#1 waiting. */
function busy(given: Parameters<Fleet['submit']>[1] = {}): Fleet {
  const on = fleet();
  on.join('a');
  on.submit(2, given);
  on.dispatch();
  on.start('a', '1.0#1');
  return on;
}

function drop(on: Fleet): Fleet {
  on.tell({ kind: 'dropped', node: 'a', reason: 'reset' });
  return on;
}

function lose(on: Fleet): Fleet {
  drop(on).pass(5_000);
  expect(on.node('a').health).toBe('lost');
  return on;
}

describe('the same process comes back', () => {
  test('with all that it had: nothing changes', () => {
    const on = drop(busy());
    expect(on.join('a', {}, { running: ['1.0#1'], waiting: ['1.1#1'] })).toEqual(['a is back']);
    expect(on.start('a', '1.1#1')).toEqual(['1.1#1 started a']);
    on.end('a', '1.0#1');
    expect(on.end('a', '1.1#1')).toEqual(['1.1#1 succeeded a', 'job 1 ended succeeded']);
    expect(on.state).toMatchObject({ reexecuted: 0, lateResults: 0, requeued: 0 });
    expectFolded(on);
  });

  test('it began meanwhile what was waiting', () => {
    const on = drop(busy());
    expect(on.join('a', {}, { running: ['1.0#1', '1.1#1'] })).toEqual(['a is back', '1.1#1 started a']);
  });

  test('something ended meanwhile: its end follows', () => {
    const on = drop(busy());
    expect(on.join('a', {}, { ended: ['1.0#1'], waiting: ['1.1#1'] })).toEqual(['a is back']);
    expect(on.node('a').usedCpus).toBe(2);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a']);
    expectFolded(on);
  });

  test('an assignment never reached it: it waits again at once, also under --no-retry', () => {
    const on = drop(busy({ noRetry: true }));
    expect(on.join('a', {}, { running: ['1.0#1'] })).toEqual(['a is back', '1.1#1 requeued a recalled']);
    expect(on.dispatch()).toEqual(['1.1#2 assigned a']);
  });

  test('what it ran has vanished: run again; under --no-retry lost', () => {
    expect(drop(busy()).join('a', {}, { waiting: ['1.1#1'] })).toEqual(['a is back', '1.0#1 requeued a node-lost']);
    expect(drop(busy({ noRetry: true })).join('a', {}, { waiting: ['1.1#1'] })).toEqual([
      'a is back',
      '1.0#1 lost a (its node was lost and it must not run twice)',
    ]);
  });

  test('an end whose acknowledgement was lost is told again and changes nothing', () => {
    const on = busy();
    on.end('a', '1.0#1');
    drop(on);
    expect(on.join('a', {}, { ended: ['1.0#1'], waiting: ['1.1#1'] })).toEqual(['a is back']);
    expect(on.end('a', '1.0#1')).toEqual([]);
    expect(on.state.lateResults).toBe(0);
  });

  test('a recall that it may not have heard is said again, also after it was resumed', () => {
    const on = busy();
    on.tell({ kind: 'pause', node: 'a', reason: '', by: 'ana' });
    drop(on);
    const holding = { running: ['1.0#1'], waiting: ['1.1#1'] };
    expect(on.join('a', {}, holding)).toEqual(['a is back', '1.1#1 recalled a']);
    drop(on).tell({ kind: 'resume', node: 'a', reason: '', by: 'ana' });
    expect(on.join('a', {}, holding)).toEqual(['a is back', '1.1#1 recalled a']);
    expectFolded(on);
  });

  test('a stop that it may not have heard is said again', () => {
    const on = busy();
    on.tell({ kind: 'drain', node: 'a', now: true, deadline: null, reason: '', by: 'ana' });
    on.tell({ kind: 'cancel', target: { job: 1, ordinal: 1 }, by: 'ana' });
    drop(on);
    expect(on.join('a', {}, { running: ['1.0#1'], waiting: ['1.1#1'] })).toEqual([
      'a is back',
      '1.0#1 stop a drained requeue',
      '1.1#1 stop a cancelled',
    ]);
    expect(on.end('a', '1.0#1', { outcome: 'stopped' })).toEqual(['1.0#1 requeued a drained']);
    expect(on.end('a', '1.1#1', { outcome: 'stopped', started: false })).toEqual(['1.1#1 released a', 'a drained']);
    expectFolded(on);
  });

  test('a cancelled attempt has ended without a word: its room is free', () => {
    const on = busy();
    on.tell({ kind: 'cancel', target: { job: 1, ordinal: 0 }, by: 'ana' });
    drop(on);
    expect(on.join('a', {}, { waiting: ['1.1#1'] })).toEqual(['a is back', '1.0#1 released a']);
  });

  test('to a paused node: what waits is asked back, what runs goes on', () => {
    const on = drop(busy());
    on.tell({ kind: 'pause', node: 'a', reason: '', by: 'ana' });
    expect(on.join('a', {}, { running: ['1.0#1'], waiting: ['1.1#1'] })).toEqual(['a is back', '1.1#1 recalled a']);
  });
});

describe('after it was taken for lost', () => {
  test('its task still waits: the same attempt goes on, nothing is run twice and the loss is forgiven', () => {
    const on = lose(busy());
    const since = on.job(1).tasks.get(0, 'startedAt');
    expect(on.job(1).tasks.get(0, 'losses')).toBe(1);
    expect(on.join('a', {}, { running: ['1.0#1'], waiting: ['1.1#1'] })).toEqual([
      'a is back',
      '1.0#1 assigned a',
      '1.0#1 started a',
      '1.1#1 assigned a',
    ]);
    expect(on.dispatch()).toEqual([]);
    expect(on.job(1).tasks.get(0, 'startedAt')).toBe(since);
    expect(on.job(1).tasks.get(0, 'losses')).toBe(0);
    // The node does not count these among the assignments of this connection.
    expect(on.node('a').assignments).toBe(0);
    on.beat('a', 50, 50, 0);
    expect(on.node('a').unseenCpus).toBe(0);
    on.end('a', '1.0#1');
    on.end('a', '1.1#1');
    expect(on.job(1).endState).toBe('succeeded');
    expect(on.state).toMatchObject({ reexecuted: 0, lateResults: 0 });
    expectFolded(on);
  });

  test('it has ended and its task still waits: believed, not run again', () => {
    const on = lose(busy());
    expect(on.join('a', {}, { ended: ['1.0#1'] })).toEqual(['a is back']);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a']);
    expect(on.end('a', '1.0#1')).toEqual([]);
    expect(on.dispatch()).toEqual(['1.1#2 assigned a']);
    expect(on.state).toMatchObject({ reexecuted: 0, lateResults: 0 });
    expectFolded(on);
  });

  test('it failed and its task still waits: charged as a try', () => {
    const on = lose(busy({ retries: 1, backoffMs: 0 }));
    on.join('a', {}, { ended: ['1.0#1'] });
    expect(on.fail('a', '1.0#1')).toEqual(['1.0#1 requeued a retry charged']);
    expect(on.fail('a', '1.0#1')).toEqual([]);
    expectFolded(on);
  });

  test('it was stopped, or could not be started, and its task still waits: it goes on waiting', () => {
    const on = lose(busy());
    on.join('a', {}, { ended: ['1.0#1', '1.1#1'] });
    expect(on.end('a', '1.0#1', { outcome: 'stopped' })).toEqual([]);
    expect(on.end('a', '1.1#1', { outcome: 'unfit', started: false })).toEqual([]);
    expect(on.dispatch()).toEqual(['1.0#2 assigned a', '1.1#2 assigned a']);
  });

  test('its task runs elsewhere: it is stopped and holds its room until then', () => {
    const on = lose(busy());
    on.join('b');
    on.dispatch();
    expect(on.join('a', {}, { running: ['1.0#1'], waiting: ['1.1#1'] })).toEqual([
      'a is back',
      '1.0#1 stop a another attempt counts',
      '1.1#1 stop a another attempt counts',
    ]);
    on.submit(1);
    expect(on.dispatch()).toEqual([]);
    expect(on.end('a', '1.0#1', { outcome: 'stopped' })).toEqual(['1.0#1 released a']);
    expect(on.tell({ kind: 'returned', node: 'a', attempt: attempt('1.1#1') })).toEqual(['1.1#1 released a']);
    expect(on.dispatch()).toEqual(['2.0#1 assigned a']);
    on.end('b', '1.0#2');
    expect(on.state).toMatchObject({ reexecuted: 1, lateResults: 0 });
    expectFolded(on);
  });

  test('its task runs elsewhere and it has a result: counted as late, once, and changes nothing', () => {
    const on = lose(busy());
    on.join('b');
    on.dispatch();
    expect(on.join('a', {}, { ended: ['1.0#1'] })).toEqual(['a is back']);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 late a']);
    expect(on.end('a', '1.0#1')).toEqual([]);
    expect(on.job(1).counts).toMatchObject({ assigned: 2, succeeded: 0 });
    on.end('b', '1.0#2');
    expect(on.state).toMatchObject({ reexecuted: 1, lateResults: 1 });
    expectFolded(on);
  });

  test('its task has ended elsewhere', () => {
    const on = lose(busy());
    on.join('b');
    on.dispatch();
    on.end('b', '1.0#2');
    expect(on.join('a', {}, { running: ['1.0#1'] })).toEqual(['a is back', '1.0#1 stop a another attempt counts']);
    // It ended by itself before it could be stopped.
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 late a']);
    expect(on.job(1).counts).toMatchObject({ succeeded: 1, failed: 0 });
  });

  test('its job was cancelled, or forgotten', () => {
    for (const purged of [false, true]) {
      const on = lose(busy());
      on.tell({ kind: 'cancel', target: { job: 1, ordinal: null }, by: 'ana' });
      if (purged) on.tell({ kind: 'purge', job: 1 });
      expect(on.join('a', {}, { running: ['1.0#1'], ended: ['1.1#1'] })).toEqual([
        'a is back',
        '1.0#1 stop a another attempt counts',
      ]);
      expect(on.end('a', '1.1#1')).toEqual(purged ? [] : ['1.1#1 late a']);
      expect(on.end('a', '1.0#1', { outcome: 'stopped' })).toEqual(['1.0#1 released a']);
      expect(on.node('a').usedCpus).toBe(0);
      expectFolded(on);
    }
  });

  test('two nodes were lost with it: only the last attempt goes on', () => {
    const on = lose(busy());
    on.join('b');
    on.dispatch();
    on.start('b', '1.0#2');
    on.tell({ kind: 'dropped', node: 'b', reason: 'reset' });
    on.pass(5_000);
    expect(on.join('a', {}, { running: ['1.0#1'] })).toEqual(['a is back', '1.0#1 stop a another attempt counts']);
    expect(on.join('b', {}, { running: ['1.0#2'] })).toEqual(['b is back', '1.0#2 assigned b', '1.0#2 started b']);
    on.end('a', '1.0#1');
    on.end('b', '1.0#2');
    expect(on.state).toMatchObject({ reexecuted: 1, lateResults: 1 });
    expectFolded(on);
  });

  test('a draining node that was taken for drained runs on, and is drained after that', () => {
    const on = busy();
    on.tell({ kind: 'drain', node: 'a', now: false, deadline: null, reason: '', by: 'ana' });
    expect(drop(on).pass(5_000).at(-1)).toBe('a drained');
    expect(on.join('a', {}, { running: ['1.0#1'] })).toEqual(['a is back', '1.0#1 assigned a', '1.0#1 started a']);
    expect(on.node('a').drained).toBe(false);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a', 'a drained']);
    expectFolded(on);
  });
});

describe('another process of the same name', () => {
  test('is refused while the first is heard, and takes over when it is silent', () => {
    const on = busy();
    expect(joinObjection(on.state, 'a', 'a-1')).toBe(
      'a node named a is connected from 127.0.0.1:1: give this one another --name',
    );
    expect(joinObjection(on.state, 'a', 'a-0')).toBe(null);
    expect(joinObjection(on.state, 'b', 'b-0')).toBe(null);
    on.pass(3_000);
    expect(joinObjection(on.state, 'a', 'a-1')).toBe(null);
  });

  test('holds nothing: all goes back, what ran as lost with its node', () => {
    const on = drop(busy());
    expect(on.joinAnew('a')).toEqual(['a joined', '1.0#1 requeued a node-lost', '1.1#1 requeued a node-lost']);
    expect(on.job(1).tasks.get(0, 'losses')).toBe(1);
    expect(on.job(1).tasks.get(1, 'losses')).toBe(0);
    expectFolded(on);
  });

  test('--no-retry: nobody knows what the first one began', () => {
    const on = drop(busy({ noRetry: true }));
    expect(on.joinAnew('a')).toHaveLength(4);
    expect(on.job(1).counts.lost).toBe(2);
  });

  test('has taken over processes and results of the first', () => {
    const on = drop(busy());
    expect(on.joinAnew('a', { running: ['1.0#1'], ended: ['1.1#1'] })).toEqual(['a joined']);
    on.end('a', '1.1#1');
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a', 'job 1 ended succeeded']);
  });

  test('after goodbye brings results from its disk: believed while the task waits', () => {
    const on = busy();
    on.tell({ kind: 'leave', node: 'a' });
    expect(on.joinAnew('a', { ended: ['1.0#1'] })).toEqual(['a joined']);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a']);
    expectFolded(on);
  });

  test('keeps what the operator wants of the node', () => {
    const on = busy();
    on.tell({ kind: 'drain', node: 'a', now: false, deadline: null, reason: 'disk', by: 'ana' });
    drop(on).joinAnew('a');
    expect(on.node('a')).toMatchObject({ intent: 'draining', reason: 'disk', by: 'ana', drained: true });
    expect(on.dispatch()).toEqual([]);
  });
});

test('attempts that nobody knows of are stopped', () => {
  const on = fleet();
  expect(on.join('a', {}, { running: ['7.0#1'], waiting: ['7.1#1'], ended: ['7.2#1'] })).toEqual([
    'a joined',
    '7.0#1 stop a another attempt counts',
    '7.1#1 stop a another attempt counts',
  ]);
  expect(on.end('a', '7.2#1')).toEqual([]);
  expect(on.end('a', '7.0#1', { outcome: 'stopped' })).toEqual(['7.0#1 released a']);
  expect(on.tell({ kind: 'returned', node: 'a', attempt: attempt('7.1#1') })).toEqual(['7.1#1 released a']);
  expect(on.start('a', '7.1#1')).toEqual([]);
  expectFolded(on);
});

test('an attempt of a task that the job does not have, or of a later number, is not believed', () => {
  const on = busy();
  for (const strange of ['1.7#1', '1.0#9', '1.1023#0']) {
    expect(on.end('a', strange)).toEqual([]);
    expect(on.start('a', strange)).toEqual([]);
  }
});

describe('a crash of the machine took the end of the journal, and a node has what is forgotten', () => {
  /** Knows the jobs, and none of the attempts that node a was given. */
  function forgetful(): Fleet {
    const on = fleet();
    on.join('a');
    on.join('b');
    on.submit(2);
    startAgain(on);
    on.join('a');
    on.join('b');
    return on;
  }

  /** In the very moment of the last fact: the machine's clock may have been set back. */
  function startAgain(on: Fleet): void {
    on.tell({ kind: 'session', version: 'v', policy: null, discipline: null, cpuLimit: null, seed: 1 });
  }

  test('what runs there goes on there, and nothing is sent', () => {
    const on = forgetful();
    const said = on.join('a', {}, { running: ['1.0#3'], waiting: ['1.1#1'] });
    expect(said).toEqual(['a is back', '1.0#3 assigned a', '1.0#3 started a', '1.1#1 assigned a']);
    expect([...on.node('a').held.values()].map(({ number }) => number)).toEqual([0, 0]);
    expect(on.dispatch()).toEqual([]);
    expect(on.end('a', '1.0#3')).toEqual(['1.0#3 succeeded a']);
    expect(on.job(1).tasks.get(0, 'attempt')).toBe(3);
    expectFolded(on);
  });

  test('what ended there counts, and is given to nobody until its end has come', () => {
    const on = forgetful();
    expect(on.join('a', {}, { ended: ['1.0#1'] })).toEqual(['a is back', '1.0#1 assigned a']);
    expect(on.dispatch()).toEqual(['1.1#1 assigned a']);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a']);
    expectFolded(on);
  });

  test('an end that comes alone counts as well', () => {
    const on = forgetful();
    expect(on.end('a', '1.1#2', { runMs: 10 })).toEqual(['1.1#2 assigned a', '1.1#2 succeeded a']);
    expectFolded(on);
  });

  test('it is too late where the task has begun elsewhere meanwhile', () => {
    const on = forgetful();
    on.tell({ kind: 'pause', node: 'a', reason: '', by: 'ana' });
    expect(on.dispatch()).toEqual(['1.0#1 assigned b', '1.1#1 assigned b']);
    expect(on.join('a', {}, { running: ['1.0#1'], ended: ['1.1#1'] })).toEqual([
      'a is back',
      '1.0#1 stop a another attempt counts',
    ]);
    expect(on.end('a', '1.1#1')).toEqual([]);
    expect(on.end('b', '1.0#1')).toEqual(['1.0#1 succeeded b']);
    expectFolded(on);
  });

  /** Attempt 1 failed, and 2 was given to the same node: the journal knows only that 1 was placed there. */
  function oneBehind(): Fleet {
    const on = fleet();
    on.join('a');
    on.submit(1, { retries: 3, backoffMs: 0 });
    expect(on.dispatch()).toEqual(['1.0#1 assigned a']);
    startAgain(on);
    return on;
  }

  test('of a job that came after the start it is another’s of the same number: not believed, and its number is not given', () => {
    const on = fleet();
    startAgain(on);
    on.at += 1;
    on.submit(2);
    expect(on.join('a', {}, { running: ['1.0#1'], ended: ['1.1#1'] })).toEqual([
      'a joined',
      '1.0#1 stop a another attempt counts',
    ]);
    expect(on.end('a', '1.1#1')).toEqual([]);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 released a']);
    expect(on.dispatch()).toEqual(['1.0#2 assigned a', '1.1#1 assigned a']);
    expectFolded(on);
  });

  test('what followed on an end that was heard counts when that end is said again', () => {
    const on = oneBehind();
    on.join('a', {}, { ended: ['1.0#1', '1.0#2'] });
    on.end('a', '1.0#1', { outcome: 'failed', exitCode: 1 });
    expect(on.dispatch()).toEqual([]);
    expect(on.end('a', '1.0#2')).toEqual(['1.0#2 succeeded a', 'job 1 ended succeeded']);
    expectFolded(on);
  });

  test('its number is not given again', () => {
    const on = oneBehind();
    on.join('b');
    on.tell({ kind: 'pause', node: 'a', reason: '', by: 'ana' });
    expect(on.join('b', {}, { running: ['1.0#2'] })).toEqual(['b is back', '1.0#2 stop b another attempt counts']);
    on.end('a', '1.0#1', { outcome: 'failed', exitCode: 1 });
    on.end('b', '1.0#2', { outcome: 'stopped', exitCode: null });
    expect(on.dispatch()).toEqual(['1.0#3 assigned b']);
    expectFolded(on);
  });
});
