/** Tasks that take nodes down with them, and nodes that start nothing. */
import { describe, expect, test } from 'vitest';
import { attempt, expectFolded, type Fleet, fleet } from './fleet.ts';

const unfit = { outcome: 'unfit', started: false, exitCode: null, error: 'cannot fork' } as const;

describe('crash limit', () => {
  function crash(on: Fleet, node: string, started: boolean): string[] {
    const said = on.dispatch();
    const of = said.find((line) => line.startsWith('1.0#'))?.split(' ')[0] as string;
    if (started) on.start(node, of);
    on.tell({ kind: 'dropped', node, reason: 'reset' });
    on.pass(5_000);
    return on.facts.slice(-2).map(({ kind }) => kind);
  }

  test('a task that ran on three nodes when they were lost fails', () => {
    const on = fleet();
    on.submit(1);
    for (const node of ['a', 'b', 'c']) {
      on.join(node);
      crash(on, node, true);
    }
    expect(on.job(1).endState).toBe('failed');
    expect(on.job(1).tasks.error(0)).toBe('crash-limit: 3 nodes were lost while it ran');
    expect(on.job(1).tasks.get(0, 'runMs')).toBe(5_000);
    on.join('d');
    expect(on.dispatch()).toEqual([]);
    expectFolded(on);
  });

  test('one that had not started is not to blame', () => {
    const on = fleet();
    on.submit(1);
    for (const node of ['a', 'b', 'c', 'd', 'e']) {
      on.join(node);
      crash(on, node, false);
    }
    expect(on.job(1).counts.queued).toBe(1);
    expect(on.state.reexecuted).toBe(0);
  });

  test('an operator’s retry begins the count anew', () => {
    const on = fleet();
    on.submit(1);
    for (const node of ['a', 'b', 'c']) {
      on.join(node);
      crash(on, node, true);
    }
    on.tell({ kind: 'retry', target: { job: 1, ordinal: null }, onlyFailed: true, by: 'ana' });
    on.join('d');
    crash(on, 'd', true);
    expect(on.job(1).counts.queued).toBe(1);
  });
});

describe('tasks that cannot be started', () => {
  test('five in a row: the node is paused with the reason, and gives back what waits there', () => {
    const on = fleet('least-load');
    on.join('a', { slots: 6 });
    on.submit(6);
    on.dispatch();
    for (let ordinal = 0; ordinal < 4; ordinal++)
      expect(on.end('a', `1.${ordinal}#1`, unfit)).toEqual([`1.${ordinal}#1 requeued a unfit`]);
    expect(on.end('a', '1.4#1', unfit)).toEqual(['1.4#1 requeued a unfit', 'a paused', '1.5#1 recalled a']);
    expect(on.node('a')).toMatchObject({ by: 'lbtop', reason: '5 tasks in a row could not be started: cannot fork' });
    on.tell({ kind: 'returned', node: 'a', attempt: attempt('1.5#1') });
    on.join('b', { slots: 6 });
    expect(on.dispatch()).toHaveLength(6);
    expect(on.job(1).counts.failed).toBe(0);
    expectFolded(on);
  });

  test('one that starts in between shows that the node is well', () => {
    const on = fleet();
    on.join('a', { slots: 10 });
    on.submit(10);
    on.dispatch();
    for (let ordinal = 0; ordinal < 4; ordinal++) on.end('a', `1.${ordinal}#1`, unfit);
    on.start('a', '1.4#1');
    for (let ordinal = 5; ordinal < 9; ordinal++) on.end('a', `1.${ordinal}#1`, unfit);
    expect(on.node('a').intent).toBe('active');
  });

  test('goes to another node, and fails after three', () => {
    const on = fleet();
    for (const node of ['a', 'b']) on.join(node);
    on.submit(1, { retries: 9 });
    expect(on.dispatch()).toEqual(['1.0#1 assigned a']);
    on.end('a', '1.0#1', unfit);
    expect(on.dispatch()).toEqual(['1.0#2 assigned b']);
    on.end('b', '1.0#2', unfit);
    expect(on.dispatch()).toEqual([]);
    on.pass(1_000, 'a', 'b');
    expect(on.dispatch()).toEqual(['1.0#3 assigned a']);
    expect(on.end('a', '1.0#3', unfit)).toEqual([
      '1.0#3 requeued a unfit',
      '1.0#3 failed - (could not be started 3 times: cannot fork)',
      'job 1 ended failed',
    ]);
    expect([on.node('a').intent, on.node('b').intent]).toEqual(['active', 'active']);
    expectFolded(on);
  });

  test('where only the node that cannot start any has room, none of them is blamed for it', () => {
    const on = fleet();
    on.join('broken');
    on.submit(9);
    let begun = 0;
    for (let round = 0; round < 20 && on.node('broken').intent === 'active'; round++)
      for (const placed of on.dispatch()) {
        on.end('broken', placed.split(' ')[0] as string, unfit);
        begun++;
      }
    expect(begun).toBeLessThan(7);
    on.join('sound', { slots: 9 });
    on.dispatch();
    on.pass(1_000, 'sound');
    on.dispatch();
    expect(on.node('sound').held.size).toBe(9);
    expect(on.job(1).counts.failed).toBe(0);
    expectFolded(on);
  });

  test('under --no-retry may be tried elsewhere: it never began', () => {
    const on = fleet();
    on.join('a');
    on.submit(1, { noRetry: true });
    on.dispatch();
    expect(on.end('a', '1.0#1', unfit)).toEqual(['1.0#1 requeued a unfit']);
  });
});
