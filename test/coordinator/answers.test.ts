import { expect, test } from 'vitest';
import { ordinalFor } from '../../source/coordinator/answers.ts';
import { jobSpec } from '../../source/model/job.ts';
import { newJob } from '../../source/scheduler/state.ts';

const job = (count: number, first: number, step: number) => {
  const work = { kind: 'command' as const, argv: ['x'], shell: false, task: '', input: null };
  return newJob(3, jobSpec({ work, span: { count, first, step } }), 'test', 0);
};

test.for([
  [1000, 1, 1, 0, 'its 1000 are 3.1, 3.2 … 3.1000'],
  [10, 0, 10, 5, 'its 10 are 3.0, 3.10 … 3.90'],
  [2, 7, 1, 9, 'its 2 are 3.7, 3.8'],
  [1, 0, 1, 1, 'its only one is 3.0'],
] as const)('a task that is not there: of %d from %d by %d, %d', ([count, first, step, index, where]) => {
  expect(() => ordinalFor(job(count, first, step), index)).toThrow(`job 3 has no task 3.${index}: ${where}`);
  expect(ordinalFor(job(count, first, step), first + (count - 1) * step)).toBe(count - 1);
});
