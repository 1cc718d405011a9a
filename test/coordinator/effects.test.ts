/** What leaves for nodes when its facts are written, and what only when they are durable. */
import { expect, test } from 'vitest';
import { effects } from '../../source/coordinator/effects.ts';
import type { NodeSession } from '../../source/coordinator/node-session.ts';
import type { Fact } from '../../source/model/fact.ts';
import { type Fleet, fleet } from '../scheduler/fleet.ts';

/** Effects on a fleet with node a; `said` is what the node was told since it was asked last. */
function rig(slots = 4) {
  const on = fleet();
  let lines: string[] = [];
  const session: NodeSession = {
    name: 'a',
    send: (message) => {
      const attempts = 'attempts' in message ? (message.attempts as { job: number; ordinal: number }[]) : [];
      lines.push([message.kind, ...attempts.map(({ job, ordinal }) => `${job}.${ordinal}`)].join(' '));
    },
    assign: (job, _spec, tasks) => lines.push(`assign ${tasks.map(({ task }) => `${job}.${task.ordinal}`).join(' ')}`),
    settle: () => {},
    forget: (job) => lines.push(`forget ${job}`),
    drop: () => {},
  };
  const { written, durable } = effects({
    state: on.state,
    items: { get: () => undefined },
    session: (node) => (node === 'a' ? session : undefined),
    tickets: { publicKey: new Uint8Array(), callerKey: () => new Uint8Array(32), offer: () => false },
  });
  let taken = on.facts.length;
  on.join('a', { slots });
  return {
    on,
    written,
    durable,
    /** The facts since the last time. */
    turn(): readonly Fact[] {
      const facts = on.facts.slice(taken);
      taken = on.facts.length;
      return facts;
    },
    said() {
      const before = lines;
      lines = [];
      return before;
    },
  };
}

function submitted(given: Parameters<Fleet['submit']>[1]) {
  const all = rig();
  all.on.submit(4, given);
  const first = all.turn();
  all.written(first);
  all.durable(first);
  all.said();
  return all;
}

test('tasks of a durable job leave when it is written that they were placed', () => {
  const { on, turn, written, durable, said } = submitted({});
  on.dispatch();
  const facts = turn();
  written(facts);
  expect(said()).toEqual(['assign 1.0 1.1 1.2 1.3']);
  durable(facts);
  expect(said()).toEqual([]);
});

test('tasks that must not run twice leave when it is durable that they were placed', () => {
  const { on, turn, written, durable, said } = submitted({ noRetry: true });
  on.dispatch();
  const facts = turn();
  written(facts);
  expect(said()).toEqual([]);
  durable(facts);
  expect(said()).toEqual(['assign 1.0 1.1 1.2 1.3']);
});

test('tasks of a job whose submission is not durable wait for that', () => {
  const { on, turn, written, durable, said } = rig();
  on.submit(2);
  const first = turn();
  on.dispatch();
  const second = turn();
  written(first);
  written(second);
  expect(said()).toEqual(['joined']);
  durable(first);
  expect(said()).toEqual([]);
  durable(second);
  expect(said()).toEqual(['assign 1.0 1.1']);
});

test('what was taken back before it could leave does not leave', () => {
  const { on, turn, written, durable, said } = submitted({ noRetry: true });
  on.dispatch();
  const placed = turn();
  on.tell({ kind: 'cancel', target: { job: 1, ordinal: 0 }, by: 'ana' });
  on.tell({ kind: 'pause', node: 'a', reason: '', by: 'ana' });
  const taken = turn();
  written(placed);
  written(taken);
  expect(said()).toEqual(['stop 1.0', 'recall 1.1', 'recall 1.2', 'recall 1.3']);
  durable(placed);
  durable(taken);
  expect(said()).toEqual([]);
});
