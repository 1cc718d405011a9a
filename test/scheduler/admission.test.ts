import { describe, expect, test } from 'vitest';
import { expectFolded, fleet } from './fleet.ts';

describe('slots', () => {
  test('are never given twice', () => {
    const on = fleet();
    on.join('a', { slots: 2 });
    on.submit(3);
    expect(on.dispatch()).toHaveLength(2);
    expect(on.dispatch()).toEqual([]);
    on.end('a', '1.0#1');
    expect(on.dispatch()).toEqual(['1.2#1 assigned a']);
  });

  test('a task of several CPUs takes as many', () => {
    const on = fleet();
    on.join('a', { slots: 3 });
    on.submit(2, { cpus: 2 });
    expect(on.dispatch()).toEqual(['1.0#1 assigned a']);
    on.end('a', '1.0#1');
    expect(on.dispatch()).toEqual(['1.1#1 assigned a']);
  });

  test('fractions of CPUs add up exactly', () => {
    const on = fleet();
    on.join('a', { slots: 1 });
    on.submit(11, { cpus: 0.1 });
    expect(on.dispatch()).toHaveLength(10);
    for (let ordinal = 0; ordinal < 10; ordinal++) on.end('a', `1.${ordinal}#1`);
    on.submit(1, { cpus: 0.3 });
    on.submit(1, { cpus: 0.6 });
    expect(on.dispatch()).toEqual(['1.10#1 assigned a', '2.0#1 assigned a', '3.0#1 assigned a']);
    expectFolded(on);
  });
});

describe('memory, resources, labels, handlers', () => {
  test('memory is never given twice', () => {
    const on = fleet();
    on.join('a', { slots: 8, memoryTotal: 1_000 });
    on.submit(3, { memoryBytes: 400 });
    expect(on.dispatch()).toHaveLength(2);
    on.submit(1);
    expect(on.dispatch()).toEqual(['2.0#1 assigned a']);
    on.end('a', '1.0#1');
    expect(on.dispatch()).toEqual(['1.2#1 assigned a']);
  });

  test('named resources', () => {
    const on = fleet();
    on.join('a', { slots: 8 });
    on.join('b', { slots: 8, resources: { gpu: 2 } });
    on.submit(3, { resources: { gpu: 1 } });
    expect(on.dispatch()).toEqual(['1.0#1 assigned b', '1.1#1 assigned b']);
    on.end('b', '1.1#1');
    expect(on.dispatch()).toEqual(['1.2#1 assigned b']);
    expectFolded(on);
  });

  test('labels', () => {
    const on = fleet();
    on.join('a', { labels: { disk: 'hdd' } });
    on.join('b', { labels: { disk: 'ssd', rack: '1' } });
    on.submit(1, { labels: { disk: 'ssd' } });
    expect(on.dispatch()).toEqual(['1.0#1 assigned b']);
  });

  test('handlers', () => {
    const on = fleet();
    on.join('a');
    on.join('b', { handlers: ['resize'] });
    const work = { kind: 'task' as const, argv: [], shell: false, input: null };
    on.submit(1, { work: { ...work, task: 'resize' } });
    on.submit(1, { work: { ...work, task: 'noop' } });
    expect(on.dispatch()).toEqual(['1.0#1 assigned b', '2.0#1 assigned a']);
  });
});

describe('health and intent', () => {
  test.each([
    ['suspect', 'a', 'suspect'],
    ['paused', 'a', 'paused'],
    ['draining', 'a', 'draining'],
  ])('a node that is %s gets nothing', (_, name, what) => {
    const on = fleet();
    on.join(name);
    on.join('b');
    if (what === 'suspect') on.pass(3_000, 'b');
    else if (what === 'paused') on.tell({ kind: 'pause', node: name, reason: '', by: 'ana' });
    else on.tell({ kind: 'drain', node: name, now: false, deadline: null, reason: '', by: 'ana' });
    on.submit(3);
    expect(on.dispatch()).toEqual(['1.0#1 assigned b', '1.1#1 assigned b']);
    if (what === 'suspect') on.tell({ kind: 'heard', node: name });
    else on.tell({ kind: 'resume', node: name, reason: '', by: 'ana' });
    expect(on.dispatch()).toEqual(['1.2#1 assigned a']);
    expectFolded(on);
  });

  test('a paused queue starts nothing anywhere', () => {
    const on = fleet();
    on.join('a');
    on.submit(1);
    expect(on.tell({ kind: 'pause-queue', paused: true, reason: '', by: 'ana' })).toEqual(['queue paused']);
    expect(on.tell({ kind: 'pause-queue', paused: true, reason: '', by: 'ana' })).toEqual([]);
    expect(on.dispatch()).toEqual([]);
    expect(on.tell({ kind: 'pause-queue', paused: false, reason: '', by: 'ana' })).toEqual(['queue resumed']);
    expect(on.dispatch()).toEqual(['1.0#1 assigned a']);
  });
});

describe('the CPU limit', () => {
  test('above it nothing new is placed, until it falls below', () => {
    const on = fleet();
    on.join('a');
    expect(on.beat('a', 80.5)).toEqual(['a sampled', 'a overloaded']);
    on.submit(1);
    expect(on.dispatch()).toEqual([]);
    expect(on.beat('a', 81)).toEqual(['a sampled']);
    expect(on.beat('a', 75)).toEqual(['a sampled', 'a below its limit']);
    expect(on.dispatch()).toEqual(['1.0#1 assigned a']);
    expectFolded(on);
  });

  test('a load at the limit does not make it come and go', () => {
    const on = fleet();
    on.join('a');
    on.beat('a', 81);
    on.pass(3_000, 'a');
    expect(on.beat('a', 80)).toEqual(['a sampled']);
    expect(on.beat('a', 75.1)).toEqual(['a sampled']);
    on.pass(2_000, 'a');
    expect(on.beat('a', 80)).toEqual(['a sampled', 'a below its limit']);
    expect(on.beat('a', 81)).toEqual(['a sampled', 'a overloaded']);
    on.pass(1_000, 'a');
    expect(on.beat('a', 80)).toEqual(['a sampled']);
    // An operator who raises the limit does not wait.
    expect(on.tell({ kind: 'set-cpu-limit', cpuLimit: 82, by: 'ana' })).toEqual(['cpu limit 82', 'a below its limit']);
    expectFolded(on);
  });

  test('when a task of ours ends, its share is free before the next report', () => {
    const on = fleet();
    on.join('a', { slots: 4 });
    on.submit(5);
    on.dispatch();
    on.beat('a', 100, 100);
    expect(on.dispatch()).toEqual([]);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a', 'a below its limit']); // 75 %
    expect(on.dispatch()).toEqual(['1.4#1 assigned a']);
    expectFolded(on);
  });

  test('the load of others does not go with our tasks', () => {
    const on = fleet();
    on.join('a', { slots: 4 });
    on.submit(2);
    on.dispatch();
    on.beat('a', 95, 10);
    expect(on.end('a', '1.0#1')).toEqual(['1.0#1 succeeded a']);
    expect(on.node('a').overloaded).toBe(true);
  });

  test('is the node’s own where it has one, and can be changed', () => {
    const on = fleet();
    on.join('a', { cpuLimit: 50 });
    on.join('b');
    expect(on.beat('a', 60)).toContain('a overloaded');
    expect(on.beat('b', 60)).not.toContain('b overloaded');
    expect(on.tell({ kind: 'set-cpu-limit', cpuLimit: 55, by: 'ana' })).toEqual(['cpu limit 55', 'b overloaded']);
    expect(on.tell({ kind: 'set-cpu-limit', cpuLimit: 90, by: 'ana' })).toEqual(['cpu limit 90', 'b below its limit']);
    expect(on.node('a').overloaded).toBe(true);
  });

  test('a node that comes back is as it was until it reports', () => {
    const on = fleet();
    on.join('a');
    on.submit(2);
    on.dispatch();
    on.beat('a', 90);
    on.tell({ kind: 'dropped', node: 'a', reason: 'reset' });
    on.join('a', {}, { ended: ['1.0#1'], running: ['1.1#1'] });
    on.end('a', '1.0#1');
    on.submit(1);
    expect(on.dispatch()).toEqual([]);
    expect(on.beat('a', 40)).toEqual(['a sampled', 'a below its limit']);
    expect(on.dispatch()).toEqual(['2.0#1 assigned a']);
  });
});
