/** docs/trace-format.md: what it says is what the program writes, and enough to read a recording of a real fleet. */
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RecordedFleet, recordedFleet } from '../helpers/recorded.ts';
import { fill } from '../scripts/readme-tables.ts';
import { traceFormatTables } from '../scripts/trace-format-tables.ts';
import { type Item, type Page, readColumn, readPage, readRecording, record, type Value } from './stranger.ts';

const text = readFileSync(resolve(import.meta.dirname, '../../docs/trace-format.md'), 'utf8');
const page: Page = readPage(text);
let fleet: RecordedFleet;
let newestIndex: number;
let items: Item[];
/** What the program says of the same file. */
let lines: Record<string, Value>[];

beforeAll(async () => {
  fleet = await recordedFleet();
  const { cluster, file } = fleet;
  // The recording goes on in the same file, and has a state to begin with there.
  await cluster.fleet.endCoordinator();
  await cluster.fleet.restartCoordinator();
  await cluster.lbtop(['run', '--', 'true']);
  await cluster.fleet.endCoordinator();
  ({ newestIndex, items } = readRecording(readFileSync(file), page));
  const exported = await cluster.lbtop(['trace', 'export', file, '--format', 'jsonl']);
  lines = exported.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}, 120_000);
afterAll(async () => await fleet?.[Symbol.asyncDispose]());

function all<K extends Item['kind']>(kind: K): Extract<Item, { kind: K }>[] {
  return items.filter((item): item is Extract<Item, { kind: K }> => item.kind === kind);
}

test('the tables are the program’s (npm run readme writes them)', () => {
  expect(fill(text, traceFormatTables)).toBe(text);
  expect(page.facts.size).toBeGreaterThan(20);
});

test('a stranger’s reader has every fact that the program has, and the gap between two coordinators', () => {
  const facts = all('facts').flatMap((item) => item.facts);
  const told = lines.filter(({ kind }) => !['trace', 'state', 'gap'].includes(kind as string));
  expect(facts.length).toBeGreaterThan(80);
  expect(JSON.parse(JSON.stringify(facts))).toEqual(told);
  expect(all('gap')).toEqual([{ kind: 'gap', at: lines.find(({ kind }) => kind === 'gap')?.at, missing: 0 }]);
  expect(all('session')).toHaveLength(2);
});

test('and every input: who was heard and what was asked', () => {
  const inputs = all('inputs').flatMap((item) => item.inputs);
  const count = (kind: string): number => inputs.filter((one) => one.kind === kind).length;
  const facts = all('facts').flatMap((item) => item.facts);
  expect(count('beat')).toBe(facts.filter(({ kind }) => kind === 'sampled').length);
  expect(count('submitted')).toBe(4);
  expect(inputs.find(({ kind }) => kind === 'pause')).toMatchObject({ node: 'b', reason: 'kernel-update' });
  expect(count('tick')).toBeGreaterThan(5);
  expect(all('inputs').filter(({ start }) => start !== null)).toHaveLength(2);
});

test('and the state of a keyframe: nodes, jobs, and what became of each task', () => {
  const state = lines.find(({ kind }) => kind === 'state') as { nodes: { name: string }[]; jobs: { job: number }[] };
  const keyframe = all('keyframe').at(-1) as Extract<Item, { kind: 'keyframe' }>;
  expect(keyframe.core[0]).toMatchObject({ record: 'head', version: 1, policy: 'least-load', nextJob: 4 });
  const nodes = keyframe.core.filter((one) => one.record === 'node').map(({ name }) => name);
  expect(nodes).toEqual(state.nodes.map(({ name }) => name));
  const pages = new Map(all('pages').map(({ number, pages }) => [number, pages]));
  const records: Record<string, Value>[] = [];
  for (let i = 0; i < keyframe.references.length; i += 3) {
    const [, block = 0, place = 0] = keyframe.references.slice(i, i + 3);
    for (const entry of (pages.get(block) ?? [])[place] as Value[][][])
      for (const one of entry[0] as Value[][]) records.push(record(one, page));
  }
  expect(records.filter((one) => one.record === 'job').map(({ id }) => id)).toEqual(state.jobs.map(({ job }) => job));
  const chunk = records.find((one) => one.record === 'chunk' && one.job === 2) as {
    rows: Uint8Array;
    rowBytes: number;
  };
  const rows = [0, 1, 2].map((row) => Buffer.from(chunk.rows).subarray(row * chunk.rowBytes));
  expect(rows.map((row) => page.states[row.readUInt8(0)])).toEqual(['succeeded', 'failed', 'failed']);
  expect(rows.map((row) => row.readDoubleLE(36))).toEqual([0, 1, 2]);
  expect(rows.map((row) => row.readUInt16LE(2))).toEqual([1, 1, 1]);
});

test('and finds through the index what it finds by reading', () => {
  const indexes = all('index');
  expect(newestIndex).toBe(indexes.at(-1)?.offset);
  const [previous, keyframes, , incidents, gaps, facts, events] = (indexes.at(-1) as { told: Value[] }).told;
  expect(previous).toBe(indexes.at(-2)?.offset);
  expect(lines[0]).toMatchObject({ facts, events });
  expect((keyframes as Value[][]).at(-1)?.[0]).toBe(all('keyframe').at(-1)?.number);
  expect((gaps as Value[][]).map(([, missing]) => missing)).toEqual([0]);
  expect(Array.isArray(incidents)).toBe(true);
});

test('the example is true', () => {
  const [, scale, bytes = ''] = /`\[1, (\d+), ([0-9A-F ]+)\]`/.exec(text) ?? [];
  const [, ...numbers] = /is the numbers ([\d.]+), ([\d.]+)\s+and ([\d.]+):/.exec(text) ?? [];
  const column = [1, Number(scale), Buffer.from(bytes.replaceAll(' ', ''), 'hex')];
  expect(readColumn(column, 3, [])).toEqual(numbers.map(Number));
});
