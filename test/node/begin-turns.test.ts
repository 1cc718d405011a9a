/** Many tasks that come at once are begun over several turns of the event loop: each may cost it milliseconds. */
import { expect, test } from 'vitest';
import { jobSpec } from '../../source/model/job.ts';
import { executor } from '../../source/node/executor.ts';
import { outputPump } from '../../source/node/output-pump.ts';
import { reports } from '../../source/node/reports.ts';
import type { Runner } from '../../source/node/runners/runner.ts';
import { noSpool } from '../../source/node/spool.ts';

const startMs = 4;

test('a turn begins tasks for some milliseconds only, the next one goes on', () => {
  let now = 0;
  const due = new Set<() => void>();
  const clock = {
    now: () => now,
    after(_: number, then: () => void) {
      due.add(then);
      return () => void due.delete(then);
    },
  };
  const send = (): void => {};
  let begun = 0;
  const runner: Runner = {
    start() {
      now += startMs;
      begun++;
      return { stop: () => true, resume() {}, hold() {}, release() {} };
    },
    close() {},
  };
  const tasks = executor({
    slots: 16,
    command: runner,
    named: runner,
    spool: noSpool(),
    reports: reports({ send, beforeOutcomes() {}, hasWork: () => false, clock }),
    pump: outputPump({ send, open: () => true, backlogBytes: () => 0, clock }),
    clock,
    graceMs: 1_000,
    mayStart: () => true,
    log() {},
  });

  const spec = jobSpec({ work: { kind: 'command', argv: ['true'], shell: false, task: '', input: null } });
  tasks.handle({ kind: 'job', job: 1, spec });
  const ordinals = Array.from({ length: 10 }, (_, i) => i);
  tasks.handle({
    kind: 'assign',
    job: 1,
    seq: 1,
    tasks: ordinals.map((ordinal) => ({ ordinal, index: ordinal + 1, attempt: 1, item: null })),
  });

  const turns = [begun];
  while (begun < ordinals.length && due.size > 0) {
    const [next] = due;
    due.delete(next as () => void);
    next?.();
    turns.push(begun - turns.reduce((sum, one) => sum + one, 0));
    expect(due.size).toBeLessThanOrEqual(1);
  }
  expect(begun).toBe(ordinals.length);
  expect(Math.max(...turns) * startMs).toBeLessThan(10);
});
