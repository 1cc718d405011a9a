import { expect, test } from 'vitest';
import { jobWatch } from '../../source/coordinator/job-watch.ts';
import { memoryOutputs, type Outputs } from '../../source/coordinator/outputs.ts';
import { resultsSource } from '../../source/coordinator/results-source.ts';
import { finished, pending } from '../../source/coordinator/source.ts';
import { jobSpec } from '../../source/model/job.ts';
import type { ResultRow } from '../../source/model/report.ts';
import { emptyState, newJob } from '../../source/scheduler/state.ts';

/** A job whose tasks end as they are told, and the pages that its results were read by. */
function ending(count: number, outputs: Outputs = memoryOutputs()) {
  const state = emptyState();
  const work = { kind: 'task' as const, argv: [], shell: false, task: 'noop', input: null };
  const job = newJob(1, jobSpec({ work, span: { count, first: 0, step: 1 } }), 'test', 0);
  state.jobs.set(1, job);
  const watch = jobWatch();
  const pages: [from: number, count: number][] = [];
  const noted: Outputs = {
    ...outputs,
    page(of, from, count, streamBytes) {
      pages.push([from, count]);
      return outputs.page(of, from, count, streamBytes);
    },
  };
  const clock = { now: () => 0 };
  return { state, job, watch, pages, outputs: noted, clock, durable: async () => {} };
}

type Scene = ReturnType<typeof ending>;

/** Ends tasks in this order, at one instant after the other, each with a result of its own. */
function end(
  { state, job, watch, outputs }: Scene,
  ordinals: readonly number[],
  text = (ordinal: number) => `${ordinal}`,
) {
  for (const [i, ordinal] of ordinals.entries()) {
    job.tasks.set(ordinal, 'attempt', 1);
    outputs.setResult({ job: 1, ordinal, attempt: 1 }, JSON.stringify(text(ordinal)));
    job.tasks.setState(ordinal, 'succeeded');
    job.tasks.set(ordinal, 'endedAt', i);
    const ended = { job: 1, ordinal, attempt: 1, node: 'n', state: 'succeeded' as const, exitCode: null, signal: null };
    watch.observe([{ kind: 'ended', at: i, ...ended, error: null, runMs: 0, cpuMs: 0, peakBytes: 0 }]);
  }
  if (ordinals.length === job.tasks.count) job.endedAt = state.at;
}

async function pages(source: ReturnType<typeof resultsSource>): Promise<ResultRow[][]> {
  const all: ResultRow[][] = [];
  for (;;) {
    const page = await source.pull();
    if (page === finished || page === pending) return all;
    all.push(page as ResultRow[]);
  }
}

/** Four nodes, each with every fourth task, of which they end eight at a time. */
function byTurns(count: number): number[] {
  const order: number[] = [];
  for (let block = 0; block < count; block += 32)
    for (let node = 0; node < 4; node++)
      for (let k = 0; k < 8; k++) if (block + 4 * k + node < count) order.push(block + 4 * k + node);
  return order;
}

test('results in order of ends are read some at a time, and each is its own', async () => {
  const scene = ending(1_000);
  const source = resultsSource(scene.job, { order: 'end', from: 0 }, scene, () => {});
  const order = byTurns(1_000);
  end(scene, order);
  const rows = (await pages(source)).flat();
  expect(rows.map(({ index, result }) => [index, result])).toEqual(order.map((ordinal) => [ordinal, `${ordinal}`]));
  // One for each would be 1,000.
  expect(scene.pages.length).toBeLessThanOrEqual(20);
});

test('ends in any order, far apart or backwards, come in that order', async () => {
  const scene = ending(2_000);
  const source = resultsSource(scene.job, { order: 'end', from: 0 }, scene, () => {});
  const order = [1_999, 1_998, 1_000, 3, 2, 500, 1_001, 0, 1_997];
  end(scene, order);
  expect((await pages(source)).flat().map(({ result }) => result)).toEqual(order.map(String));
  expect(scene.pages.reduce((sum, [, count]) => sum + count, 0)).toBeLessThan(2 * order.length);
});

test('a page ends early when its rows hold much, and none is lost or told twice', async () => {
  const scene = ending(64);
  const source = resultsSource(scene.job, { order: 'end', from: 0 }, scene, () => {});
  const order = byTurns(64);
  const large = 'x'.repeat(200_000);
  end(scene, order, (ordinal) => `${ordinal} ${large}`);
  const found = await pages(source);
  expect(found.length).toBeGreaterThan(1);
  expect(found.flat().map(({ result }) => Number(String(result).split(' ')[0]))).toEqual(order);
});

test('what the store gives in parts is asked for until it is there', async () => {
  const scene = ending(40);
  const { page } = scene.outputs;
  // A store that stops after three tasks of a page, as one does whose page is full.
  scene.outputs.page = async (job, from, count, bytes) => ({
    ...(await page(job, from, Math.min(3, count), bytes)),
    next: from + Math.min(3, count),
  });
  const source = resultsSource(scene.job, { order: 'end', from: 0 }, scene, () => {});
  const order = byTurns(40);
  end(scene, order);
  expect((await pages(source)).flat().map(({ result }) => result)).toEqual(order.map(String));
});

const most = 64 * 1024;
test.each<[string, Buffer, string, boolean]>([
  ['that fits', Buffer.from('ä'.repeat(most / 2)), 'ä'.repeat(most / 2), false],
  ['cut between letters', Buffer.from('ä'.repeat(most)), 'ä'.repeat(most / 2), true],
  ['cut within a letter', Buffer.from(`a${'ä'.repeat(most)}`), `a${'ä'.repeat(most / 2 - 1)}`, true],
  ['that ends with half a letter itself', Buffer.of(97, 0, 0xff, 0xe2, 0x82), 'a\0\ufffd\ufffd', false],
])('output %s is text, and nothing is made up', async (_what, written, stdout, truncated) => {
  const outputs = memoryOutputs();
  const scene = ending(1, outputs);
  const work = { kind: 'command' as const, argv: ['x'], shell: false, task: '', input: null };
  const job = newJob(1, jobSpec({ work }), 'test', 0);
  scene.state.jobs.set(1, job);
  outputs.append({ job: 1, ordinal: 0, attempt: 1 }, 1, 0, written, 0, () => {});
  end({ ...scene, job }, [0]);
  const [[row] = []] = await pages(resultsSource(job, { order: 'end', from: 0 }, scene, () => {}));
  expect(row).toMatchObject({ truncated });
  expect(row?.stdout === stdout).toBe(true);
});
