import { describe, expect, test } from 'vitest';
import type { PolicyName } from '../../source/model/job.ts';
import { policyNamed, policyObjection } from '../../source/scheduler/policies/policies.ts';
import { estimatedLoad, projectedCpu } from '../../source/scheduler/room.ts';
import { expectFolded, type Fleet, fleet, sample } from './fleet.ts';

function placed(on: Fleet): string[] {
  return on.dispatch().map((line) => line.split(' ').at(-1) as string);
}

function three(policy: PolicyName, slots = 3): Fleet {
  const on = fleet(policy);
  for (const name of ['a', 'b', 'c']) on.join(name, { slots });
  return on;
}

test('first: the first in order of joining with room', () => {
  const on = three('first', 2);
  on.submit(5);
  expect(placed(on)).toEqual(['a', 'a', 'b', 'b', 'c']);
  on.end('a', '1.1#1');
  on.submit(1);
  expect(placed(on)).toEqual(['a']);
});

test('round-robin: the next in turn with room, over several dispatches', () => {
  const on = three('round-robin', 2);
  on.submit(4);
  expect(placed(on)).toEqual(['a', 'b', 'c', 'a']);
  on.submit(1);
  expect(placed(on)).toEqual(['b']);
  on.end('a', '1.0#1');
  on.submit(2);
  expect(placed(on)).toEqual(['c', 'a']);
  expectFolded(on);
});

test('random: any with room, evenly, and the same for the same seed', () => {
  const draw = (seed: number) => {
    const on = fleet('random', { seed });
    for (const name of ['a', 'b', 'c', 'd']) on.join(name, { slots: 1_000 });
    on.submit(1_000);
    return placed(on);
  };
  const places = draw(1);
  expect(draw(1)).toEqual(places);
  expect(draw(2)).not.toEqual(places);
  for (const name of ['a', 'b', 'c', 'd']) {
    const share = places.filter((place) => place === name).length;
    expect(share).toBeGreaterThan(200); // 250 ± 3.6 standard deviations of 13.7
    expect(share).toBeLessThan(300);
  }
});

describe('least-load', () => {
  test('the lowest CPU as reported, others counted as ours', () => {
    const on = three('least-load');
    on.beat('a', 50);
    on.beat('b', 20);
    on.beat('c', 40, 40);
    on.submit(1);
    expect(placed(on)).toEqual(['b']);
  });

  test('what was placed since the report counts, so that one report does not draw everything', () => {
    const on = three('least-load', 4);
    on.beat('a', 50);
    on.beat('b', 20);
    on.beat('c', 40);
    on.submit(5);
    // b: 20, 45; c: 40, 65; a: 50, 75; and again b: 70, 95; c: 65.
    expect(placed(on)).toEqual(['b', 'c', 'b', 'a', 'c']);
    expectFolded(on);
  });

  test('a report that crossed a placement does not erase it', () => {
    const on = three('least-load', 4);
    for (const name of ['a', 'b', 'c']) on.beat(name, 10);
    on.submit(1);
    expect(placed(on)).toEqual(['a']);
    on.beat('a', 10, 0, 0); // measured before the assignment came
    expect(estimatedLoad(on.node('a'))).toBeCloseTo(0.35);
    on.submit(1);
    expect(placed(on)).toEqual(['b']);
    on.beat('a', 5, 5, 1); // now it has seen it
    expect(estimatedLoad(on.node('a'))).toBeCloseTo(0.05);
    on.submit(1);
    expect(placed(on)).toEqual(['a']);
  });

  test('what has ended since the report is taken off', () => {
    const on = fleet('least-load');
    on.join('a', { slots: 4 });
    on.submit(2);
    on.dispatch();
    on.beat('a', 70, 60);
    on.end('a', '1.0#1');
    expect(projectedCpu(on.node('a'))).toBeCloseTo(40);
    on.end('a', '1.1#1');
    expect(projectedCpu(on.node('a'))).toBeCloseTo(10);
    on.beat('a', 12, 2);
    expect(projectedCpu(on.node('a'))).toBeCloseTo(12);
    expectFolded(on);
  });

  test('a report does not make what waits at the node forgotten', () => {
    const on = fleet('least-load');
    on.join('a', { slots: 2, cores: 4 });
    on.submit(4);
    for (let ordinal = 0; ordinal < 4; ordinal++) {
      on.dispatch();
      if (ordinal === 1) on.end('a', '1.0#1', { runMs: 10 }); // short ones may wait at the node
    }
    const held = on.node('a').held.size;
    expect(held).toBe(3);
    const { assignments: seen } = on.node('a');
    on.tell({ kind: 'heartbeat', node: 'a', seen, sample: { ...sample(50, 50), running: 2, waiting: 1 } });
    expect(estimatedLoad(on.node('a'))).toBeCloseTo(0.5 + 1 / 4);
    on.end('a', '1.1#1');
    expect(estimatedLoad(on.node('a'))).toBeCloseTo((0.5 + 1 / 4) * (2 / 3));
  });

  test('a placement counts by the size of its node', () => {
    const on = fleet('least-load');
    on.join('small', { slots: 2 });
    on.join('large', { slots: 8 });
    on.submit(5);
    // Equals go to the one that joined first: 0/0, 50/0, 50/12.5, … 50/50.
    expect(placed(on)).toEqual(['small', 'large', 'large', 'large', 'large']);
  });

  test('a node cannot claim to have seen more than there was', () => {
    const on = fleet('least-load');
    on.join('a');
    on.submit(1);
    on.dispatch();
    on.beat('a', 0, 0, 1_000);
    expect(on.node('a').seen).toBe(1);
  });
});

test('power-of-two: the less loaded of two different ones', () => {
  const on = fleet('power-of-two');
  for (const name of ['a', 'b', 'c']) on.join(name, { slots: 1_000 });
  on.beat('a', 70);
  on.beat('b', 10);
  on.beat('c', 40);
  on.submit(90);
  const places = placed(on);
  // The most loaded is never the lower of two different ones; b wins two draws of three.
  expect(places).not.toContain('a');
  const b = places.filter((place) => place === 'b').length;
  expect(b).toBeGreaterThan(45);
  expect(b).toBeLessThan(75);
});

test('power-of-two takes the other where the better has no room, and the only one where there is one', () => {
  const on = fleet('power-of-two');
  on.join('a', { slots: 1 });
  on.join('b', { slots: 2 });
  on.submit(1, { cpus: 2 });
  expect(placed(on)).toEqual(['b']);
  on.submit(1);
  expect(placed(on)).toEqual(['a']);
  on.submit(1);
  expect(placed(on)).toEqual([]);
});

test('fewest-running: the fewest tasks a slot', () => {
  const on = fleet('fewest-running');
  on.join('a', { slots: 2 });
  on.join('b', { slots: 4 });
  on.beat('b', 79);
  on.submit(6);
  // Shares: 0/0, .5/0, .5/.25, .5/.5, 1/.5, 1/.75.
  expect(placed(on)).toEqual(['a', 'b', 'b', 'a', 'b', 'b']);
});

test('every policy that this version has is switched to while it works', () => {
  const on = three('first', 10);
  for (const policy of ['round-robin', 'random', 'least-load', 'power-of-two', 'fewest-running', 'first'] as const) {
    expect(policyNamed(policy)?.name).toBe(policy);
    expect(policyObjection(policy, 'fifo')).toBe(null);
    expect(on.tell({ kind: 'set-policy', policy, discipline: null, by: 'ana' })).toEqual([`policy ${policy}`]);
    on.submit(2);
    expect(placed(on)).toHaveLength(2);
  }
  expectFolded(on);
});
