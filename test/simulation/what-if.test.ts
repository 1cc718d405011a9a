/** `lbtop whatif` on sessions of the real scheduler: what it says under the same rules, and under others. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Recorder, startRecorder } from '../../source/feed/recorder.ts';
import { openTrace } from '../../source/feed/trace-reader.ts';
import { type Plan, runSynthetic } from '../../source/simulation/synthetic.ts';
import { parseAssertions } from '../../source/simulation/traces/assertion.ts';
import { type RecordedSession, recordedSession } from '../../source/simulation/traces/recorded-session.ts';
import { conclusion, figures, type WhatIf, whatIf } from '../../source/simulation/traces/what-if.ts';
import { session } from '../feed/trace-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-whatif-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Records a simulated session whose nodes keep to their slots, and reads it. */
async function recorded(changed: Partial<Plan> = {}): Promise<RecordedSession> {
  const file = join(directory, `${Math.random()}.lbtrace`);
  const plan: Plan = {
    ...{
      nodes: 4,
      slots: 2,
      policy: 'least-load',
      queue: 'fifo',
      tasks: 600,
      seed: 1,
      speeds: [1],
      queueing: 'central',
    },
    // 80 % of what the nodes can do.
    arrivals: { kind: 'poisson', perSecond: 3.2 },
    service: { kind: 'exp', meanMs: 2_000 },
    reportAgeMs: 1_000,
    failuresPerSecond: 0,
    ...changed,
  };
  let recorder: Recorder | null = null;
  runSynthetic(plan, ({ state, anew }) => {
    recorder = startRecorder({ file, version: 'test', state, anew, log: () => {} });
    return recorder.record;
  });
  await (recorder as Recorder | null)?.close();
  return read(file);
}

function read(file: string): RecordedSession {
  const trace = openTrace(file);
  try {
    return recordedSession(trace);
  } finally {
    trace.close();
  }
}

const ask = (
  of: RecordedSession,
  policies: Parameters<typeof whatIf>[1],
  rules: Parameters<typeof whatIf>[2],
  assert = '',
): Promise<WhatIf> =>
  whatIf(of, policies, rules, assert === '' ? [] : parseAssertions(assert, figures), async () => {});

describe('a session again under its own rules', () => {
  test.each([1, 2, 3, 4, 5])('comes out about as it was, seed %i', async (seed) => {
    const { recorded: was, calibration } = await ask(await recorded({ seed }), [], { addNodes: 0 });
    expect(calibration.simulated.tasks).toBe(was.tasks);
    expect(was.tasks).toBe(600);
    expect(calibration.error.makespan).toBeLessThanOrEqual(0.02 * was.makespan);
    expect(calibration.error.meanResponse).toBeLessThanOrEqual(0.05 * was.meanResponse);
  });

  test('also where nodes fail, and by a policy that learns', async () => {
    const of = await recorded({ seed: 6, failuresPerSecond: 0.005, policy: 'earliest-finish', speeds: [1, 0.5] });
    const { recorded: was, calibration } = await ask(of, [], { addNodes: 0 });
    expect(calibration.simulated.dropped).toBe(0);
    expect(calibration.error.makespan).toBeLessThanOrEqual(0.05 * was.makespan);
  });

  test('is the same each time, and shows no difference to itself', async () => {
    const of = await recorded({ seed: 7 });
    const [first, second] = [await ask(of, [of.policy], { addNodes: 0 }), await ask(of, [of.policy], { addNodes: 0 })];
    expect(second).toEqual(first);
    const [same] = first.results;
    if (same === undefined) throw new Error('no result');
    for (const figure of figures) expect(same.changes[figure]).toEqual({ by: 0, shown: false });
    expect(conclusion(same.changes)).toBe('no difference that this recording can show');
  });
});

describe('other rules', () => {
  /** Twice as much work as the nodes can do. */
  const crowded: Partial<Plan> = { seed: 8, nodes: 2, arrivals: { kind: 'poisson', perSecond: 4 } };

  test('twice the nodes end an overload: shown, and to be asserted', async () => {
    const of = await recorded(crowded);
    const result = await ask(of, [of.policy], { addNodes: 2 }, 'meanWait<recorded, p99Wait<recorded, meanWait<0.0001');
    const [more] = result.results;
    expect(more?.changes.meanWait.shown).toBe(true);
    expect(more?.meanWait).toBeLessThan(0.5 * result.recorded.meanWait);
    expect(result.asserted.map(({ holds }) => holds)).toEqual([true, true, false]);
    expect(result.asserted[2]?.why).toMatch(/^it is [\d.]+, the bound 0$/);
  });

  test('a difference smaller than the error is none: neither shown nor to be asserted', async () => {
    const of = await recorded(crowded);
    const { calibration, results, recorded: was } = await ask(of, [of.policy], { addNodes: 0 });
    const [same] = results;
    if (same === undefined) throw new Error('no result');
    const bound = same.makespan + calibration.error.makespan / 2;
    const { asserted } = await ask(of, [of.policy], { addNodes: 0 }, `makespan<${bound.toFixed(9)},makespan<recorded`);
    expect(asserted[0]).toMatchObject({
      holds: false,
      why: expect.stringMatching(/with an error of .* cannot show it$/),
    });
    expect(asserted[1]).toMatchObject({ holds: false });
    expect(Math.abs(same.makespan - was.makespan)).toBeLessThanOrEqual(calibration.error.makespan);
  });

  test('a CPU limit that every task crosses makes it longer', async () => {
    const of = await recorded({ seed: 9 });
    const { results, recorded: was } = await ask(of, [of.policy], { addNodes: 0, cpuLimit: 1 });
    expect(results[0]).toMatchObject({ cpuLimit: 1, tasks: was.tasks, changes: { meanWait: { shown: true } } });
    expect(results[0]?.meanWait).toBeGreaterThan(2 * was.meanWait);
  });
});

test('a session in which no task ended has nothing to compare', async () => {
  const { state, anew, run } = session({ nodes: 2, seconds: 20, jobsPerSecond: 0 });
  const file = join(directory, 'idle.lbtrace');
  const recorder = startRecorder({ file, version: 'test', state, anew, log: () => {} });
  run((facts, event) => recorder.record(facts, event));
  await recorder.close();
  expect(() => read(file)).toThrow(`${file}: no task that came in it ended in it: there is nothing to compare`);
});
