import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { startRecorder } from '../../source/feed/recorder.ts';
import { type Summary, summarise, summaryLines } from '../../source/feed/summary.ts';
import { LbtopError } from '../../source/model/errors.ts';
import type { Fact } from '../../source/model/fact.ts';
import { emptyState, type State } from '../../source/scheduler/state.ts';
import { statusOf } from '../../source/view/report.ts';
import { emptySeries, observe } from '../../source/view/series.ts';
import { session } from './trace-session.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-summary-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

async function recordedSession(
  name: string,
  seconds: number,
): Promise<{ file: string; facts: Fact[]; state: State; tasks: unknown }> {
  const file = join(directory, name);
  const live = session({ nodes: 3, seconds, seed: 31, failures: 0.1, trouble: 0.05, tasksPerJob: 100 });
  const series = emptySeries();
  const recorder = startRecorder({ file, version: '9.8.7', state: live.state, series, log: () => {} });
  const facts: Fact[] = [];
  live.run((batch) => {
    for (const fact of batch) observe(series, live.state, fact);
    facts.push(...batch);
    recorder.record(batch);
  });
  await recorder.close();
  const { tasks } = statusOf(live.state, series, live.state.at, { journalBytes: 0, rssBytes: 0 });
  return { file, facts, state: live.state, tasks };
}

describe('a summary', () => {
  test('has what the session had at its end', async () => {
    const { file, facts, state, tasks } = await recordedSession('a.lbtrace', 400);
    const summary = await summarise(file);
    const beats = facts.filter((fact) => fact.kind === 'sampled');
    expect(summary.tasks).toEqual(tasks);
    expect(summary).toMatchObject({
      file,
      version: '9.8.7',
      from: facts[0]?.at,
      to: facts.at(-1)?.at,
      requeued: state.requeued,
      reexecuted: state.reexecuted,
      lateResults: state.lateResults,
      heartbeats: beats.length,
      events: facts.length - beats.length,
      gaps: [],
      damage: [],
      cut: null,
      fileBytes: readFileSync(file).length,
    });
    expect(summary.nodes.map(({ node }) => node)).toEqual(['node-000', 'node-001', 'node-002']);
    for (const node of summary.nodes) {
      const own = beats.filter((fact) => fact.node === node.node);
      const mean = own.reduce((sum, { sample }) => sum + sample.cpu, 0) / own.length;
      expect(node.cpu).toBeCloseTo(mean, 1);
      expect(node.heartbeats).toBe(own.length);
      expect(node.succeeded).toBe(state.nodes.get(node.node)?.succeeded);
      expect(node.failed).toBe(state.nodes.get(node.node)?.failed);
    }
    const ended = facts.filter(
      (fact) => fact.kind === 'ended' && (fact.state === 'succeeded' || fact.state === 'failed'),
    );
    expect(summary.throughput.mean).toBeCloseTo(ended.length / (summary.durationMs / 1_000), 1);
    expect(summary.bytesPerHeartbeat).toBeLessThan(24);
    expect(summary.bytesPerTask).toBeGreaterThan(0);
  });

  test('reads as a few lines', async () => {
    const { file } = await recordedSession('b.lbtrace', 100);
    const lines = summaryLines(await summarise(file), 0);
    expect(lines[0]).toMatch(/^session {3}2025-11-21 01:53:20 to 2025-11-21 01:54:59, 1m40s, lbtop 9\.8\.7$/);
    expect(lines[1]).toMatch(/^tasks {5}\d/);
    expect(lines.find((line) => line.startsWith('node-001'))).toMatch(/^node-001 {2}\w+ +\d+ +\d+ +\d+ +\d+$/);
    expect(lines.at(-1)).toMatch(/^recording \d.*heartbeats, .*events, .* bytes a heartbeat, .* bytes a task$/);
  });

  test('of a file that was cut says so', async () => {
    const { file } = await recordedSession('c.lbtrace', 100);
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.subarray(0, Math.floor(bytes.length * 0.6)));
    const summary = await summarise(file);
    expect(summary.cut).not.toBeNull();
    expect(summaryLines(summary, 0).at(-1)).toMatch(
      /^note {6}ends within a block at offset \d+: \d+ bytes are not played$/,
    );
  });

  test('of a recording without facts has nothing', async () => {
    const file = join(directory, 'd.lbtrace');
    await startRecorder({ file, version: '1', state: emptyState(), log: () => {} }).close();
    const summary: Summary = await summarise(file);
    expect(summary).toMatchObject({
      from: 0,
      to: 0,
      durationMs: 0,
      nodes: [],
      heartbeats: 0,
      bytesPerHeartbeat: null,
      bytesPerTask: null,
    });
    expect(summaryLines(summary, 0)[1]).toBe('tasks     none');
  });

  test('of what is no recording is refused', async () => {
    await expect(summarise(join(directory, 'none'))).rejects.toThrow(LbtopError);
  });
});
