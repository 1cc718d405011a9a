import { expect, test, vi } from 'vitest';
import { connectClient } from '../../source/client/client.ts';
import { connect, faceOf, type Lbtop } from '../../source/client/index.ts';
import { LbtopError } from '../../source/model/errors.ts';
import type { JobSpec } from '../../source/model/job.ts';
import { type Answers, fakeCoordinator } from './fake-coordinator.ts';
import { jobRow, nodeRow, resultRow, status } from './rows.ts';

async function face(answers: Answers): Promise<Lbtop> {
  return faceOf(await connectClient({ host: 'h', port: 1, secret: null, dial: fakeCoordinator(answers).dial }));
}

test('a program submits, waits and reads results', async () => {
  const specs: JobSpec[] = [];
  const uploaded: string[][] = [];
  const rows = Array.from({ length: 3 }, (_, index) => resultRow({ index }));
  await using lbtop = await face({
    upload: ({ upload, items }) => {
      uploaded[upload] = [...(uploaded[upload] ?? []), ...items];
      return {};
    },
    submit: ({ spec }) => {
      specs.push(spec);
      return { job: specs.length, tasks: spec.span.count, existing: false, never: null };
    },
    wait: ({ jobs }) => [jobs.map((job) => jobRow({ job, state: 'running' })), jobs.map((job) => jobRow({ job }))],
    results: ({ from, count }) => rows.slice(from, from + count),
    nodes: () => [nodeRow()],
    status: () => status,
    cancel: () => ({ tasks: 2 }),
  });
  expect(await lbtop.submit({ command: ['echo', '{}'], items: ['a', 'b'], retries: 2 })).toEqual({
    job: 1,
    tasks: 2,
    existing: false,
    never: null,
  });
  await lbtop.submit({ task: 'increment', inputs: [[1], { a: null }] });
  await lbtop.submit({ task: 'sleep', input: 0.1, array: { count: 5, first: 1, step: 1 } });
  await lbtop.submit({ command: ['a', 'b'], shell: true });
  expect(uploaded.slice(1)).toEqual([
    ['a', 'b'],
    ['[1]', '{"a":null}'],
  ]);
  expect(specs).toMatchObject([
    { work: { kind: 'command', argv: ['echo', '{}'] }, items: 'lines', span: { count: 2 }, retries: 2 },
    { work: { kind: 'task', task: 'increment', input: null }, items: 'json', span: { count: 2 } },
    { work: { kind: 'task', task: 'sleep', input: 0.1 }, items: 'none', span: { count: 5, first: 1 } },
    { work: { kind: 'command', argv: ['a b'], shell: true }, items: 'none', span: { count: 1 } },
  ]);
  const seen: string[] = [];
  expect(await lbtop.wait([1, 2], (all) => seen.push(all[0]?.state ?? ''))).toEqual([
    jobRow({ job: 1 }),
    jobRow({ job: 2 }),
  ]);
  expect(seen).toEqual(['running', 'succeeded']);
  const indexes: number[] = [];
  for await (const { index } of lbtop.results(1)) indexes.push(index);
  expect(indexes).toEqual([0, 1, 2]);
  expect(await lbtop.nodes()).toEqual([nodeRow()]);
  expect(await lbtop.status()).toEqual(status);
  expect(await lbtop.cancel(1)).toBe(2);
  await expect(lbtop.submit({ command: ['x'], items: [] })).rejects.toMatchObject({ code: 'usage' });
});

test('a job that is purged before its end is told has no row', async () => {
  const lbtop = await face({ run: () => [[]] });
  await expect(lbtop.run({ task: 'noop' })).rejects.toMatchObject({ code: 'failed' });
});

test('an address that is none is told', async () => {
  await expect(connect({ connect: '::1:2' })).rejects.toMatchObject({ code: 'usage' });
});

test('the address may come from the environment', async () => {
  vi.stubEnv('LBTOP_CONNECT', '::1:2');
  await expect(connect()).rejects.toThrow('::1:2 is not HOST:PORT');
  vi.unstubAllEnvs();
});

test('a loop that is left gives its stream up; what ends a stream is thrown in the loop, after what came before', async () => {
  const fake = fakeCoordinator({
    async *follow({ order }) {
      yield [resultRow({ index: 0 })];
      if (order === 'end') throw new LbtopError('failed', 'its journal is broken');
      for (let index = 1; ; index++) yield [resultRow({ index })];
    },
  });
  await using lbtop = faceOf(await connectClient({ host: 'h', port: 1, secret: null, dial: fake.dial }));
  for await (const { index } of lbtop.follow(1)) if (index === 500) break;
  await expect.poll(() => fake.abandoned.length).toBe(1);
  expect(fake.mostUnderWay()).toBeLessThanOrEqual(64);
  const indexes: number[] = [];
  const loop = (async () => {
    for await (const { index } of lbtop.follow(1, 'end')) indexes.push(index);
  })();
  await expect(loop).rejects.toThrow('its journal is broken');
  expect(indexes).toEqual([0]);
});
