import { describe, expect, test } from 'vitest';
import { type LogsWanted, logsSource } from '../../source/coordinator/logs-source.ts';
import { memoryOutputs } from '../../source/coordinator/outputs.ts';
import { finished, pending } from '../../source/coordinator/source.ts';
import { jobSpec } from '../../source/model/job.ts';
import { newJob } from '../../source/scheduler/state.ts';

const whole: LogsWanted = { ordinal: null, follow: true, tail: null, place: null };

/** A job of three tasks; what they write is stored when `store` is called. */
function scene() {
  const work = { kind: 'command' as const, argv: ['x'], shell: false, task: '', input: null };
  const job = newJob(1, jobSpec({ work, span: { count: 3, first: 10, step: 5 } }), 'test', 0);
  const outputs = memoryOutputs();
  const waiting: (() => void)[] = [];
  let now = 0;
  const desk = {
    outputs,
    clock: { now: () => ++now },
    durable: async () => {
      for (const one of waiting.splice(0)) one();
    },
  };
  return {
    job,
    /** Says something; without `later` it is stored at once. */
    write(ordinal: number, text: string, { attempt = 1, offset = 0, stream = 1 as 1 | 2, later = false } = {}) {
      job.tasks.set(ordinal, 'attempt', attempt);
      const store = () => outputs.append({ job: 1, ordinal, attempt }, stream, offset, Buffer.from(text), 0, () => {});
      if (later) waiting.push(store);
      else store();
    },
    end(ordinal: number) {
      job.tasks.setState(ordinal, 'succeeded');
      job.tasks.set(ordinal, 'endedAt', ++now);
    },
    async read(wanted: Partial<LogsWanted> = {}) {
      const source = logsSource(job, { ...whole, ...wanted }, desk, () => {});
      const pieces: { index: number; stream: number; text: string; attempt: number; next: number }[] = [];
      for (;;) {
        const piece = await source.pull();
        if (piece === finished || piece === pending) {
          source.close();
          return { pieces, over: piece === finished };
        }
        const { index, stream, data, attempt, next } = piece as (typeof pieces)[0] & { data: Uint8Array };
        pieces.push({ index, stream, text: Buffer.from(data).toString(), attempt, next });
      }
    },
  };
}

test('the last words of a task that has ended are waited for, though the store does not have them yet', async () => {
  const { write, end, read } = scene();
  write(0, 'last words', { later: true });
  for (const ordinal of [0, 1, 2]) end(ordinal);
  expect(await read()).toEqual({
    pieces: [{ index: 10, stream: 1, text: 'last words', attempt: 1, next: 10 }],
    over: true,
  });
});

describe('a place of another stream', () => {
  const place = { index: 15, ordinal: 1, attempt: 1, stdout: 3, stderr: 1, stdoutCut: false, stderrCut: false };

  test('is gone on from: of that attempt what is left, and the tasks after it', async () => {
    const { write, end, read } = scene();
    write(0, 'before');
    write(1, 'abcdef');
    write(1, 'xy', { stream: 2 });
    write(2, 'after');
    for (const ordinal of [0, 1, 2]) end(ordinal);
    const { pieces, over } = await read({ place });
    expect(pieces).toEqual([
      { index: 15, stream: 1, text: 'def', attempt: 1, next: 6 },
      { index: 15, stream: 2, text: 'y', attempt: 1, next: 2 },
      { index: 20, stream: 1, text: 'after', attempt: 1, next: 5 },
    ]);
    expect(over).toBe(true);
  });

  test('of another attempt: the new one is given whole', async () => {
    const { write, read } = scene();
    write(1, 'again', { attempt: 2 });
    const { pieces, over } = await read({ place });
    expect(pieces).toEqual([{ index: 15, stream: 1, text: 'again', attempt: 2, next: 5 }]);
    expect(over).toBe(false);
  });
});
