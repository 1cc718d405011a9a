import { expect, test } from 'vitest';
import { runSource } from '../../source/coordinator/run-source.ts';
import { finished, pending } from '../../source/coordinator/source.ts';

/** A wait that gives these values, and the jobs that it was asked for. */
function waits(...values: unknown[]) {
  const asked: number[] = [];
  const open = new Set<number>();
  const waitFor = (job: number) => {
    asked.push(job);
    open.add(job);
    return { pull: () => values.shift() ?? finished, close: () => void open.delete(job) };
  };
  return { asked, open, waitFor };
}

test('what waits for the end is asked once the job is there', async () => {
  const submitted = Promise.withResolvers<{ job: number }>();
  const { asked, open, waitFor } = waits(pending, ['row']);
  const source = runSource(submitted.promise, waitFor);
  const first = source.pull();
  expect(asked).toEqual([]);
  submitted.resolve({ job: 7 });
  expect(await first).toBe(pending);
  expect([source.pull(), source.pull()]).toEqual([['row'], finished]);
  expect(asked).toEqual([7]);
  source.close();
  expect(open.size).toBe(0);
});

test('a job that is not taken is told to whoever pulls, and to nobody else', async () => {
  const why = new Error('no such task');
  await expect(runSource(Promise.reject(why), waits().waitFor).pull()).rejects.toBe(why);
  runSource(Promise.reject(why), waits().waitFor).close(); // an unhandled rejection would fail the run
  await new Promise(setImmediate);
});

test('closed before the job is there, nothing waits for it', async () => {
  const submitted = Promise.withResolvers<{ job: number }>();
  const { asked, waitFor } = waits();
  const source = runSource(submitted.promise, waitFor);
  const pulled = source.pull();
  source.close();
  submitted.resolve({ job: 7 });
  expect(await pulled).toBe(finished);
  expect(asked).toEqual([]);
});
