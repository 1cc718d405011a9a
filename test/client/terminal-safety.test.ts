/** What others called their things, and what tasks wrote, on the terminal of whoever asks. */
import { expect, test } from 'vitest';
import { LbtopError } from '../../source/model/errors.ts';
import type { EventLine } from '../../source/model/report.ts';
import { payloads, watchedTerminal } from '../helpers/watched-terminal.ts';
import { type Answers, fakeCoordinator } from './fake-coordinator.ts';
import { fakeIo, lbtop } from './fake-io.ts';
import { jobRow, nodeRow, resultRow, status, taskRow } from './rows.ts';

const at = 1_800_000_000_000;
const some = <T>(row: (evil: string, place: number) => T): T[] => payloads.map(row);
const paged =
  <T>(rows: readonly T[]) =>
  ({ from, count }: { from: number; count: number }): T[] =>
    rows.slice(from, from + count);

/** A coordinator whose every text is one of those. */
const evilCoordinator: Answers = {
  status: () => ({ ...status, version: payloads.join('') }),
  jobs: paged(some((name, job) => jobRow({ job, name }))),
  tasks: paged(
    some((evil, index) =>
      taskRow({ index, task: evil, node: evil, state: 'failed', exitCode: null, error: evil, note: evil }),
    ),
  ),
  nodes: () =>
    some((evil) =>
      nodeRow({ name: evil, reason: evil, cpuModel: evil, address: evil, version: evil, labels: { [evil]: evil } }),
    ),
  results: paged(
    some((evil, index) =>
      resultRow({ index, task: evil, node: evil, stdout: evil, stderr: evil, error: evil, result: { [evil]: evil } }),
    ),
  ),
  logs: function* () {
    for (const [index, evil] of payloads.entries())
      for (const stream of [1, 2]) yield { index, stream, data: Buffer.from(evil), cut: index, attempt: 1, next: 0 };
  },
  events: function* () {
    for (const evil of payloads) yield { at, level: 'warn', subject: evil, text: evil } satisfies EventLine;
  },
  explain: () => ({
    task: payloads.join(''),
    state: 'queued',
    node: payloads.join(''),
    attempt: 1,
    at,
    policy: 'first',
    candidates: some((evil) => ({ node: evil, score: null, chosen: false, excluded: evil })),
    waiting: Object.fromEntries(some((evil) => [evil, 1])),
  }),
  pick: () => ({ node: payloads.join(''), address: payloads.join(''), policy: 'first', score: 1 }),
  'drain-preview': () => ({
    nodes: some((node) => ({
      ...{ node, running: 1, assigned: 0, stuck: 0, leftMs: null },
      tasks: [{ task: node, running: true, ranMs: 1, leftMs: null, stuck: false }],
    })),
    stuckJobs: [1],
    remaining: { nodes: 1, slots: 1 },
  }),
  cancel: () => {
    throw new LbtopError('failed', payloads.join(''));
  },
};

const words = [
  'status',
  'jobs',
  'tasks 7',
  'nodes',
  'results 7',
  'logs 7',
  'events',
  'explain 7.0',
  'pick',
  'drain --preview --all',
  'cancel 7',
];

/** Prints a word's output, as it comes, on a terminal; returns what happened to that. */
async function onTerminal(typed: string) {
  const io = fakeIo({
    stdout: { terminal: true, colour: true, columns: 240 },
    stderr: { terminal: true, colour: true, columns: 240 },
  });
  const ran = await lbtop(typed.split(' '), fakeCoordinator(evilCoordinator), io);
  const terminal = watchedTerminal(240, 40);
  const erased = /\x1b\[K/g; // of a line of progress that is our own
  for (const output of [io.stdout, io.stderr])
    await terminal.write(output.text().replaceAll('\n', '\r\n').replace(erased, ''));
  return { terminal, text: ran.out + ran.err };
}

test.each(words)('%s: nothing of it is obeyed', async (typed) => {
  const { terminal, text } = await onTerminal(typed);
  expect(terminal.harm).toEqual([]);
  // Something of them is shown; JSON and lines have no direction of their own.
  expect(terminal.lines().join('\n')).toMatch(/owned|gnp\.exe/);
  expect(text).not.toMatch(/[\u202a-\u202e\u2066-\u2069\u200b-\u200f\u{e0000}-\u{e007f}]/u);
});

test.each(['status', 'jobs', 'tasks 7', 'nodes', 'results 7', 'explain 7.0', 'pick', 'events'])(
  '%s --json: nothing of it is obeyed, and it means the same',
  async (typed) => {
    const { terminal, text } = await onTerminal(`${typed} --json`);
    expect(terminal.harm).toEqual([]);
    expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f]/);
    expect(text).toContain('owned');
  },
);

test('logs --raw is obeyed: who says so wants it', async () => {
  const { terminal } = await onTerminal('logs 7 --raw');
  expect(terminal.harm.length).toBeGreaterThan(5);
});

test('the emulator would tell of each of them', async () => {
  const quiet: string[] = [];
  for (const payload of payloads) {
    const terminal = watchedTerminal(240, 40);
    await terminal.write(payload);
    if (terminal.harm.length === 0) quiet.push(payload);
  }
  // Colours, hidden text, lines, direction and what cannot be seen are no events of the emulator.
  expect(quiet).toHaveLength(8);
});
