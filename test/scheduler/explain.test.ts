import { describe, expect, test } from 'vitest';
import type { Explanation } from '../../source/model/report.ts';
import { taskReason } from '../../source/model/report.ts';
import { apply, fold } from '../../source/scheduler/apply.ts';
import { explainDecision, explainTask, forgotten } from '../../source/scheduler/explain.ts';
import { past } from '../../source/scheduler/past.ts';
import { neverReason } from '../../source/scheduler/waiting.ts';
import { dice } from './dice.ts';
import { type Fleet, fleet, spec } from './fleet.ts';

function explain(on: Fleet, job: number, ordinal = 0): Explanation {
  return explainTask(on.state, on.scheduler.past, on.job(job), ordinal, on.at);
}

function excluded({ candidates }: Explanation): Record<string, string | null> {
  return Object.fromEntries(candidates.map((one) => [one.node, one.excluded]));
}

describe('why a task waits', () => {
  test('counts the nodes by what rules them out', () => {
    const on = fleet();
    for (const name of ['a', 'b', 'c', 'd', 'e']) on.join(name, { resources: { gpu: 1 } });
    for (const name of ['f', 'g']) on.join(name);
    on.join('h', { resources: { gpu: 1 }, slots: 1 });
    on.tell({ kind: 'drain', node: 'a', now: false, deadline: null, reason: '', by: 'ana' });
    on.tell({ kind: 'pause', node: 'b', reason: '', by: 'ana' });
    on.beat('c', 90);
    on.beat('d', 81);
    on.tell({ kind: 'leave', node: 'e' });
    on.submit(1, { cpus: 2, resources: { gpu: 1 } });
    on.dispatch();
    const why = explain(on, 1);
    expect(why).toMatchObject({ task: '1.0', state: 'queued', node: null, attempt: 0, policy: 'first' });
    expect(why.waiting).toEqual({
      drained: 1,
      paused: 1,
      'above 80 %': 2,
      left: 1,
      'lack gpu': 2,
      'lack 2 slots': 1,
    });
    expect(excluded(why)).toMatchObject({ a: 'drained', f: 'lack gpu' });
    expect(Object.keys(why.waiting).filter((reason) => taskReason.test(reason))).toEqual([]);
  });

  test('room that is taken, and who comes first', () => {
    const on = fleet();
    on.join('a', { slots: 2, memoryTotal: 100 });
    on.submit(1, { memoryBytes: 80 });
    on.dispatch();
    on.submit(1, { memoryBytes: 50 });
    on.submit(1, { memoryBytes: 10 });
    on.submit(1);
    on.submit(1);
    on.dispatch();
    expect(explain(on, 2).waiting).toEqual({ full: 1 });
    on.end('a', '4.0#1');
    on.tell({ kind: 'pause-queue', paused: true, reason: '', by: 'ana' });
    expect(explain(on, 2).waiting).toEqual({ 'queue paused': 1 });
    on.tell({ kind: 'pause-queue', paused: false, reason: '', by: 'ana' });
    expect(explain(on, 2).waiting).toEqual({ 'memory taken': 1 });
    expect(explain(on, 3).waiting).toEqual({ 'have room': 1, 'behind job 2, which comes first': 1 });
    expect(explain(on, 5).waiting).toEqual({ 'have room': 1 }); // the next dispatch takes it
  });

  test('other jobs, a limit, a backoff, an empty fleet', () => {
    const on = fleet();
    on.submit(1);
    expect(explain(on, 1).waiting).toEqual({ 'no node has joined': 1 });
    on.join('a', { slots: 9 });
    on.submit(1, { after: [1] });
    on.submit(3, { limit: 1, retries: 1, backoffMs: 5_000 });
    on.dispatch();
    expect(explain(on, 2).waiting).toEqual({ 'waits for job 1': 1 });
    expect(explain(on, 3, 1).waiting).toEqual({ 'limit of 1 at once is reached': 1 });
    on.fail('a', '3.0#1');
    on.at += 1_500;
    expect(explain(on, 3, 0).waiting).toEqual({ 'backoff after a failed try: 4 s left': 1 });
    for (const reason of ['no node has joined', 'waits for job 1', 'limit of 1', 'backoff after', 'queue paused'])
      expect(reason).toMatch(taskReason);
  });

  test('what no node has is said, and is known before it is submitted', () => {
    const on = fleet();
    const wanted = spec(1, { resources: { gpu: 1 } });
    expect(neverReason(on.state, wanted)).toBe(null);
    on.join('a');
    on.join('b', { resources: { gpu: 1 }, slots: 1 });
    expect(neverReason(on.state, wanted)).toBe(null);
    expect(neverReason(on.state, { ...wanted, cpus: 2 })).toBe(
      'no node has what it asks for: 1 lack gpu, 1 lack 2 slots',
    );
    on.submit(1, { resources: { gpu: 1 }, cpus: 2 });
    on.dispatch();
    expect(explain(on, 1).waiting).toEqual({
      'lack gpu': 1,
      'lack 2 slots': 1,
      'no node has what it asks for': 1,
    });
  });
});

describe('why a task went where it went', () => {
  test('every node with its score then, and what ruled it out', () => {
    const on = fleet('least-load');
    on.join('a', { slots: 4 });
    on.join('b', { slots: 4 });
    on.join('c', { slots: 1 });
    on.join('d', { slots: 4 });
    on.beat('a', 40);
    on.beat('b', 20);
    on.beat('d', 95);
    on.submit(1, { cpus: 2 });
    on.dispatch();
    const { at } = on;
    on.at += 5_000;
    on.beat('a', 3);
    on.tell({ kind: 'pause', node: 'b', reason: '', by: 'ana' });
    on.tell({ kind: 'set-policy', policy: 'first', discipline: null, by: 'ana' });
    on.end('b', '1.0#1');
    expect(explain(on, 1)).toEqual({
      task: '1.0',
      state: 'succeeded',
      node: 'b',
      attempt: 1,
      at,
      policy: 'least-load',
      candidates: [
        { node: 'a', score: 0.4, chosen: false, excluded: null },
        { node: 'b', score: 0.2, chosen: true, excluded: null },
        { node: 'c', score: 0, chosen: false, excluded: 'lack 2 slots' },
        { node: 'd', score: 0.95, chosen: false, excluded: 'above 80 %' },
      ],
      waiting: {},
    });
  });

  test('from the facts before it the same follows', () => {
    const on = fleet('least-load', { seed: 3 });
    const { below, pick, chance } = dice(5);
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) on.join(name, { slots: 1 + below(3), resources: chance(0.5) ? { gpu: 1 } : {} });
    for (let step = 0; step < 300; step++) {
      on.at += below(100);
      if (chance(0.3)) on.beat(pick(names), below(100));
      if (chance(0.3)) on.submit(1 + below(3), { cpus: pick([1, 2]), resources: chance(0.3) ? { gpu: 1 } : {} });
      const held = [...(on.state.nodes.get(pick(names))?.held.values() ?? [])][0];
      if (held !== undefined) {
        const node = names[on.job(held.job).tasks.get(held.ordinal, 'place')] as string;
        on.end(node, `${held.job}.${held.ordinal}#${held.attempt}`);
      }
      on.dispatch();
    }
    let decisions = 0;
    on.facts.forEach((fact, number) => {
      if (fact.kind !== 'assigned' || number % 5 !== 0) return;
      decisions++;
      const { candidates, at, policy } = explain(on, fact.job, fact.ordinal);
      const recomputed = explainDecision(fold(on.facts.slice(0, number)), fact);
      expect({ candidates, at, policy }).toEqual({
        candidates: recomputed.candidates,
        at: recomputed.at,
        policy: recomputed.policy,
      });
    });
    expect(decisions).toBeGreaterThan(15);
  });

  test('what lies too far back is not made up', () => {
    const on = fleet('least-load');
    on.join('a', { slots: 3 });
    const known = on.facts.length;
    on.submit(3);
    on.dispatch();
    const state = fold(on.facts.slice(0, known));
    const short = past(state, 4);
    const follow = () => {
      for (const fact of on.facts.splice(known)) {
        apply(state, fact);
        short.note(fact);
      }
    };
    follow();
    expect(short.before(1, 0, 1)?.nodes[0]?.usedCpus).toBe(0);
    expect(short.before(1, 2, 1)?.nodes[0]?.usedCpus).toBe(2);
    on.beat('a', 1);
    on.beat('a', 2);
    follow();
    expect(short.before(1, 0, 1)).toBe(null);
    expect(short.before(1, 1, 1)?.nodes).toHaveLength(1);
    expect(explainTask(on.state, short, on.job(1), 0, on.at).waiting).toEqual({ [forgotten]: 1 });
    expect(forgotten).toMatch(taskReason);
  });

  test('after a restart it says when the task was placed, not when it was asked', () => {
    const on = fleet();
    on.join('a', { slots: 1 });
    on.submit(2);
    on.dispatch();
    const placedAt = on.at;
    on.at += 1_000;
    on.start('a', '1.0#1');
    on.at += 60_000;
    const again = fleet('first', { state: fold(on.facts) });
    const told = (ordinal: number) => explainTask(again.state, again.scheduler.past, again.job(1), ordinal, again.at);
    expect(told(0)).toMatchObject({ at: placedAt, waiting: { [forgotten]: 1 } });
    again.at = on.at;
    again.end('a', '1.0#1', { runMs: 60_000 });
    // Its start is as near as is still known.
    expect(told(0).at).toBe(on.at - 60_000);
  });

  test('what was never placed says so', () => {
    const on = fleet();
    on.submit(1);
    on.tell({ kind: 'cancel', target: { job: 1, ordinal: null }, by: 'ana' });
    expect(explain(on, 1)).toMatchObject({ state: 'cancelled', candidates: [], attempt: 0 });
  });
});
