import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import headless from '@xterm/headless';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRecorder } from '../../source/feed/recorder.ts';
import { jsonLines } from '../../source/feed/trace-lines.ts';
import { openTrace, type Trace } from '../../source/feed/trace-reader.ts';
import { type TimelineEvent, timeline } from '../../source/feed/trace-timeline.ts';
import type { Fact } from '../../source/model/fact.ts';
import { jobSpec } from '../../source/model/job.ts';
import { createScheduler } from '../../source/scheduler/scheduler.ts';
import { redactedTrace } from '../../source/simulation/traces/redact.ts';
import { writeCast } from '../../source/ui/cast.tsx';
import { emptySeries, observe } from '../../source/view/series.ts';
import { session } from '../feed/trace-session.ts';
import { castObjections } from '../helpers/asciicast.ts';
import { eventObjection } from '../helpers/trace-event-format.ts';

const directory = mkdtempSync(join(tmpdir(), 'lbtop-export-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const file = join(directory, 'session.lbtrace');
const facts: Fact[] = [];

beforeAll(async () => {
  const live = session({ nodes: 4, seconds: 240, trouble: 0.1, jobsPerSecond: 0.3, seed: 9 });
  const { state, anew } = live;
  // What ran before the recording is in its first state only.
  live.run(() => {}, 60);
  const series = emptySeries();
  const recorder = startRecorder({ file, version: '1.2.3', state, series, anew, log: () => {} });
  live.run((batch, event) => {
    for (const fact of batch) observe(series, state, fact);
    facts.push(...batch);
    recorder.record(batch, event);
  });
  await recorder.close();
});

function withTrace<T>(work: (trace: Trace) => T): T {
  const trace = openTrace(file);
  try {
    return work(trace);
  } finally {
    trace.close();
  }
}

function linesOf(trace: Trace): Record<string, unknown>[] {
  return [...jsonLines(trace)].flatMap(({ lines }) => lines.map((line) => JSON.parse(line)));
}

function eventsOf(trace: Trace): TimelineEvent[] {
  return [...timeline(trace)].flatMap(({ events }) => events);
}

describe('lines', () => {
  test('are what was recorded: the state at the beginning and every fact', () => {
    const [head, state, ...rest] = withTrace(linesOf);
    expect(head).toMatchObject({ kind: 'trace', version: '1.2.3', facts: facts.length });
    expect(state).toMatchObject({ kind: 'state', policy: 'least-load' });
    expect((state as { nodes: unknown[] }).nodes).toHaveLength(4);
    expect(rest).toEqual(JSON.parse(JSON.stringify(facts)));
  });
});

describe('a timeline', () => {
  test('is in the Trace Event Format', () => {
    const events = withTrace(eventsOf);
    expect(events.map(eventObjection).filter((one) => one !== null)).toEqual([]);
  });

  test('has a process for each node and a thread for each slot, on which nothing overlaps', () => {
    const events = withTrace(eventsOf);
    const names = events.filter(({ name }) => name === 'process_name').map(({ args }) => args?.name);
    expect(names).toEqual(['coordinator', ...names.slice(1)]);
    expect(names.slice(1).sort()).toEqual(['node-000', 'node-001', 'node-002', 'node-003']);
    const threads = new Set(events.filter(({ name }) => name === 'thread_name').map(({ pid, tid }) => `${pid}.${tid}`));
    // As many as the node has slots, whatever order starts and ends are told in.
    expect(threads.size).toBe(4 * 8);
    const until = new Map<string, number>();
    const spans = events.filter(({ ph }) => ph === 'X').sort((a, b) => a.ts - b.ts);
    expect(spans.length).toBeGreaterThan(500);
    const processes = new Set(events.map(({ pid }) => pid));
    expect(spans.filter(({ tid }) => processes.has(tid))).toEqual([]);
    for (const { pid, tid, ts, dur = 0 } of spans) {
      expect(threads.has(`${pid}.${tid}`)).toBe(true);
      expect(ts).toBeGreaterThanOrEqual(until.get(`${pid}.${tid}`) ?? 0);
      until.set(`${pid}.${tid}`, ts + dur);
    }
  });

  test('has every end that was recorded, as long as it took, and the CPU of every heartbeat', () => {
    const events = withTrace(eventsOf);
    const ended = facts.filter((fact) => fact.kind === 'ended' && fact.state === 'succeeded');
    expect(events.filter(({ ph, args }) => ph === 'X' && args?.end === 'succeeded')).toHaveLength(ended.length);
    expect(events.filter(({ ph, name }) => ph === 'C' && name === 'cpu')).toHaveLength(
      facts.filter(({ kind }) => kind === 'sampled').length,
    );
    expect(events.filter(({ ph, name }) => ph === 'C' && name === 'tasks').length).toBeGreaterThan(100);
  });
});

describe('a cast', () => {
  test('is an asciicast of version 2, and a terminal that plays it shows the session', {
    timeout: 60_000,
  }, async () => {
    let text = '';
    const write = async (more: string): Promise<void> => {
      text += more;
    };
    let share = 0;
    const progress = async (now: number): Promise<void> => {
      expect(now).toBeGreaterThanOrEqual(share);
      share = now;
    };
    await writeCast(openTrace(file), { title: 'session.lbtrace', columns: 100, rows: 30, write, progress });
    expect(share).toBe(1);
    const [head, ...lines] = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(head).toMatchObject({ version: 2, width: 100, height: 30, title: 'session.lbtrace' });
    expect(castObjections(text)).toEqual([]);
    expect(Math.round(head.duration)).toBe(180);
    expect(lines.length).toBeGreaterThan(300);
    const terminal = new headless.Terminal({ cols: 100, rows: 30, allowProposedApi: true });
    for (const [, , data] of lines) await new Promise<void>((resolve) => terminal.write(data, resolve));
    const screen = Array.from({ length: 30 }, (_, y) => terminal.buffer.active.getLine(y)?.translateToString(true));
    for (const node of ['node-000', 'node-001', 'node-002', 'node-003']) expect(screen.join('\n')).toContain(node);
    expect(screen[0]).toContain('session.lbtrace');
    terminal.dispose();
  });
});

describe('redacted', () => {
  const secrets = [
    'hunter2',
    'payroll',
    'alice',
    'db.internal',
    'rack-a',
    'TOKEN',
    '/srv/people',
    'salaries',
    'nobody',
    'k-77',
  ];

  /** A session in which everything that can hold a text holds a secret. */
  async function secretSession(): Promise<string> {
    const { state, handle, anew } = createScheduler();
    const target = join(directory, `${Math.random()}.lbtrace`);
    const info = {
      ...{
        cores: 2,
        cpuModel: 'x',
        memoryTotal: 1e9,
        slots: 2,
        labels: { 'rack-a': 'payroll' },
        resources: { payroll: 1 },
      },
      ...{ handlers: ['salaries'], throttle: 1, cpuLimit: null, listen: 'db.internal:1', host: 'db.internal' },
      ...{ platform: 'linux', version: '1', pid: 77 },
    };
    const spec = jobSpec({
      name: 'payroll',
      work: {
        kind: 'command',
        argv: ['salaries', '--password=hunter2'],
        shell: false,
        task: '',
        input: { who: 'nobody' },
      },
      span: { count: 3, first: 0, step: 1 },
      env: { TOKEN: 'hunter2' },
      cwd: '/srv/people',
      key: 'k-77',
      labels: {},
      stdin: Buffer.from('hunter2'),
      retries: 1,
    });
    const all: Parameters<typeof handle>[0][] = [
      { kind: 'session', at: 1, version: '1', policy: null, discipline: null, cpuLimit: null, seed: 1 },
      {
        ...{ kind: 'join', at: 2, node: 'db.internal', incarnation: 'alice', info, address: 'db.internal:5' },
        holding: { running: [], waiting: [], ended: [] },
      },
      { kind: 'submit', at: 3, spec, by: 'alice@db.internal' },
      { kind: 'submit', at: 3, spec: { ...spec, key: 'alice-2' }, by: 'alice@db.internal' },
      { kind: 'cancel', at: 3, target: { job: 2, ordinal: null }, by: 'alice@db.internal' },
    ];
    for (const event of all) handle(event);
    // Half of it is in the first state, half in facts.
    const recorder = startRecorder({ file: target, version: '1', state, anew, log: () => {} });
    const tell = (event: (typeof all)[number]): void => recorder.record(handle(event), event);
    tell({ kind: 'dispatch', at: 4 });
    const attempt = { job: 1, ordinal: 1, attempt: 1 };
    tell({ kind: 'started', at: 5, node: 'db.internal', attempt });
    tell({ kind: 'progress', at: 6, node: 'db.internal', attempt, share: 0.5, note: 'alice-at-work' });
    for (const outcome of ['failed', 'unfit'] as const)
      tell({
        ...{ kind: 'outcome', at: 9, node: 'db.internal' },
        outcome: {
          ...{ job: 1, ordinal: outcome === 'failed' ? 0 : 1, attempt: 1, outcome, exitCode: 1, signal: null },
          ...{ error: 'no salaries for alice', result: null, runMs: 5, cpuMs: 5, peakBytes: 0 },
          ...{ stdoutBytes: 0, stderrBytes: 0, started: true },
        },
      });
    tell({ kind: 'submit', at: 10, spec: { ...spec, key: null }, by: 'alice@db.internal' });
    tell({
      kind: 'drain',
      at: 11,
      node: 'db.internal',
      now: false,
      deadline: null,
      reason: 'alice said so',
      by: 'alice',
    });
    tell({ kind: 'pause-queue', at: 12, paused: true, reason: 'payroll day', by: 'alice' });
    tell({ kind: 'dropped', at: 13, node: 'db.internal', reason: 'reset by db.internal' });
    await recorder.close();
    return target;
  }

  test('nothing of commands, names, variables, hosts and outputs is left in any format', async () => {
    const secret = await secretSession();
    const plain = JSON.stringify(linesOf(openTrace(secret)));
    expect(plain).toContain('alice-at-work');
    for (const word of secrets) expect(plain).toContain(word);
    const hidden = (): Trace => redactedTrace(openTrace(secret));
    let cast = '';
    await writeCast(hidden(), {
      ...{ title: 'a session', columns: 120, rows: 30, progress: async () => {} },
      write: async (more) => {
        cast += more;
      },
    });
    for (const text of [JSON.stringify(linesOf(hidden())), JSON.stringify(eventsOf(hidden())), cast])
      for (const word of [...secrets, Buffer.from('hunter2').toString('base64')]) expect(text).not.toContain(word);
  });

  test('the same thing is the same word everywhere, and nothing else is another', () => {
    const [, , ...told] = withTrace((trace) => linesOf(redactedTrace(trace)));
    expect(told).toHaveLength(facts.length);
    const words = new Map<string, string>();
    for (const [i, fact] of facts.entries()) {
      const other = told[i] as Record<string, unknown>;
      expect(Object.keys(other).sort()).toEqual(Object.keys(fact).sort());
      expect(other.at).toBe(fact.at);
      if (fact.kind === 'sampled') expect(other.sample).toEqual(fact.sample);
      if (!('node' in fact) || fact.node === null) continue;
      expect(other.node).toBe(words.get(fact.node) ?? other.node);
      words.set(fact.node, other.node as string);
    }
    expect(new Set(words.values()).size).toBe(words.size);
    expect(words.size).toBe(4);
  });
});
