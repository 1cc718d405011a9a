/** One attempt while it runs: begun by the runner of its kind, asked to end where it has to, brought to its outcome. */
import type { HeldAttempt } from './attempt.ts';
import { type Clock, durationText } from './clock.ts';
import type { HeldTask } from './held-task.ts';
import type { OutputStream } from './output.ts';
import type { OutputPump } from './output-pump.ts';
import type { Reports } from './reports.ts';
import type { RunEnd, RunEvents, Runner, StreamNumber } from './runners/runner.ts';

/** What carries out tasks, and how they are ended. */
export interface AttemptRunOptions {
  command: Runner;
  /** Tasks by name, built-in or a handler's. */
  named: Runner;
  reports: Reports;
  pump: OutputPump;
  clock: Clock;
  /** Between asking a task to end and forcing it. */
  graceMs: number;
}

export interface AttemptRunEvents {
  /** All that it wrote has been said. */
  said(held: HeldAttempt): void;
  /** Once: its run has ended so. */
  ended(held: HeldAttempt, task: HeldTask, end: RunEnd): void;
}

export interface AttemptRuns {
  /** Begins a task; its end may come before this returns. */
  begin(held: HeldAttempt, task: HeldTask): void;
  /** Asks what runs to end. The first reason counts. */
  ask(held: HeldAttempt, ending: NonNullable<HeldAttempt['ending']>, graceMs?: number): void;
}

export function attemptRuns(options: AttemptRunOptions, events: AttemptRunEvents): AttemptRuns {
  const { clock, pump, reports } = options;

  function begin(held: HeldAttempt, task: HeldTask): void {
    held.phase = 'running';
    held.startedAt = clock.now();
    const isCommand = task.spec.work.kind === 'command';
    const run = (isCommand ? options.command : options.named).start(task, eventsOf(held, task));
    if (phaseOf(held) === 'running') held.run = run;
  }

  function stream(held: HeldAttempt, number: StreamNumber) {
    return pump.stream(
      held.key,
      number,
      () => held.run?.resume(number),
      () => events.said(held),
    );
  }

  function resumeAll({ run }: HeldAttempt): void {
    run?.resume(1);
    run?.resume(2);
  }

  function eventsOf(held: HeldAttempt, task: HeldTask): RunEvents {
    return {
      started() {
        held.startedAt = clock.now();
        reports.started(held);
        const { timeoutMs } = task.spec;
        if (timeoutMs === null) return;
        const why = `timed out after ${durationText(timeoutMs)}`;
        held.cancelTimeout = clock.after(timeoutMs, () => ask(held, { as: 'timed-out', why }));
      },
      output(number, chunk) {
        if (held.phase !== 'running') return true;
        // Most tasks write nothing.
        if (held.streams.length === 0) held.streams = [stream(held, 1), stream(held, 2)];
        const to = held.streams[number - 1] as OutputStream;
        const more = to.take(chunk);
        pump.touched(to);
        const heard = held.watcher?.output(number, chunk, () => resumeAll(held)) ?? true;
        return more && heard;
      },
      progress(share, note) {
        if (held.phase === 'running') reports.progress(held.key, share, note);
      },
      ended(end) {
        if (held.phase !== 'running') return;
        held.cancelTimeout?.();
        held.phase = 'ended';
        held.run = null;
        for (const one of held.streams) {
          if (held.ending === null) one.end();
          else one.cutShort();
        }
        events.ended(held, task, end);
      },
    };
  }

  function ask(held: HeldAttempt, ending: NonNullable<HeldAttempt['ending']>, graceMs = options.graceMs): void {
    const before = held.ending;
    held.ending ??= ending;
    if (held.run?.stop(graceMs) === false && phaseOf(held) === 'running') held.ending = before;
  }

  return { begin, ask };
}

/** A call that TypeScript does not see through: callbacks may have changed it. */
function phaseOf(held: HeldAttempt): HeldAttempt['phase'] {
  return held.phase;
}
