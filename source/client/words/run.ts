/** `lbtop run` */
import { constants } from 'node:os';
import { exitCodes, LbtopError } from '../../model/errors.ts';
import type { JobRow, TaskRow } from '../../model/report.ts';
import type { Call } from '../call.ts';
import type { Client } from '../client.ts';
import { takeDirectly } from '../direct.ts';
import { OutputClosed, printJson, printLine } from '../io.ts';
import { submitJob, warn } from '../job-request.ts';
import { resultJson, resultPages } from '../pages.ts';
import { cellText } from '../plain-text.ts';
import { complaintOf } from '../progress.ts';

/** What a shell reports of a program that a signal ended. */
const signalled = 128;

/**
 * Submits, waits, copies the output through as it comes. One task: its own exit code, 128 and the signal's number where
 * a signal ended it. Several: 0 only if all succeeded, else 1. Ctrl-C cancels the job, a second one leaves at once.
 */
export async function run(call: Call): Promise<number> {
  const { io } = call;
  const client = await call.client();
  let job: number | null = null;
  let stopped: 'SIGINT' | 'SIGTERM' | null = null;
  const cancel = (): void => {
    if (job !== null) client.request('cancel', { job, index: null }).catch(() => {}); // it may have ended by itself
  };
  const release = io.onInterrupt((signal) => {
    if (stopped !== null) return io.exit(signalled + constants.signals[signal]);
    stopped = signal;
    cancel();
    // Nothing more can be done for somebody whose stderr is gone.
    printLine(
      io.stderr,
      job === null
        ? 'lbtop: will cancel (again: leave at once)'
        : `lbtop: cancelling job ${job} (again: leave at once)`,
    ).catch(() => {});
  });
  try {
    const submitted = await submitJob(call);
    job = submitted.job;
    await warn(call, submitted);
    if (stopped !== null) cancel();
    const exitCode = await follow(call, client, job);
    return stopped === null ? exitCode : signalled + constants.signals[stopped];
  } catch (error) {
    if (error instanceof OutputClosed && job !== null) {
      await client.request('cancel', { job, index: null }).catch(() => {}); // as a pipe would have ended the command
      return signalled + constants.signals.SIGPIPE;
    }
    if (error instanceof LbtopError && error.code === 'unreachable' && job !== null)
      throw new LbtopError('unreachable', `${error.message}; job ${job} goes on, and lbtop wait ${job} waits for it`);
    throw error;
  } finally {
    release();
  }
}

async function follow(call: Call, client: Client, job: number): Promise<number> {
  const { flags, io } = call;
  const ended: { row: JobRow | null } = { row: null };
  const over = new AbortController(); // what fails here ends the other stream too
  const watch = <T>(stream: Promise<T>): Promise<T> =>
    stream.catch((error: unknown) => {
      over.abort();
      throw error;
    });
  const write = (stream: number, data: Uint8Array): Promise<void> => (stream === 1 ? io.stdout : io.stderr).write(data);
  const output = flags.direct
    ? takeDirectly(client, job, {
        write: flags.json ? async () => {} : write,
        signal: over.signal,
      })
    : flags.json
      ? Promise.resolve()
      : client.stream(
          'logs',
          { job, index: null, follow: true, tail: null, from: null },
          ({ stream, data }) => write(stream, data),
          over.signal,
        );
  await Promise.all([
    watch(output),
    watch(
      client.stream(
        'wait',
        { jobs: [job] },
        ([row]) => {
          if (row !== undefined) ended.row = row;
        },
        over.signal,
      ),
    ),
  ]);
  const { row } = ended;
  if (row === null)
    throw new LbtopError('failed', `the coordinator did not say how job ${job} ended: lbtop tasks ${job} may`);
  if (flags.json || flags.task !== undefined) await printResults(call, client, job);
  if (row.tasks !== 1) {
    const complaint = complaintOf(row);
    if (complaint !== null) await printLine(io.stderr, `lbtop: ${complaint}`);
    return complaint === null ? exitCodes.done : exitCodes.failed;
  }
  const [task] = await client.request('tasks', { job, from: 0, count: 1 });
  if (task === undefined) throw new LbtopError('failed', `job ${job} has no task any more`);
  // What its exit code says already is not said again: stderr is the command's.
  if (task.state !== 'succeeded' && task.error !== null && task.error !== `exited with code ${task.exitCode}`)
    await printLine(io.stderr, `lbtop: task ${task.task} ${task.state}: ${cellText(task.error)}`);
  return exitCodeOf(task);
}

/** Built-in tasks and handlers return values instead of writing. */
async function printResults({ flags, io }: Call, client: Client, job: number): Promise<void> {
  for await (const page of resultPages(client, job)) {
    for (const row of page) {
      if (flags.json) await printJson(io.stdout, resultJson(row));
      else if (row.result !== null) await printJson(io.stdout, row.result);
    }
  }
}

/** The exit code that a shell would see of this task. */
export function exitCodeOf({ state, exitCode, error }: TaskRow): number {
  if (state === 'succeeded') return exitCodes.done;
  if (exitCode !== null) return exitCode & 0xff || exitCodes.failed;
  const name = /\bSIG[A-Z0-9]+\b/.exec(error ?? '')?.[0];
  const signal = name === undefined ? undefined : (constants.signals as Record<string, number | undefined>)[name];
  return signal === undefined ? exitCodes.failed : signalled + signal;
}
