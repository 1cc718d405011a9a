import { describe, expect, test } from 'vitest';
import { attempt, expectFolded, fleet, spec } from './fleet.ts';

describe('from submission to end', () => {
  test('a job of two tasks on one node', () => {
    const on = fleet();
    expect(on.join('a')).toEqual(['a joined']);
    expect(on.submit(2)).toEqual(['job 1 submitted']);
    expect(on.dispatch()).toEqual(['1.0#1 assigned a', '1.1#1 assigned a']);
    expect(on.dispatch()).toEqual([]);
    expect(on.start('a', '1.0#1')).toEqual(['1.0#1 started a']);
    expect(on.start('a', '1.0#1')).toEqual([]);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a']);
    // So short that its start was never told.
    expect(on.end('a', '1.1#1')).toEqual(['1.1#1 succeeded a', 'job 1 ended succeeded']);
    expect(on.end('a', '1.1#1')).toEqual([]);
    const { tasks } = on.job(1);
    expect(tasks.get(1, 'startedAt')).toBe(on.at - 5_000);
    expect(on.node('a')).toMatchObject({ usedCpus: 0, running: 0, assigned: 0, succeeded: 2 });
    expect(on.state).toMatchObject({ reexecuted: 0, lateResults: 0, requeued: 0 });
    expectFolded(on);
  });

  test('a task that fails makes its job fail, and the others go on', () => {
    const on = fleet();
    on.join('a');
    on.submit(2);
    on.dispatch();
    expect(on.fail('a', '1.0#1', { error: 'no such file' })).toEqual(['1.0#1 failed a (no such file)']);
    expect(on.end('a', '1.1#1')).toEqual(['1.1#1 succeeded a', 'job 1 ended failed']);
    expect(on.job(1).tasks.error(0)).toBe('no such file');
    expect(on.job(1).tasks.get(0, 'exitCode')).toBe(1);
  });

  test('what is unknown or malformed is not queued', () => {
    const on = fleet();
    on.join('a', { handlers: ['resize'] });
    const task = (name: string) => ({ kind: 'task' as const, argv: [], shell: false, task: name, input: null });
    expect(on.submit(1, { work: task('nonsense') })).toEqual([]);
    expect(on.submit(1, { work: task('resize') })).toEqual(['job 1 submitted']);
    expect(on.submit(1, { after: [9] })).toEqual([]);
    expect(on.submit(1, { work: { ...task(''), kind: 'command' } })).toEqual([]);
  });

  test('the same key twice is one job, until it is forgotten', () => {
    const on = fleet();
    on.join('a');
    expect(on.submit(1, { key: 'k' })).toEqual(['job 1 submitted']);
    expect(on.submit(5, { key: 'k' })).toEqual([]);
    on.dispatch();
    on.end('a', '1.0#1');
    expect(on.submit(1, { key: 'k' })).toEqual([]);
    expect(on.tell({ kind: 'purge', job: 1 })).toEqual(['job 1 purged']);
    expect(on.submit(1, { key: 'k' })).toEqual(['job 2 submitted']);
    expectFolded(on);
  });

  test('only ended jobs are forgotten, and their sums with them', () => {
    const on = fleet();
    on.join('a');
    on.submit(2);
    expect(on.tell({ kind: 'purge', job: 1 })).toEqual([]);
    on.tell({ kind: 'cancel', target: { job: 1, ordinal: null }, by: 'ana' });
    expect(on.state.totals.cancelled).toBe(2);
    expect(on.tell({ kind: 'purge', job: 1 })).toEqual(['job 1 purged']);
    expect(on.state.totals.cancelled).toBe(0);
    expect(on.tell({ kind: 'purge', job: 1 })).toEqual([]);
    expect(on.dispatch()).toEqual([]);
  });

  test('--limit holds for one job alone, and goes on when a task ends, fails or comes back', () => {
    const on = fleet();
    on.join('a', { slots: 4 });
    on.submit(5, { limit: 2, retries: 1, backoffMs: 0 });
    on.submit(1);
    expect(on.dispatch()).toEqual(['1.0#1 assigned a', '1.1#1 assigned a', '2.0#1 assigned a']);
    on.end('a', '1.0#1');
    expect(on.dispatch()).toEqual(['1.2#1 assigned a']);
    on.fail('a', '1.1#1');
    expect(on.dispatch()).toEqual(['1.1#2 assigned a']);
    on.fail('a', '1.1#2');
    expect(on.dispatch()).toEqual(['1.3#1 assigned a']);
    on.tell({ kind: 'returned', node: 'a', attempt: attempt('1.3#1') });
    expect(on.dispatch()).toEqual(['1.3#2 assigned a']);
    on.end('a', '1.2#1');
    on.end('a', '1.3#2');
    expect(on.dispatch()).toEqual(['1.4#1 assigned a']);
    expect(on.end('a', '1.4#1')).toEqual(['1.4#1 succeeded a', 'job 1 ended failed']);
    expectFolded(on);
  });
});

describe('retries', () => {
  test('back off longer each time, then fail', () => {
    const on = fleet();
    on.join('a');
    on.submit(1, { retries: 2, backoffMs: 1_000 });
    on.dispatch();
    expect(on.fail('a', '1.0#1')).toEqual(['1.0#1 requeued a retry charged in 1000']);
    expect(on.dispatch()).toEqual([]);
    expect(on.pass(750, 'a')).toEqual([]);
    expect(on.pass(250, 'a')).toEqual(['job 1 due']);
    expect(on.dispatch()).toEqual(['1.0#2 assigned a']);
    expect(on.fail('a', '1.0#2')).toEqual(['1.0#2 requeued a retry charged in 2000']);
    expect(on.pass(2_000, 'a')).toEqual(['job 1 due']);
    expect(on.dispatch()).toEqual(['1.0#3 assigned a']);
    expect(on.fail('a', '1.0#3')).toEqual(['1.0#3 failed a', 'job 1 ended failed']);
    expect(on.state.reexecuted).toBe(0);
    expectFolded(on);
  });

  test('an end that is told again is not charged again', () => {
    const on = fleet();
    on.join('a');
    on.submit(1, { retries: 2 });
    on.dispatch();
    on.fail('a', '1.0#1');
    expect(on.fail('a', '1.0#1')).toEqual([]);
    expect(on.join('a', {}, { ended: ['1.0#1'] })).toEqual(['a is back']);
    expect(on.fail('a', '1.0#1')).toEqual([]);
    expect(on.end('a', '1.0#1')).toEqual([]);
    expect(on.job(1).tasks.get(0, 'tries')).toBe(1);
  });

  test('go to another node where one has room', () => {
    const on = fleet();
    on.join('a');
    on.join('b', { slots: 1 });
    on.submit(1, { retries: 3, backoffMs: 0 });
    expect(on.dispatch()).toEqual(['1.0#1 assigned a']);
    on.fail('a', '1.0#1');
    expect(on.dispatch()).toEqual(['1.0#2 assigned b']);
    on.fail('b', '1.0#2');
    expect(on.dispatch()).toEqual(['1.0#3 assigned a']);
    on.submit(2);
    expect(on.dispatch()).toEqual(['2.0#1 assigned a', '2.1#1 assigned b']);
    on.fail('a', '1.0#3');
    expect(on.dispatch()).toEqual(['1.0#4 assigned a']); // b is full: better there than not at all
  });

  test('however many, the next one is a finite time away', () => {
    const on = fleet();
    on.join('a');
    on.submit(1, { retries: 60_000, backoffMs: 1_000, backoffFactor: 10 });
    on.job(1).tasks.set(0, 'tries', 59_000);
    on.dispatch();
    expect(on.fail('a', '1.0#1')).toEqual(['1.0#1 requeued a retry charged in 86400000']);
  });

  test('end with the numbers for attempts', () => {
    const on = fleet();
    on.join('a');
    on.submit(1);
    on.job(1).tasks.set(0, 'attempt', 65_534);
    expect(on.dispatch()).toEqual(['1.0#65535 assigned a']);
    expect(on.tell({ kind: 'returned', node: 'a', attempt: attempt('1.0#65535') })).toEqual([
      '1.0#65535 failed a (placed 65535 times in vain)',
      'job 1 ended failed',
    ]);
    expect(on.tell({ kind: 'retry', target: { job: 1, ordinal: 0 }, onlyFailed: false, by: 'ana' })).toEqual([]);
  });

  test('--no-retry: a failed task is not tried again, whatever --retries says', () => {
    const on = fleet();
    on.join('a');
    on.submit(1, { retries: 5, noRetry: true });
    on.dispatch();
    expect(on.fail('a', '1.0#1')).toEqual(['1.0#1 failed a', 'job 1 ended failed']);
  });
});

describe('cancel', () => {
  const all = { job: 1, ordinal: null };

  test('a million queued tasks are one fact', () => {
    const on = fleet();
    on.scheduler.handle({
      kind: 'submit',
      at: on.at,
      spec: spec(1_000_000),
      by: 'ana',
    });
    const said = on.scheduler.handle({ kind: 'cancel', at: on.at, target: all, by: 'ana' });
    expect(said.map(({ kind }) => kind)).toEqual(['job-closed', 'job-ended']);
    expect(on.state.totals).toMatchObject({ queued: 0, cancelled: 1_000_000 });
    expect(on.job(1).tasks.state(999_999)).toBe('cancelled');
    expect(on.job(1).tasks.get(999_999, 'endedAt')).toBe(on.at);
  });

  test('what is queued ends at once, what is at nodes is stopped and its room free when it has ended', () => {
    const on = fleet();
    on.join('a');
    on.submit(3);
    on.dispatch();
    on.start('a', '1.0#1');
    expect(on.tell({ kind: 'cancel', target: all, by: 'ana' })).toEqual([
      'job 1 cancelled: ',
      '1.0#1 cancelled a',
      '1.0#1 stop a cancelled',
      '1.1#1 cancelled a',
      'job 1 ended cancelled',
      '1.1#1 stop a cancelled',
    ]);
    expect(on.node('a')).toMatchObject({ usedCpus: 2, running: 1, assigned: 1 });
    on.submit(1);
    expect(on.dispatch()).toEqual([]);
    // The node had not started this one: it gives it back.
    expect(on.tell({ kind: 'returned', node: 'a', attempt: attempt('1.1#1') })).toEqual(['1.1#1 released a']);
    expect(on.dispatch()).toEqual(['2.0#1 assigned a']);
    expect(on.end('a', '1.0#1', { outcome: 'stopped' })).toEqual(['1.0#1 released a']);
    expect(on.node('a').usedCpus).toBe(1);
    expect(on.tell({ kind: 'cancel', target: all, by: 'ana' })).toEqual([]);
    expectFolded(on);
  });

  test('one task: queued, assigned, running, ended', () => {
    const on = fleet();
    on.join('a');
    on.submit(4);
    on.dispatch();
    on.start('a', '1.0#1');
    const cancel = (ordinal: number) => on.tell({ kind: 'cancel', target: { job: 1, ordinal }, by: 'ana' });
    on.at += 100;
    expect(cancel(0)).toEqual(['1.0#1 cancelled a', '1.0#1 stop a cancelled']);
    expect(cancel(1)).toEqual(['1.1#1 cancelled a', '1.1#1 stop a cancelled']);
    expect(cancel(2)).toEqual(['1.2#0 cancelled -']);
    expect(cancel(2)).toEqual([]);
    expect(cancel(0)).toEqual([]);
    expect(cancel(-1)).toEqual([]);
    expect(cancel(4)).toEqual([]);
    expect(on.job(1).tasks.get(0, 'runMs')).toBe(100);
    expect(cancel(3)).toEqual(['1.3#0 cancelled -', 'job 1 ended cancelled']);
    expectFolded(on);
  });

  test('racing with the end: the first that is known wins', () => {
    const on = fleet();
    on.join('a');
    on.submit(2);
    on.dispatch();
    on.start('a', '1.0#1', '1.1#1');
    on.end('a', '1.0#1');
    expect(on.tell({ kind: 'cancel', target: { job: 1, ordinal: 0 }, by: 'ana' })).toEqual([]);
    on.tell({ kind: 'cancel', target: { job: 1, ordinal: 1 }, by: 'ana' });
    expect(on.end('a', '1.1#1')).toEqual(['1.1#1 released a']);
    expect(on.job(1).counts).toMatchObject({ succeeded: 1, cancelled: 1 });
    expect(on.state.lateResults).toBe(0);
  });

  test('a task in backoff', () => {
    const on = fleet();
    on.join('a');
    on.submit(2, { retries: 1 });
    on.dispatch();
    on.fail('a', '1.0#1');
    on.tell({ kind: 'cancel', target: { job: 1, ordinal: 0 }, by: 'ana' });
    expect(on.pass(2_000, 'a')).toEqual([]);
    expect(on.state.delayedJobs.size).toBe(0);
    on.fail('a', '1.1#1');
    on.tell({ kind: 'cancel', target: all, by: 'ana' });
    expect(on.pass(2_000, 'a')).toEqual([]);
    expectFolded(on);
  });
});

describe('--max-fails', () => {
  test('ends the job when more have failed', () => {
    const on = fleet();
    on.join('a');
    on.submit(4, { maxFails: 1 });
    on.dispatch();
    on.start('a', '1.0#1', '1.1#1');
    expect(on.fail('a', '1.0#1')).toEqual(['1.0#1 failed a']);
    on.dispatch();
    expect(on.fail('a', '1.1#1')).toEqual([
      '1.1#1 failed a',
      'job 1 cancelled: more than 1 tasks failed',
      '1.2#1 cancelled a (more than 1 tasks failed)',
      'job 1 ended failed',
      '1.2#1 stop a cancelled',
    ]);
    expectFolded(on);
  });
});

describe('--after', () => {
  test('waits until all have succeeded', () => {
    const on = fleet();
    on.join('a');
    on.submit(1);
    on.submit(1);
    on.submit(1, { after: [1, 2, 1] });
    expect(on.dispatch()).toEqual(['1.0#1 assigned a', '2.0#1 assigned a']);
    on.end('a', '1.0#1');
    expect(on.dispatch()).toEqual([]);
    on.end('a', '2.0#1');
    expect(on.dispatch()).toEqual(['3.0#1 assigned a']);
    expectFolded(on);
  });

  test('skips the whole chain where one did not', () => {
    const on = fleet();
    on.join('a');
    on.submit(1);
    on.submit(2, { after: [1] });
    on.submit(1, { after: [2] });
    on.submit(1, { after: [1] });
    on.dispatch();
    expect(on.fail('a', '1.0#1')).toEqual([
      '1.0#1 failed a',
      'job 2 skipped: job 1 did not succeed',
      'job 4 skipped: job 1 did not succeed',
      'job 1 ended failed',
      'job 3 skipped: job 2 did not succeed',
      'job 2 ended cancelled',
      'job 3 ended cancelled',
      'job 4 ended cancelled',
    ]);
    expect(on.submit(1, { after: [2] })).toEqual([
      'job 5 submitted',
      'job 5 skipped: job 2 did not succeed',
      'job 5 ended cancelled',
    ]);
    expectFolded(on);
  });

  test('a chain of 20,000 jobs is skipped in one go', () => {
    const on = fleet();
    on.scheduler.handle({ kind: 'submit', at: on.at, spec: spec(1), by: 'ana' });
    for (let id = 1; id < 20_000; id++)
      on.scheduler.handle({ kind: 'submit', at: on.at, spec: spec(1, { after: [id] }), by: 'ana' });
    on.scheduler.handle({ kind: 'cancel', at: on.at, target: { job: 1, ordinal: null }, by: 'ana' });
    expect(on.state.totals).toMatchObject({ cancelled: 1, skipped: 19_999, queued: 0 });
  });

  test('a job that was cancelled while it waited is not woken', () => {
    const on = fleet();
    on.join('a');
    on.submit(1);
    on.submit(1, { after: [1] });
    on.dispatch();
    expect(on.tell({ kind: 'cancel', target: { job: 2, ordinal: null }, by: 'ana' })).toEqual([
      'job 2 cancelled: ',
      'job 2 ended cancelled',
    ]);
    on.tell({ kind: 'purge', job: 2 });
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a', 'job 1 ended succeeded']);
    expect(on.dispatch()).toEqual([]);
  });
});

describe('retry', () => {
  test('queues what did not succeed, or only what failed', () => {
    const on = fleet();
    on.join('a', { slots: 3 });
    on.submit(3);
    on.dispatch();
    on.end('a', '1.0#1');
    on.fail('a', '1.1#1');
    on.tell({ kind: 'cancel', target: { job: 1, ordinal: 2 }, by: 'ana' });
    on.end('a', '1.2#1', { outcome: 'stopped' });
    const retry = (ordinal: number | null, onlyFailed: boolean) =>
      on.tell({ kind: 'retry', target: { job: 1, ordinal }, onlyFailed, by: 'ana' });
    expect(retry(null, true)).toEqual(['1.1#1 requeued - retried']);
    expect(on.job(1).endedAt).toBe(null);
    expect(retry(null, true)).toEqual([]);
    expect(retry(null, false)).toEqual(['1.2#1 requeued - retried']);
    expect(retry(0, true)).toEqual([]);
    expect(retry(0, false)).toEqual(['1.0#1 requeued - retried']);
    expect(retry(7, false)).toEqual([]);
    expect(retry(-1, false)).toEqual([]);
    expect(on.job(1).tasks.get(1, 'exitCode')).toBe(-1);
    expect(on.dispatch()).toEqual(['1.0#2 assigned a', '1.1#2 assigned a', '1.2#2 assigned a']);
    // The end of the attempt before is told once more: it counts no more.
    expect(on.end('a', '1.0#1')).toEqual([]);
    for (const ordinal of [0, 1, 2]) on.end('a', `1.${ordinal}#2`);
    expect(on.job(1).endState).toBe('succeeded');
    expect(on.state.reexecuted).toBe(0);
    expectFolded(on);
  });

  test('an end that is told again before the retry is placed does not count for it', () => {
    const on = fleet();
    on.join('a');
    on.submit(1);
    on.dispatch();
    on.end('a', '1.0#1');
    on.tell({ kind: 'retry', target: { job: 1, ordinal: 0 }, onlyFailed: false, by: 'ana' });
    expect(on.end('a', '1.0#1')).toEqual([]);
    expect(on.job(1).counts.queued).toBe(1);
  });
});

test('only the node that has a task says how far it is', () => {
  const on = fleet();
  on.join('a', { slots: 1 });
  on.join('b', { slots: 1 });
  on.submit(1);
  on.dispatch();
  on.start('a', '1.0#1');
  const say = (node: string, of: string) =>
    on.tell({ kind: 'progress', node, attempt: attempt(of), share: 0.5, note: 'half' });
  expect([...say('b', '1.0#1'), ...say('a', '1.0#2'), ...say('a', '2.0#1')]).toEqual([]);
  expect(say('a', '1.0#1')).toHaveLength(1);
  // What is being stopped is not the task any more.
  on.tell({ kind: 'cancel', target: { job: 1, ordinal: null }, by: 'ana' });
  expect(say('a', '1.0#1')).toEqual([]);
});
