import { expect, test } from 'vitest';
import { quotaOutputs } from '../../source/coordinator/output-quota.ts';
import { memoryOutputs, type Outputs } from '../../source/coordinator/outputs.ts';
import { storedOutputs } from '../../source/coordinator/stored-outputs.ts';
import { groupCommit } from '../../source/journal/commit.ts';
import { memoryStore } from '../../source/journal/memory.ts';
import type { Store } from '../../source/journal/store.ts';
import { jobSpec } from '../../source/model/job.ts';
import { emptyState, newJob } from '../../source/scheduler/state.ts';
import { until } from '../journal/store-conformance.ts';

const task = { job: 1, ordinal: 0, attempt: 1 };
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

/** Two coordinators, one after the other, on one store; the state says that the task's first attempt counts. */
async function twoLives(of: (store: Store) => Store = (store) => store, said?: string[]) {
  const store = of(memoryStore());
  const term = await store.campaign({ id: 'test', address: 'nowhere:1' });
  const commits = groupCommit({ term, limits: store.limits });
  const state = emptyState();
  const spec = jobSpec({ work: { kind: 'command', argv: ['true'], shell: false, task: '', input: null } });
  const job = newJob(1, spec, 'test', 0);
  job.tasks.set(0, 'attempt', 1);
  state.jobs.set(1, job);
  const log = (line: string) => {
    if (said === undefined) throw new Error(line);
    said.push(line);
  };
  const life = () => storedOutputs({ store, commits, state, log });
  return [life(), life()] as const;
}

const append = (outputs: Outputs, offset: number, text: string, cut = 0) =>
  new Promise<number>((resolve) => outputs.append(task, 1, offset, bytes(text), cut, resolve));

async function all(outputs: Outputs): Promise<string> {
  let text = '';
  for (let at = 0; ; ) {
    const piece = await outputs.read(1, 0, 1, at, 4);
    if (piece === null || piece.next === at) return text;
    text += Buffer.from(piece.data).toString() + (piece.cut > 0 ? `[${piece.cut}]` : '');
    at = piece.next;
  }
}

test('what is sent again is trimmed, also by the next coordinator; a gap is marked', async () => {
  const [first, second] = await twoLives();
  expect(await append(first, 0, 'hello ')).toBe(6);
  expect(await append(first, 0, 'hello ')).toBe(6);
  expect(await append(first, 3, 'lo world')).toBe(11);
  // Both at once: the second coordinator does not know yet what is there.
  expect(await Promise.all([append(second, 6, 'world, and'), append(second, 16, ' more')])).toEqual([16, 21]);
  expect(await all(second)).toBe('hello world, and more');
  expect(await append(second, 25, 'after')).toBe(30);
  expect(await append(second, 30, 'end', 7)).toBe(40);
  expect(await append(second, 30, 'end', 9)).toBe(42);
  expect(await all(second)).toBe('hello world, and more[4]afterend[7][2]');
  expect(await second.size(1, 0, 1)).toEqual({ bytes: 42, cut: 13 });
});

test('of tasks that wrote nothing the store is not asked, unless it may know them from before', async () => {
  const store = memoryStore();
  const term = await store.campaign({ id: 'test', address: 'nowhere:1' });
  const reads: number[][] = [];
  const asked: Store = {
    ...store,
    readTasks(job, from, count, streamBytes) {
      reads.push([job, from, count]);
      return store.readTasks(job, from, count, streamBytes);
    },
  };
  const state = emptyState();
  state.nextJob = 2;
  const work = { kind: 'task' as const, argv: [], shell: false, task: 'noop', input: null };
  const spec = jobSpec({ work, span: { count: 30, first: 1, step: 1 } });
  const life = () =>
    storedOutputs({ store: asked, commits: groupCommit({ term, limits: store.limits }), state, log: () => {} });
  const outputs = life();
  for (const id of [1, 2]) {
    state.jobs.set(id, newJob(id, spec, 'test', 0));
    for (let ordinal = 0; ordinal < 30; ordinal++) state.jobs.get(id)?.tasks.set(ordinal, 'attempt', 1);
  }
  const textOf = async (job: number, from: number, count: number) => {
    const { tasks, next } = await outputs.page(job, from, count, 100);
    expect(next).toBe(from + count);
    return [...tasks].map(([ordinal, { result, streams }]) => [ordinal, result, streams.length]);
  };
  expect(await textOf(2, 0, 30)).toEqual([]);
  expect(reads).toEqual([]);
  expect(await textOf(1, 0, 30)).toEqual([]);
  expect(reads.splice(0)).toEqual([[1, 0, 30]]);
  outputs.setResult({ job: 2, ordinal: 17, attempt: 1 }, '"there"');
  expect(await textOf(2, 0, 17)).toEqual([]);
  expect(await textOf(2, 18, 12)).toEqual([]);
  expect(reads).toEqual([]);
  await until(async () => (await textOf(2, 10, 10))[0]?.[1] === '"there"');
  expect(reads.at(-1)).toEqual([2, 10, 10]);
  outputs.forget(2);
  outputs.setResult({ job: 3, ordinal: 0, attempt: 1 }, '"of nothing"');
});

test('a store that does not answer for a while loses nothing of what came meanwhile', async () => {
  let failures = 3;
  const said: string[] = [];
  const failing = (store: Store): Store => ({
    ...store,
    async outputSize(...where) {
      if (failures-- > 0) throw new Error('it does not answer');
      return store.outputSize(...where);
    },
  });
  const [outputs] = await twoLives(failing, said);
  const ends = Promise.all([append(outputs, 0, 'hello '), append(outputs, 6, 'world')]);
  expect(await outputs.pending(task)).toBeUndefined();
  expect(await ends).toEqual([6, 11]);
  expect(await all(outputs)).toBe('hello world');
  expect(said).toEqual(['output of task 1.0 waits: it does not answer']);
});

test('listeners hear of output when it is stored, and of the end', async () => {
  const [outputs] = await twoLives();
  const heard: (number | null)[] = [];
  const end = outputs.watch(1, (ordinal) => heard.push(ordinal));
  await append(outputs, 0, 'x');
  await Promise.resolve();
  expect(heard).toEqual([0]);
  outputs.ended(1, null);
  end();
  outputs.ended(1, 0);
  expect(heard).toEqual([0, null]);
});

test.each([
  ['in memory', async () => memoryOutputs()],
  ['in a store', async () => (await twoLives())[0]],
] as const)('pages have the result and the beginnings of both streams: %s', async (_name, open) => {
  const outputs: Outputs = await open();
  await append(outputs, 0, 'hello world');
  outputs.setResult(task, '{"a":1}');
  await append(outputs, 11, '!', 5);
  const { tasks, next } = await outputs.page(1, 0, 10, 5);
  expect(next).toBe(10);
  expect([...tasks.keys()]).toEqual([0]);
  const held = tasks.get(0);
  expect(held?.result).toBe('{"a":1}');
  expect(held?.streams.map(({ data, bytes }) => [Buffer.from(data).toString(), bytes])).toEqual([
    ['hello', 17],
    ['', 0],
  ]);
  outputs.forget(1);
  await new Promise(setImmediate);
  expect((await outputs.page(1, 0, 10, 5)).tasks.size).toBe(0);
});

test.each(['memory', 'stored'])(
  'a job keeps no more than its quota; the rest is counted and marked (%s)',
  async (where) => {
    const outputs = quotaOutputs(where === 'memory' ? memoryOutputs() : (await twoLives())[0], 10);
    expect(await append(outputs, 0, 'hello ')).toBe(6);
    // What is over is acknowledged too: the node is not to keep it.
    expect(await append(outputs, 6, 'wonderful')).toBe(15);
    expect(await append(outputs, 15, ' world')).toBe(21);
    expect(await append(outputs, 21, '', 5)).toBe(26);
    expect(await outputs.size(1, 0, 1)).toEqual({ bytes: 26, cut: 16 });
    expect(await all(outputs)).toMatch(/^hello wond\[/);
    const other = { ...task, job: 2 };
    expect(
      await new Promise((resolve) => outputs.append(other, 1, 0, bytes('of another job'), 0, resolve)),
      'each job has its own',
    ).toBe(14);
  },
);

test('an end is not told before its output is on the way to the disk', async () => {
  const [, second] = await twoLives();
  const order: string[] = [];
  // What the store has of it, from an earlier life, is still asked for: nothing is committed yet.
  const stored = append(second, 0, 'all of it').then(() => order.push('stored'));
  const pending = second.pending(task);
  expect(pending).not.toBeNull();
  expect(second.pending({ ...task, attempt: 2 })).toBeNull();
  await pending;
  // What is committed from here on comes behind the output.
  order.push('told');
  expect(second.pending(task)).toBeNull();
  await stored;
  expect(order).toEqual(['told', 'stored']);
  expect(await all(second)).toBe('all of it');
});
