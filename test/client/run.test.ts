import { describe, expect, test } from 'vitest';
import type { JobRow, TaskRow } from '../../source/model/report.ts';
import { type Answers, fakeCoordinator } from './fake-coordinator.ts';
import { fakeIo, lbtop } from './fake-io.ts';
import { jobRow, resultRow, taskRow } from './rows.ts';

interface Play {
  job?: Partial<JobRow>;
  task?: Partial<TaskRow>;
  logs?: [stream: number, data: string | Uint8Array][];
  answers?: Answers;
}

function coordinatorOf({ job, task, logs = [], answers }: Play) {
  return fakeCoordinator({
    submit: ({ spec }) => ({ job: 7, tasks: spec.span.count, existing: false, never: null }),
    wait: () => [[jobRow({ state: 'running', endedAt: null })], [jobRow(job)]],
    logs: () =>
      logs.map(([stream, data]) => ({ index: 0, stream, data: Buffer.from(data), cut: 0, attempt: 1, next: 0 })),
    tasks: ({ from }) => (from === 0 ? [taskRow(task)] : []),
    cancel: () => ({ tasks: 1 }),
    ...answers,
  });
}

const failed = { job: { state: 'failed', succeeded: 0, failed: 1 } } as const;

describe('the exit code is that of the command', () => {
  test.each<[string, Partial<TaskRow>, number, string]>([
    ['0', {}, 0, ''],
    ['7', { state: 'failed', exitCode: 7, error: 'exited with code 7' }, 7, ''],
    [
      'a signal as the node tells it',
      { state: 'failed', exitCode: 137, error: 'killed by SIGKILL' },
      137,
      'lbtop: task 7.0 failed: killed by SIGKILL\n',
    ],
    [
      'a signal by its name',
      { state: 'failed', exitCode: null, error: 'ended by SIGTERM' },
      143,
      'lbtop: task 7.0 failed: ended by SIGTERM\n',
    ],
    [
      'no such program',
      { state: 'failed', exitCode: 127, error: 'no such program: x' },
      127,
      'lbtop: task 7.0 failed: no such program: x\n',
    ],
    ['256 is not 0', { state: 'failed', exitCode: 256, error: null }, 1, ''],
    [
      'lost',
      { state: 'lost', exitCode: null, error: 'its node was lost' },
      1,
      'lbtop: task 7.0 lost: its node was lost\n',
    ],
    ['cancelled', { state: 'cancelled', exitCode: null, error: null }, 1, ''],
    [
      'skipped',
      { state: 'skipped', exitCode: null, error: 'job 3 did not succeed' },
      1,
      'lbtop: task 7.0 skipped: job 3 did not succeed\n',
    ],
  ])('%s', async (_, task, code, err) => {
    expect(await lbtop(['run', '--', 'x'], coordinatorOf({ task }))).toMatchObject({ code, err, out: '' });
  });

  test('of several tasks 0 only if all succeeded', async () => {
    const good = coordinatorOf({ job: { tasks: 3, succeeded: 3 } });
    expect(await lbtop(['run', '--array', '1-3', '--', 'x'], good)).toMatchObject({ code: 0, err: '' });
    const bad = coordinatorOf({ job: { tasks: 3, succeeded: 2, failed: 1, state: 'failed' } });
    expect(await lbtop(['run', '--array', '1-3', '--', 'x'], bad)).toMatchObject({
      code: 1,
      err: expect.stringContaining('job 7: 1 of 3 tasks did not succeed (1 failed)'),
    });
  });
});

describe('output', () => {
  test('is copied through, byte for byte, each stream to its own, on a terminal too', async () => {
    const odd = Uint8Array.of(0, 0xff, 0x1b, 0x5b, 0x32, 0x4a);
    const io = fakeIo({ stdout: { terminal: true } });
    await lbtop(
      ['run', '--', 'x'],
      coordinatorOf({
        logs: [
          [1, odd],
          [2, 'err'],
          [1, 'end'],
        ],
      }),
      io,
    );
    expect(io.stdout.bytes()).toEqual(Buffer.concat([odd, Buffer.from('end')]));
    expect(io.stderr.text()).toBe('err');
  });

  test('of a task is its result', async () => {
    const answers: Answers = {
      results: ({ from }) => (from === 0 ? [resultRow({ result: [2, 2, 3], stdout: null, stderr: null })] : []),
    };
    expect((await lbtop(['run', '--task', 'factorize', '--input', '12'], coordinatorOf({ answers }))).out).toBe(
      '[2,2,3]\n',
    );
  });

  test('--json is a line a task, as of results', async () => {
    const answers: Answers = { results: ({ from }) => (from === 0 ? [resultRow()] : []) };
    const coordinator = coordinatorOf({ answers });
    const { out, code } = await lbtop(['run', '--json', '--', 'x'], coordinator);
    const { truncated: _, ...row } = resultRow();
    expect(JSON.parse(out)).toEqual(row);
    expect(code).toBe(0);
    expect(coordinator.asked.map(({ verb }) => verb)).not.toContain('logs');
  });

  test('that nobody reads any more ends the job', async () => {
    const coordinator = coordinatorOf({
      logs: [
        [1, 'a'],
        [1, 'b'],
        [1, 'c'],
      ],
    });
    expect(await lbtop(['run', '--', 'yes'], coordinator, fakeIo({ stdout: { closesAfter: 1 } }))).toMatchObject({
      code: 141,
      err: '',
    });
    expect(coordinator.asked.at(-1)).toEqual({ verb: 'cancel', args: { job: 7, index: null } });
  });
});

describe('Ctrl-C', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s cancels the job and waits for its end', async (signal, code) => {
    let end = (): void => {};
    const cancelled = new Promise<void>((resolve) => {
      end = resolve;
    });
    const io = fakeIo();
    const coordinator = coordinatorOf({
      ...failed,
      task: { state: 'cancelled', exitCode: null },
      answers: {
        wait: () =>
          (async function* () {
            yield [jobRow({ state: 'running' })];
            io.interrupt(signal);
            await cancelled;
            yield [jobRow({ state: 'cancelled', succeeded: 0, cancelled: 1 })];
          })(),
        cancel: () => {
          end();
          return { tasks: 1 };
        },
      },
    });
    expect(await lbtop(['run', '--', 'sleep', '9'], coordinator, io)).toMatchObject({
      code,
      err: 'lbtop: cancelling job 7 (again: leave at once)\n',
    });
    expect(io.exits).toEqual([]);
    io.interrupt(); // nobody listens any more
    expect(io.exits).toEqual([]);
  });

  test('twice leaves at once', async () => {
    const io = fakeIo();
    const coordinator = coordinatorOf({
      answers: {
        wait: () =>
          (async function* () {
            yield [jobRow({ state: 'running' })];
            io.interrupt();
            io.interrupt();
            yield [jobRow()];
          })(),
      },
    });
    await lbtop(['run', '--', 'sleep', '9'], coordinator, io);
    expect(io.exits).toEqual([130]);
  });

  test('before the job is there cancels it as soon as it is', async () => {
    const io = fakeIo();
    const coordinator = coordinatorOf({
      answers: {
        submit: () => {
          io.interrupt();
          return { job: 7, tasks: 1, existing: false, never: null };
        },
      },
    });
    expect((await lbtop(['run', '--', 'x'], coordinator, io)).code).toBe(130);
    expect(coordinator.asked.map(({ verb }) => verb)).toContain('cancel');
  });
});

test('a lost coordinator is exit code 3, and the job goes on', async () => {
  const coordinator = coordinatorOf({
    answers: {
      wait: () =>
        (async function* () {
          yield [jobRow({ state: 'running' })];
          coordinator.cut('reset');
          await new Promise(() => {});
        })(),
    },
  });
  const { code, err } = await lbtop(['run', '--', 'x'], coordinator);
  expect(code).toBe(3);
  expect(err).toContain('closed the connection: reset; job 7 goes on, and lbtop wait 7 waits for it');
});

test('output that is refused is an error, not a wait for ever', async () => {
  const coordinator = coordinatorOf({
    answers: {
      logs: undefined,
      wait: () =>
        (async function* () {
          await new Promise(() => {});
        })(),
    },
  });
  expect(await lbtop(['run', '--', 'x'], coordinator)).toMatchObject({
    code: 4,
    err: 'lbtop: logs is not allowed here\n',
  });
});
