import { describe, expect, test } from 'vitest';
import { attempt, expectFolded, fleet } from './fleet.ts';

test('jobs of one task are alike until something happens to one of them', () => {
  const on = fleet();
  on.join('a', { slots: 2 });
  for (let job = 0; job < 4; job++) on.submit(1, { retries: 2, backoffMs: job === 1 ? 1_000 : 0 });
  expect(on.dispatch()).toEqual(['1.0#1 assigned a', '2.0#1 assigned a']);
  on.start('a', '1.0#1', '2.0#1');
  on.fail('a', '1.0#1');
  on.fail('a', '2.0#1');
  expect(
    [1, 2, 3, 4].map((id) => [on.job(id).counts.queued, on.job(id).returned.size, on.job(id).delayed.size]),
  ).toEqual([
    [1, 1, 0],
    [1, 0, 1],
    [1, 0, 0],
    [1, 0, 0],
  ]);
  on.tell({ kind: 'cancel', target: { job: 4, ordinal: null }, by: 'ana' });
  expect([3, 4].map((id) => on.job(id).counts)).toMatchObject([
    { queued: 1, cancelled: 0 },
    { queued: 0, cancelled: 1 },
  ]);
  expectFolded(on);
});

describe('fifo', () => {
  test('priority first, then order of arrival', () => {
    const on = fleet();
    on.submit(1);
    on.submit(1, { priority: 5 });
    on.submit(1, { priority: -1 });
    on.submit(1, { priority: 5 });
    on.submit(1);
    on.join('a', { slots: 5 });
    expect(on.dispatch().map((line) => line.split('.')[0])).toEqual(['2', '4', '1', '5', '3']);
  });

  test('what does not fit holds back the later ones of its priority that need the same kind of room', () => {
    const on = fleet();
    on.join('a', { slots: 4 });
    on.join('b', { slots: 4, resources: { gpu: 1 } });
    on.submit(1, { cpus: 3 });
    on.submit(1, { cpus: 3 });
    expect(on.dispatch()).toHaveLength(2);
    on.submit(1, { cpus: 2 });
    on.submit(1);
    on.submit(1, { resources: { gpu: 1 } });
    on.submit(1, { memoryBytes: 100 });
    // Job 3 needs two free slots of one node. Job 4 would fit and waits behind it, those of other kinds do not.
    expect(on.dispatch()).toEqual(['5.0#1 assigned b', '6.0#1 assigned a']);
    on.end('a', '1.0#1');
    expect(on.dispatch()).toEqual(['3.0#1 assigned a', '4.0#1 assigned a']);
  });

  test('a higher priority that waits does not hold back a lower one', () => {
    const on = fleet();
    on.join('a', { slots: 2 });
    on.submit(1);
    on.dispatch();
    on.submit(1, { cpus: 2, priority: 1 });
    on.submit(1);
    expect(on.dispatch()).toEqual(['3.0#1 assigned a']);
  });

  test('lanes of one priority share by order of arrival', () => {
    const on = fleet();
    on.submit(1, { memoryBytes: 1 });
    on.submit(1);
    on.submit(1, { memoryBytes: 1 });
    on.submit(1);
    on.join('a', { slots: 3 });
    expect(on.dispatch().map((line) => line.split('.')[0])).toEqual(['1', '2', '3']);
  });

  test('a task that returns comes before the later ones of its job, and its job before later jobs', () => {
    const on = fleet();
    on.join('a', { slots: 1 });
    on.submit(3);
    on.submit(1);
    on.dispatch();
    on.tell({ kind: 'returned', node: 'a', attempt: attempt('1.0#1') });
    expect(on.dispatch()).toEqual(['1.0#2 assigned a']);
    on.end('a', '1.0#2');
    on.dispatch();
    on.end('a', '1.1#1');
    on.dispatch();
    on.end('a', '1.2#1');
    expect(on.dispatch()).toEqual(['2.0#1 assigned a']);
    on.tell({ kind: 'retry', target: { job: 1, ordinal: 1 }, onlyFailed: false, by: 'ana' });
    on.submit(1);
    on.end('a', '2.0#1');
    expect(on.dispatch()).toEqual(['1.1#2 assigned a']);
    expectFolded(on);
  });

  test('lanes that nobody stands in are taken away', () => {
    const on = fleet();
    on.join('a', { slots: 100 });
    for (let priority = 0; priority < 50; priority++) on.submit(1, { priority });
    expect(on.state.lanes).toHaveLength(50);
    on.dispatch();
    expect(on.state.lanes).toHaveLength(0);
  });
});

describe('what no node could take', () => {
  test('holds nobody back, and is placed when a node comes that can', () => {
    const on = fleet();
    on.join('a', { slots: 2 });
    on.submit(1, { cpus: 3 });
    on.submit(1, { labels: { disk: 'ssd' } });
    on.submit(1);
    expect(on.dispatch()).toEqual(['3.0#1 assigned a']);
    expect([...on.state.aside]).toEqual([1, 2]);
    on.join('b', { slots: 4, labels: { disk: 'ssd' } });
    expect(on.dispatch()).toEqual(['1.0#1 assigned b', '2.0#1 assigned b']);
    expectFolded(on);
  });

  test('nor while the nodes that could are paused or gone', () => {
    const on = fleet();
    on.join('a', { slots: 2 });
    on.join('big', { slots: 4 });
    on.tell({ kind: 'pause', node: 'big', reason: '', by: 'ana' });
    on.submit(1, { cpus: 3 });
    on.submit(1);
    expect(on.dispatch()).toEqual(['2.0#1 assigned a']);
    on.tell({ kind: 'resume', node: 'big', reason: '', by: 'ana' });
    expect(on.dispatch()).toEqual(['1.0#1 assigned big']);
  });

  test('may be cancelled and forgotten meanwhile', () => {
    const on = fleet();
    on.join('a', { slots: 2 });
    on.submit(2, { cpus: 3 });
    on.dispatch();
    on.tell({ kind: 'cancel', target: { job: 1, ordinal: null }, by: 'ana' });
    on.tell({ kind: 'purge', job: 1 });
    on.join('b', { slots: 4 });
    expect(on.dispatch()).toEqual([]);
    expect(on.state.aside.size).toBe(0);
  });
});

describe('waiting at nodes', () => {
  function short() {
    const on = fleet('least-load');
    on.join('a', { slots: 1 });
    on.join('b', { slots: 1 });
    on.submit(20);
    on.dispatch();
    on.end('a', '1.0#1', { runMs: 20 });
    return on;
  }

  test('one more a slot, for tasks that are known to be short', () => {
    const on = short();
    expect(on.dispatch()).toEqual(['1.2#1 assigned a', '1.3#1 assigned a', '1.4#1 assigned b']);
    expect(on.dispatch()).toEqual([]);
    on.end('a', '1.2#1', { runMs: 20 });
    expect(on.dispatch()).toEqual(['1.5#1 assigned a']);
  });

  test('not for long ones, nor for those of which nothing is known', () => {
    const on = short();
    on.end('b', '1.1#1', { runMs: 5_000 });
    expect(on.dispatch()).toEqual(['1.2#1 assigned a', '1.3#1 assigned b']);
    on.submit(1, { priority: 1 });
    expect(on.dispatch()).toEqual([]);
  });

  test('not beyond memory, which is taken from the first moment', () => {
    const on = fleet();
    on.join('a', { slots: 2, memoryTotal: 100 });
    on.submit(4, { memoryBytes: 50 });
    on.dispatch();
    on.end('a', '1.0#1', { runMs: 1 });
    expect(on.dispatch()).toEqual(['1.2#1 assigned a']);
    expect(on.dispatch()).toEqual([]);
  });

  test('is taken back when another node has nothing to do', () => {
    const on = fleet('least-load');
    on.join('a', { slots: 1 });
    on.submit(3);
    on.dispatch();
    on.end('a', '1.0#1', { runMs: 20 });
    expect(on.dispatch()).toEqual(['1.1#1 assigned a', '1.2#1 assigned a']);
    on.start('a', '1.1#1');
    on.join('b', { slots: 1 });
    expect(on.pass(750, 'a', 'b')).toEqual([]);
    expect(on.pass(250, 'a', 'b')).toEqual(['1.2#1 recalled a']);
    expect(on.pass(1_000, 'a', 'b')).toEqual([]);
    expect(on.tell({ kind: 'returned', node: 'a', attempt: attempt('1.2#1') })).toEqual(['1.2#1 requeued a recalled']);
    expect(on.dispatch()).toEqual(['1.2#2 assigned b']);
    expect(on.state.reexecuted).toBe(0);
    expectFolded(on);
  });

  test('but not where no other node could take it', () => {
    const on = fleet('least-load');
    on.join('a', { slots: 1, labels: { disk: 'ssd' } });
    on.submit(3, { labels: { disk: 'ssd' } });
    on.dispatch();
    on.end('a', '1.0#1', { runMs: 20 });
    on.dispatch();
    on.join('b', { slots: 1 });
    expect(on.pass(2_000, 'a', 'b')).toEqual([]);
  });
});
