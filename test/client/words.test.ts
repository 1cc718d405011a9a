import { describe, expect, test, vi } from 'vitest';
import { LbtopError } from '../../source/model/errors.ts';
import { type Answers, fakeCoordinator } from './fake-coordinator.ts';
import { fakeIo, lbtop } from './fake-io.ts';
import { jobRow, nodeRow, resultRow, status, taskRow } from './rows.ts';

const noSuchJob = (): never => {
  throw new LbtopError('usage', 'there is no job 9: lbtop jobs lists them');
};

/** Runs words on these answers; resolves with what was asked too. */
async function run(typed: string | readonly string[], answers: Answers, io = fakeIo()) {
  const coordinator = fakeCoordinator(answers);
  const ran = await lbtop(typeof typed === 'string' ? typed.split(' ') : typed, coordinator, io);
  return { ...ran, asked: coordinator.asked, coordinator };
}

/** Why a task waits. */
const waits = {
  task: '7.12',
  state: 'queued' as const,
  node: null,
  attempt: 0,
  at: 1_800_000_000_000,
  policy: 'least-load' as const,
  candidates: [
    { node: 'ash', score: 0.12345, chosen: false, excluded: null },
    { node: 'birch', score: null, chosen: false, excluded: 'drained' },
  ],
  waiting: { drained: 3, 'above 80 %': 5 },
};

function paged<T>(rows: readonly T[], keyOf?: (row: T) => number) {
  return ({ from, count }: { from: number; count: number }): T[] =>
    keyOf === undefined ? rows.slice(from, from + count) : rows.filter((row) => keyOf(row) >= from).slice(0, count);
}

describe('status', () => {
  test('--json is what the coordinator says, field for field', async () => {
    const { code, out, asked } = await run('status --json', { status: () => status });
    expect(code).toBe(0);
    expect(JSON.parse(out)).toEqual(status);
    expect(Object.keys(JSON.parse(out))).toEqual([
      'version',
      'uptimeMs',
      'policy',
      'queue',
      'queuePaused',
      'nodes',
      'slots',
      'tasks',
      'reexecuted',
      'lateResults',
      'throughput',
      'latencyMs',
      'journalBytes',
      'rssBytes',
    ]);
    expect(asked).toEqual([{ verb: 'status', args: {} }]);
  });

  test('as text', async () => {
    const { out } = await run('status', { status: () => status });
    expect(out).toBe(
      [
        'coordinator  127.0.0.1:7077 · lbtop 0.1.0 · up 1m01s',
        'policy       least-load · queue fifo',
        'nodes        3 up · 0 suspect · 1 lost · 0 paused · 0 draining · 0 drained',
        'slots        4 of 12 busy',
        'tasks        5 queued · 1 assigned · 4 running · 90 succeeded · 1 failed · 0 cancelled · 0 skipped · 0 lost',
        'again        2 executed more than once · 1 late results',
        'throughput   12.5/s over 1 s · 11.0/s over 10 s · 10.0/s over 60 s',
        'waiting      half within 3.0ms · 99 % within 20ms',
        'running      half within 100ms · 99 % within -',
        'uses         journal 2.0 KiB · memory 80.0 MiB',
        '',
      ].join('\n'),
    );
  });
});

describe('tables', () => {
  test('nodes', async () => {
    const rows = [
      nodeRow(),
      nodeRow({
        name: 'birch-long',
        health: 'lost',
        intent: 'draining',
        drained: true,
        reason: 'old',
        cpu: null,
        cpuOurs: null,
        load1: null,
        memoryUsed: null,
        lastHeartbeatMs: null,
        labels: {},
      }),
    ];
    const { code, out } = await run('nodes', { nodes: () => rows });
    expect(code).toBe(0);
    expect(out.split('\n')).toEqual([
      'NODE        HEALTH  INTENT   CPU  OURS  CORES              MEMORY  LOAD  RUNNING  ASSIGNED  SUCCEEDED  FAILED  THROTTLE  HEARD  LABELS  REASON',
      'ash         up      active   42%   30%      8  1.0 GiB / 16.0 GiB  1.50      3/8         1         12       0         1  400ms  zone=a',
      'birch-long  lost    drained    -     -      8        - / 16.0 GiB     -      3/8         1         12       0         1      -          old',
      '',
    ]);
    expect(Object.keys(JSON.parse((await run('nodes --json', { nodes: () => rows })).out)[0])).toEqual([
      'name',
      'health',
      'intent',
      'drained',
      'reason',
      'overloaded',
      'cpu',
      'cpuOurs',
      'cores',
      'cpuModel',
      'memoryUsed',
      'memoryTotal',
      'load1',
      'slots',
      'assigned',
      'running',
      'succeeded',
      'failed',
      'throttle',
      'labels',
      'lastHeartbeatMs',
      'address',
      'direct',
      'version',
    ]);
  });

  test('jobs come page by page, purged ones left out', async () => {
    const rows = Array.from({ length: 2_500 }, (_, i) => jobRow({ job: 1 + 2 * i }));
    const { out, asked } = await run('jobs --json', { jobs: paged(rows, ({ job }) => job) });
    expect(JSON.parse(out)).toEqual(rows);
    expect(asked.map(({ args }) => (args as { from: number }).from)).toEqual([0, 2_000, 4_000, 5_000]);
    expect(Object.keys(JSON.parse(out)[0])).toEqual([
      'job',
      'name',
      'state',
      'tasks',
      'queued',
      'assigned',
      'running',
      'succeeded',
      'failed',
      'cancelled',
      'skipped',
      'lost',
      'submittedAt',
      'endedAt',
      'etaMs',
    ]);
  });

  test('no rows are an empty table', async () => {
    expect((await run('jobs --json', { jobs: () => [] })).out).toBe('[]\n');
    expect((await run('nodes', { nodes: () => [] })).out).toMatch(/^NODE {2}HEALTH.*\n$/);
  });

  test('tasks', async () => {
    const rows = [
      taskRow(),
      taskRow({ index: 1, state: 'failed', exitCode: 3, error: 'exited with code 3' }),
      taskRow({ index: 2, state: 'queued', node: null, startedAt: null, endedAt: null, exitCode: null, attempt: 0 }),
    ];
    const { out, asked } = await run('tasks 7', { tasks: paged(rows) });
    const lines = out.split('\n');
    expect(lines[0]).toMatch(/^TASK {2}STATE +NODE {2}ATTEMPT {2}EXIT {2}QUEUED +STARTED +TOOK +CPU +MEMORY {2}ERROR$/);
    expect(lines[2]).toMatch(/^7\.1 {3}failed .* {2}exited with code 3$/);
    expect(lines[3]).toMatch(/^7\.2 {3}queued +- /);
    expect(asked[0]?.args).toEqual({ job: 7, from: 0, count: 1_000 });
    expect(Object.keys(JSON.parse((await run('tasks 7 --json', { tasks: paged(rows) })).out)[0])).toEqual([
      'task',
      'index',
      'state',
      'node',
      'attempt',
      'exitCode',
      'queuedAt',
      'startedAt',
      'endedAt',
      'error',
      'runMs',
      'cpuMs',
      'peakBytes',
      'progress',
      'note',
    ]);
  });

  test('colour only where it is wanted', async () => {
    const plain = await run('nodes', { nodes: () => [nodeRow()] });
    expect(plain.out).not.toContain('\x1b');
    const io = fakeIo({ stdout: { terminal: true, colour: true, columns: 200 } });
    expect((await run('nodes', { nodes: () => [nodeRow()] }, io)).out).toContain('\x1b[32mup\x1b[0m');
  });

  test('foreign text cannot reach the terminal', async () => {
    const rows = [jobRow({ name: 'a\x1b]52;c;AAAA\x07\x1b[2Jb\u202e\u009b31m\nc' })];
    const io = fakeIo({ stdout: { terminal: true, columns: 300 } });
    const { out } = await run('jobs', { jobs: paged(rows, ({ job }) => job) }, io);
    expect(out).toContain('  ab c\n');
    expect(out).toMatch(/^[\x20-\x7e\n]*$/);
    const json = (await run('jobs --json', { jobs: paged(rows, ({ job }) => job) })).out;
    expect(json).toMatch(/^[\x20-\x7e\n]*$/);
    expect(JSON.parse(json)).toEqual(rows);
  });

  test('the last column ends where the terminal does', async () => {
    const io = fakeIo({ stdout: { terminal: true, columns: 170 } });
    const { out } = await run('nodes', { nodes: () => [nodeRow({ reason: 'x'.repeat(300) })] }, io);
    for (const line of out.split('\n')) expect(line.length).toBeLessThanOrEqual(170);
    expect(out).toContain('x…\n');
  });
});

describe('results', () => {
  test('a line of JSON a task; truncated only where something was', async () => {
    const rows = [
      resultRow(),
      resultRow({ index: 1, truncated: true, stdout: 'x' }),
      resultRow({ index: 2, result: { a: [1] }, stdout: null, stderr: null }),
    ];
    const { out } = await run('results 7', { results: paged(rows) });
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    const { truncated: _, ...first } = resultRow();
    expect(lines[0]).toEqual(first);
    expect(Object.keys(lines[0])).toEqual([
      'task',
      'index',
      'state',
      'exitCode',
      'node',
      'attempt',
      'result',
      'stdout',
      'stderr',
      'error',
      'runMs',
      'cpuMs',
      'peakBytes',
    ]);
    expect(lines[1].truncated).toBe(true);
    expect(lines[2].result).toEqual({ a: [1] });
  });

  test('pages may be shorter than asked', async () => {
    const rows = Array.from({ length: 25 }, (_, index) => resultRow({ index }));
    const { out, asked } = await run('results 7', { results: ({ from }) => rows.slice(from, from + 10) });
    expect(out.trimEnd().split('\n')).toHaveLength(25);
    expect(asked.map(({ args }) => (args as { from: number }).from)).toEqual([0, 10, 20, 25]);
  });
});

describe('wait', () => {
  const waited = (...rows: ReturnType<typeof jobRow>[]): Answers => ({
    wait: () => [rows.map((row) => ({ ...row, state: 'running' as const, endedAt: null })), rows],
  });

  test('0 only if every task succeeded', async () => {
    expect(await run('wait 7', waited(jobRow()))).toMatchObject({ code: 0, out: '', err: '' });
    const { code, err, asked } = await run(
      'wait 7 8 7',
      waited(jobRow(), jobRow({ job: 8, state: 'failed', tasks: 1_000, succeeded: 996, failed: 3, lost: 1 })),
    );
    expect(code).toBe(1);
    expect(err).toBe('lbtop: job 8: 4 of 1 000 tasks did not succeed (3 failed, 1 lost): lbtop tasks 8 shows them\n');
    expect(asked[0]?.args).toEqual({ jobs: [7, 8] });
  });

  test('--json gives the rows', async () => {
    expect(JSON.parse((await run('wait 7 --json', waited(jobRow()))).out)).toEqual([jobRow()]);
  });

  test('a line of progress on a terminal, taken away at the end', async () => {
    const io = fakeIo({ stderr: { terminal: true, columns: 100 } });
    const { err } = await run(
      'wait 7',
      waited(jobRow({ tasks: 1_000, succeeded: 512, failed: 3, running: 8, etaMs: 12_000 })),
      io,
    );
    expect(err).toContain('job 7 [████████████░░░░░░░░░░░░] 515/1 000 51% · 8 running · 3 failed · ETA 12s');
    expect(err.indexOf('\r\x1b[K')).toBeGreaterThan(0);
  });

  test('while nothing of it is on its way a terminal is told why', async () => {
    const row = jobRow({ tasks: 9, succeeded: 2, queued: 7, running: 0, state: 'running', endedAt: null });
    const io = fakeIo({ stderr: { terminal: true, columns: 100 } });
    const { asked } = await run(
      'wait 7',
      {
        async *wait() {
          yield [row];
          await vi.waitUntil(() => io.stderr.text().includes('waits'));
          yield [jobRow({ tasks: 9, succeeded: 9 })];
        },
        tasks: () => [taskRow({ index: 12, state: 'queued' })],
        explain: () => waits,
      },
      io,
    );
    expect(asked.map(({ verb, args }) => [verb, args])).toEqual([
      ['wait', { jobs: [7] }],
      ['tasks', { job: 7, from: 2, count: 1 }],
      ['explain', { job: 7, index: 12 }],
    ]);
    expect(io.stderr.text()).toContain('2/9 22% · 0 running · waits: 3 drained, 5 above 80 %');
    expect(io.stderr.text()).toMatch(/\r\x1b\[K$/);
  });

  test('unknown jobs', async () => {
    expect(await run('wait 9', { wait: noSuchJob })).toMatchObject({
      code: 2,
      err: 'lbtop: there is no job 9: lbtop jobs lists them\n',
    });
  });
});

describe('logs', () => {
  const piece = (index: number, stream: number, data: string | Uint8Array, cut = 0) => ({
    index,
    stream,
    data: Buffer.from(data),
    cut,
    attempt: 1,
    next: 0,
  });

  test('byte for byte, each stream to its own', async () => {
    const odd = Uint8Array.of(0, 0xff, 0x1b, 0x5b, 0x32, 0x4a, 0x80);
    const { io, code } = await run('logs 7.3', {
      logs: () => [piece(3, 1, odd), piece(3, 2, 'err'), piece(3, 1, 'more')],
    });
    expect(code).toBe(0);
    expect(io.stdout.bytes()).toEqual(Buffer.concat([odd, Buffer.from('more')]));
    expect(io.stderr.text()).toBe('err');
  });

  test('asks for what was said', async () => {
    expect((await run('logs 7.3 -f', { logs: () => [] })).asked[0]?.args).toEqual({
      job: 7,
      index: 3,
      follow: true,
      tail: null,
      from: null,
    });
    expect((await run('logs 7', { logs: () => [] })).asked[0]?.args).toEqual({
      job: 7,
      index: null,
      follow: false,
      tail: null,
      from: null,
    });
  });

  test('plain text on a terminal, raw when asked', async () => {
    const answers: Answers = {
      logs: () => [
        piece(0, 1, 'a\x1b[3'),
        piece(0, 1, '1mred\r\n\x1b]0;title'),
        piece(0, 1, '\x07z\xc3'),
        piece(1, 1, '\x9b2Jnext\t\u{e0041}'),
      ],
    };
    const io = () => fakeIo({ stdout: { terminal: true } });
    expect((await run('logs 7', answers, io())).out).toBe('ared\nzÃnext\t');
    expect((await run('logs 7 --raw', answers, io())).out).toContain('\x1b[31mred');
  });

  test('what was not kept is told', async () => {
    expect((await run('logs 7', { logs: () => [piece(3, 1, 'x', 2_048)] })).err).toBe(
      'lbtop: 2.0 KiB of stdout of task 7.3 were not kept\n',
    );
  });

  test('--json: letters that come in halves are whole, and what remains half is not lost', async () => {
    const { out } = await run('logs 7 --json', {
      logs: () => [
        piece(0, 1, Uint8Array.of(0xc3)),
        piece(0, 1, Uint8Array.of(0xa9)),
        piece(0, 2, 'e'),
        piece(0, 2, Uint8Array.of(0xe2, 0x82)),
        piece(1, 2, Uint8Array.of(0xac, 0)),
      ],
    });
    expect(
      out
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([
      { task: '7.0', index: 0, stream: 'stdout', text: '', cut: 0 },
      { task: '7.0', index: 0, stream: 'stdout', text: 'é', cut: 0 },
      { task: '7.0', index: 0, stream: 'stderr', text: 'e', cut: 0 },
      { task: '7.0', index: 0, stream: 'stderr', text: '', cut: 0 },
      { task: '7.0', index: 0, stream: 'stderr', text: '\ufffd', cut: 0 },
      { task: '7.1', index: 1, stream: 'stderr', text: '\ufffd\0', cut: 0 },
    ]);
  });
});

describe('what becomes of tasks', () => {
  test('cancel', async () => {
    const answers: Answers = { cancel: () => ({ tasks: 3 }) };
    expect(await run('cancel 7', answers)).toMatchObject({
      code: 0,
      out: 'job 7: 3 tasks cancelled\n',
      asked: [{ args: { job: 7, index: null } }],
    });
    expect(await run('cancel 7.2 8 --json', answers)).toMatchObject({
      out: '{"tasks":6}\n',
      asked: [{ args: { job: 7, index: 2 } }, { args: { job: 8, index: null } }],
    });
    expect(await run('cancel 9', { cancel: noSuchJob })).toMatchObject({ code: 2 });
    expect(await run('cancel 7 x', answers)).toMatchObject({ code: 2, asked: [] });
  });

  test('retry', async () => {
    const answers: Answers = { retry: () => ({ tasks: 1 }) };
    expect(await run('retry 7 --failed', answers)).toMatchObject({
      out: 'job 7: 1 task queued again\n',
      asked: [{ args: { job: 7, index: null, onlyFailed: true } }],
    });
    expect(await run('retry 7 --json', answers)).toMatchObject({
      out: '{"tasks":1}\n',
      asked: [{ args: { onlyFailed: false } }],
    });
  });

  test('purge', async () => {
    const answers: Answers = { purge: () => ({}) };
    expect(await run('purge 7 8', answers)).toMatchObject({
      out: 'job 7 forgotten\njob 8 forgotten\n',
      asked: [{ args: { job: 7 } }, { args: { job: 8 } }],
    });
    expect((await run('purge 7 --json', answers)).out).toBe('{"jobs":[7]}\n');
  });
});

describe('operating nodes', () => {
  const echo = ({ nodes, all }: { nodes: string[]; all: boolean }) => ({ nodes: all ? ['ash', 'birch'] : nodes });
  const answers: Answers = {
    pause: echo,
    drain: echo,
    resume: echo,
    throttle: echo,
    'pause-queue': () => ({}),
    nodes: () => [nodeRow({ drained: true, intent: 'draining' })],
  };

  test.each<[string | string[], string, unknown]>([
    [['pause', 'ash', '--reason', 'new kernel'], 'ash paused\n', { nodes: ['ash'], all: false, reason: 'new kernel' }],
    ['pause ash ash birch', 'ash paused\nbirch paused\n', { nodes: ['ash', 'birch'], all: false, reason: '' }],
    ['pause --all --json', '{"nodes":["ash","birch"]}\n', { nodes: [], all: true, reason: '' }],
    ['resume ash', 'ash resumed\n', { nodes: ['ash'], all: false, reason: '' }],
    [
      'drain ash --now --deadline 10m',
      'ash drains\n',
      { nodes: ['ash'], all: false, reason: '', now: true, deadlineMs: 600_000 },
    ],
    [
      'throttle ash birch 0.7',
      'ash may run 70% of the time\nbirch may run 70% of the time\n',
      { nodes: ['ash', 'birch'], all: false, share: 0.7 },
    ],
    [
      'throttle --all 1',
      'ash may run 100% of the time\nbirch may run 100% of the time\n',
      { nodes: [], all: true, share: 1 },
    ],
    ['pause --queue', 'queue paused: nothing new starts\n', { paused: true, reason: '' }],
    ['resume --queue --json', '{"queuePaused":false}\n', { paused: false, reason: '' }],
  ])('%s', async (typed, out, args) => {
    const ran = await run(typed, answers);
    expect(ran).toMatchObject({ code: 0, out });
    expect(ran.asked[0]?.args).toEqual(args);
  });

  test.each([
    ['pause', 'pause needs a node'],
    ['pause ash --all', 'pause: name nodes or give --all, not both'],
    ['pause ash --queue', 'name nodes or give --queue, not both'],
    ['drain', 'drain needs a node'],
    ['throttle ash', 'throttle ends with a share of time'],
    ['throttle ash 2', 'throttle ends with a share of time'],
    ['throttle 0.5', 'throttle needs a node'],
    ['resume a/b', '"a/b" is no name of a node'],
  ])('%s is wrong usage', async (typed, says) => {
    const { code, err, asked } = await run(typed, answers);
    expect(code).toBe(2);
    expect(err).toContain(says);
    expect(asked).toEqual([]);
  });

  test('drain --wait returns when nothing runs there', async () => {
    let polls = 0;
    const busy: Answers = { ...answers, nodes: () => [nodeRow({ intent: 'draining', drained: ++polls > 1 })] };
    expect(await run('drain ash --wait', busy)).toMatchObject({ code: 0, out: 'ash drained\n', err: 'ash drains\n' });
    expect(polls).toBe(2);
    const taken: Answers = { ...answers, nodes: () => [nodeRow({ intent: 'active' })] };
    expect(await run('drain ash --wait', taken)).toMatchObject({
      code: 1,
      err: expect.stringContaining('ash is active again'),
    });
  });

  test('drain --preview changes nothing', async () => {
    const task = { task: '7.1', running: true, ranMs: 61_000, leftMs: 120_000, stuck: false };
    const told = {
      nodes: [
        {
          node: 'ash',
          running: 2,
          assigned: 1,
          stuck: 1,
          leftMs: null,
          tasks: [task, { task: '8.0', running: true, ranMs: 4_000, leftMs: null, stuck: true }],
        },
        { node: 'birch', running: 0, assigned: 0, stuck: 0, leftMs: 0, tasks: [] },
      ],
      stuckJobs: [9],
      remaining: { nodes: 1, slots: 8 },
    };
    const answers: Answers = { 'drain-preview': () => told };
    const ran = await run('drain ash birch --preview --json', answers);
    expect(JSON.parse(ran.out)).toEqual(told);
    expect(ran.asked).toEqual([{ verb: 'drain-preview', args: { nodes: ['ash', 'birch'], all: false } }]);
    expect((await run('drain --all --preview', answers)).out).toBe(
      [
        'ash: 2 running tasks would go on to the end, for how long is not known; 1 task would return to the queue; 1 of them could run nowhere else',
        '  7.1 runs since 1m01s, about 2m00s left',
        '  8.0 runs since 4.0s, how long it takes is not known, could run nowhere else',
        'birch: 0 running tasks would go on to the end; 0 tasks would return to the queue',
        '1 node with 8 slots would remain',
        'none of them has what job 9 needs: what waits of it would go on waiting',
        '',
      ].join('\n'),
    );
    expect((await run('drain ash --now --preview', answers)).out).toMatch(
      /^ash: 2 running tasks would be stopped and queued again; 1 task/,
    );
  });
});

describe('policy, pick, explain, events', () => {
  test('policy shows and switches', async () => {
    const answers: Answers = {
      policy: ({ policy, queue }) => ({ policy: policy ?? 'least-load', queue: queue ?? 'fifo' }),
    };
    expect(await run('policy', answers)).toMatchObject({
      code: 0,
      out: 'least-load, queue fifo\n',
      asked: [{ args: { policy: null, queue: null } }],
    });
    expect(await run('policy random --queue easy', answers)).toMatchObject({ out: 'now random, queue easy\n' });
    expect((await run('policy --json', answers)).out).toBe('{"policy":"least-load","queue":"fifo"}\n');
    expect((await run('policy', answers, fakeIo({ env: { LBTOP_QUEUE: 'easy' } }))).asked[0]?.args).toEqual({
      policy: null,
      queue: null,
    });
    expect(await run('policy rendom', answers)).toMatchObject({
      code: 2,
      err: expect.stringContaining('no policy "rendom": did you mean random?'),
    });
  });

  test('pick', async () => {
    const picked = { node: 'ash', address: null, policy: 'least-load', score: 0.25 } as const;
    expect(await run('pick --json', { pick: () => picked })).toMatchObject({
      code: 0,
      out: '{"node":"ash","address":null,"policy":"least-load","score":0.25}\n',
    });
    expect((await run('pick', { pick: () => ({ ...picked, address: '10.0.0.1:9' }) })).out).toBe('ash 10.0.0.1:9\n');
    const none = { ...picked, node: null, score: null };
    expect(await run('pick', { pick: () => none })).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('no node may take a task'),
    });
    expect(await run('pick --json', { pick: () => none })).toMatchObject({
      code: 1,
      out: '{"node":null,"address":null,"policy":"least-load","score":null}\n',
    });
  });

  test('explain', async () => {
    const { out, asked } = await run('explain 7.12', { explain: () => waits });
    expect(out).toContain('task 7.12: queued, attempt 0, by least-load at ');
    expect(out).toContain('waits: 3 drained, 5 above 80 %\n');
    expect(out).toContain('ash    0.123');
    expect(asked[0]?.args).toEqual({ job: 7, index: 12 });
    expect(JSON.parse((await run('explain 7.12 --json', { explain: () => waits })).out)).toEqual(waits);
    expect(await run('explain 7', {})).toMatchObject({ code: 2, err: expect.stringContaining('"7" is not a task') });
  });

  test('events', async () => {
    const event = { at: 1_800_000_000_000, level: 'warn' as const, subject: 'ash', text: 'lost\x1b[2J' };
    const { out, asked } = await run('events', { events: () => [event] });
    expect(out).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.000 {2}warn {3}ash: lost\n$/);
    expect(asked[0]?.args).toEqual({ last: 10_000, follow: false });
    expect((await run('events -f --last 3', { events: () => [] })).asked[0]?.args).toEqual({ last: 3, follow: true });
    expect(JSON.parse((await run('events --json', { events: () => [event] })).out)).toEqual(event);
  });
});

describe('all words', () => {
  test.each(['wait', 'tasks', 'logs', 'results', 'cancel', 'retry', 'purge', 'explain', 'throttle'])(
    '%s alone says how it is used',
    async (word) => {
      const { code, err } = await run(word, {});
      expect(code).toBe(2);
      expect(err).toMatch(new RegExp(`^lbtop: ${word} needs more: lbtop ${word} .*\n$`));
    },
  );

  test.each(['status x', 'jobs 7', 'tasks 7 8', 'policy a b', 'pick x'])('%s is too much', async (typed) => {
    expect(await run(typed, {})).toMatchObject({ code: 2, err: expect.stringContaining('too much after') });
  });

  test.each(['tasks x', 'wait 0', 'logs 7.', 'logs 7.x', 'results 7.1', 'cancel -- -1', 'explain 7.1.1'])(
    '%s is no job or task',
    async (typed) => {
      expect(await run(typed, {})).toMatchObject({
        code: 2,
        err: expect.stringMatching(/^lbtop: ".*" is not a (job|task|job or task): expected .*\n$/),
      });
    },
  );

  test('what is not allowed is exit code 4', async () => {
    expect(await run('pause ash', {})).toMatchObject({ code: 4, err: 'lbtop: pause is not allowed here\n' });
  });

  test('no coordinator is exit code 3', async () => {
    const coordinator = fakeCoordinator({});
    const ran = await lbtop(['status'], {
      ...coordinator,
      dial: () => Promise.reject(new LbtopError('unreachable', 'no coordinator at h:1: start one')),
    });
    expect(ran).toMatchObject({ code: 3, err: 'lbtop: no coordinator at h:1: start one\n' });
  });

  test.each(['status', 'nodes', 'jobs', 'jobs --json', 'results 7', 'events'])(
    '%s into a closed pipe ends quietly',
    async (typed) => {
      const answers: Answers = {
        status: () => status,
        nodes: () => [nodeRow()],
        jobs: paged([jobRow()], ({ job }) => job),
        results: paged([resultRow()]),
        events: () => [{ at: 1, level: 'info', subject: 'a', text: 'b' }],
      };
      expect(await run(typed, answers, fakeIo({ stdout: { closesAfter: 0 } }))).toMatchObject({ code: 0, err: '' });
    },
  );
});
