import { describe, expect, test } from 'vitest';
import { type Fact, type FactKind, facts } from '../../source/model/fact.ts';
import { indexOf, jobSpec, ordinalOf, stateCode, taskStates } from '../../source/model/job.ts';
import { limits, liveness } from '../../source/model/limits.ts';
import { ShapeError } from '../../source/model/shape.ts';
import fc from '../arbitrary.ts';

const work = { kind: 'command' as const, argv: ['true'], shell: false, task: '', input: null };
const task = { at: 5, job: 1, ordinal: 0, attempt: 1 };

describe('facts', () => {
  /** A code, once written, stands for its kind in every journal and trace there is. */
  const codes: Record<FactKind, number> = {
    'session-started': 1,
    'job-submitted': 2,
    assigned: 3,
    started: 4,
    ended: 5,
    requeued: 6,
    recalled: 7,
    'stop-asked': 8,
    released: 9,
    'job-ended': 10,
    'job-purged': 11,
    'job-closed': 12,
    due: 13,
    progressed: 14,
    'node-joined': 20,
    'node-health': 21,
    'node-dropped': 22,
    'node-intent': 23,
    'node-drained': 24,
    'node-overloaded': 25,
    'node-throttled': 26,
    'node-forgotten': 27,
    sampled: 28,
    'queue-paused': 40,
    'policy-set': 41,
    'cpu-limit-set': 42,
    acted: 43,
  };

  test('keep their codes', () => {
    expect(Object.fromEntries(Object.entries(facts.kinds).map(([kind, [code]]) => [kind, code]))).toEqual(codes);
  });

  test('are the same again after packing', () => {
    const some: Fact[] = [
      { kind: 'job-submitted', at: 1, job: 1, by: 'ana', spec: jobSpec({ work, stdin: Uint8Array.of(1) }) },
      { kind: 'assigned', ...task, node: 'a', adopted: false },
      {
        kind: 'ended',
        ...task,
        state: 'failed',
        node: null,
        exitCode: 1,
        signal: null,
        error: 'no',
        runMs: 1.5,
        cpuMs: 0,
        peakBytes: 0,
      },
      { kind: 'queue-paused', at: 1, paused: true, by: 'ana', reason: 'x' },
    ];
    for (const fact of some) expect(facts.unpack(facts.pack(fact))).toEqual(fact);
  });

  test('of a later version are passed over, their later fields too', () => {
    expect(facts.unpack([999, 'x'])).toBe(null);
    expect(facts.unpack([...facts.pack({ kind: 'due', at: 1, job: 2 }), 'later'])).toEqual({
      kind: 'due',
      at: 1,
      job: 2,
    });
    expect(facts.unpack([40, 1, true, 'ana'])).toMatchObject({ reason: '' });
  });

  test('that break their table are refused by field', () => {
    expect(() => facts.unpack([3, 1, 1, 0, 1])).toThrow('assigned.node: is missing');
    expect(() => facts.unpack([3, Number.NaN, 1, 0, 1, 'a'])).toThrow(ShapeError);
    expect(() => facts.unpack([3, 1, 1, -1, 1, 'a'])).toThrow('assigned.ordinal: expected integer');
    expect(() => facts.unpack([3, 1, 1, 0, 1, 'a b'])).toThrow('assigned.node: expected');
    expect(() => facts.unpack('assigned')).toThrow(ShapeError);
  });
});

test('an index that users see and an ordinal are the same task', () => {
  const span = fc.record({
    count: fc.integer({ min: 1, max: 50 }),
    first: fc.nat(50),
    step: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(span, fc.nat(600), (of, index) => {
      const ordinal = ordinalOf(of, index);
      const all = Array.from({ length: of.count }, (_, one) => indexOf(of, one));
      expect(ordinal).toBe(all.indexOf(index));
    }),
  );
});

test('stored states keep their numbers', () => {
  expect(taskStates.map((state) => stateCode[state])).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(taskStates[3]).toBe('succeeded');
});

test('limits fit together', () => {
  expect(liveness.heartbeatMs).toBeLessThan(liveness.suspectAfterMs);
  expect(liveness.suspectAfterMs).toBeLessThan(liveness.lostAfterDropMs);
  expect(liveness.lostAfterDropMs).toBeLessThan(liveness.lostAfterMs);
  expect(liveness.lostAfterMs).toBeLessThan(liveness.lostAfterRestartMs);
  // A pair of a job and an ordinal is a number in views.
  expect(limits.jobs * limits.tasksPerJob).toBeLessThanOrEqual(Number.MAX_SAFE_INTEGER);
});
