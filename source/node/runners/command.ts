/** Runs commands: what a process needs around it, whoever starts it. */
import type { Clock } from '../clock.ts';
import type { HeldTask } from '../held-task.ts';
import { NotAllowed } from '../house-rules.ts';
import type { TaskGroup } from '../task-groups.ts';
import { type RunEnd, type RunEvents, type Runner, type Running, runEnd, type StreamNumber } from './runner.ts';
import type { Launch, ProcessExit, Starter } from './starter.ts';

/** What was seen of a group's processes while they ran. */
export interface GroupUsage {
  /** `control`: what holds the group and all its descendants; null: nothing does. */
  watch(group: number, control: TaskGroup | null): void;
  /** Looks at its memory now. */
  look(group: number): void;
  unwatch(group: number): { cpuMs: number; peakBytes: number };
}

export interface CommandOptions {
  /** Says what to execute for a task, and takes it back when the task is over. Throws NotAllowed. */
  launch(task: HeldTask): { launch: Launch; over(): void };
  starterFor(launch: Launch): Starter;
  usage: GroupUsage;
  /** Ends what a task left behind outside of its group. */
  sweep(task: HeldTask): void;
  /** True where the system has killed a process for want of memory since this was last asked. */
  outOfMemory(): boolean;
  clock: Clock;
  unkillableAfterMs: number;
  /** How long the streams may stay open after the main process ended. */
  drainMs: number;
}

/** When a task's memory is looked at: so long after its start, then after three times as long, and so on. */
const firstLookMs = 10;
const lastLookMs = 1_000;
/** What a shell says of what is there and cannot be executed. */
const notExecutable = 126;

export function commandRunner(options: CommandOptions): Runner {
  return { start: (task, events) => startCommand(options, task, events), close: () => {} };
}

function startCommand(options: CommandOptions, task: HeldTask, events: RunEvents): Running {
  const { clock } = options;
  const timers = new Set<() => void>();
  let group: number | null = null;
  let exit: ProcessExit | null = null;
  let silent = false;
  let over = false;
  let killAt: number | null = null;
  let cancelKill: (() => void) | null = null;
  const blocked = new Set<StreamNumber>();

  let prepared: ReturnType<CommandOptions['launch']>;
  try {
    prepared = options.launch(task);
  } catch (error) {
    const end: Parameters<typeof runEnd>[0] =
      error instanceof NotAllowed
        ? { outcome: 'failed', exitCode: notExecutable, error: error.message }
        : { outcome: 'unfit', error: String(error) };
    process.nextTick(() => events.ended(runEnd({ ...end, started: false })));
    return { stop: () => false, resume() {}, hold() {}, release() {} };
  }

  const handle = options.starterFor(prepared.launch).start(prepared.launch, {
    started(id, control) {
      group = id;
      options.usage.watch(id, control);
      look(id, firstLookMs);
      events.started(id);
    },
    output(stream, chunk) {
      if (over) return true;
      const more = events.output(stream, chunk);
      if (!more) blocked.add(stream);
      return more;
    },
    silent() {
      silent = true;
      if (exit !== null) finish();
    },
    exited(how) {
      exit = how;
      if (silent) finish();
      else waitForSilence();
    },
    refused({ unfit, exitCode, error }) {
      if (group !== null) options.usage.unwatch(group);
      end(runEnd({ outcome: unfit ? 'unfit' : 'failed', exitCode, error, started: false }));
    },
  });

  /** Short tasks are looked at soon, long ones by every heartbeat. */
  function look(id: number, afterMs: number): void {
    later(afterMs, () => {
      if (over || exit !== null) return;
      options.usage.look(id);
      if (afterMs * 3 < lastLookMs) look(id, afterMs * 3);
    });
  }

  function later(ms: number, then: () => void): () => void {
    const cancel = clock.after(ms, () => {
      timers.delete(cancel);
      then();
    });
    timers.add(cancel);
    return () => {
      timers.delete(cancel);
      cancel();
    };
  }

  /**
   * What the main process wrote is in the pipes; others that hold them open get a moment. Time in which we ourselves do
   * not read is not theirs, unless it is to end anyway.
   */
  function waitForSilence(): void {
    later(options.drainMs, () => {
      if (over) return;
      if (blocked.size > 0 && killAt === null) waitForSilence();
      else finish();
    });
  }

  function finish(): void {
    if (over || exit === null) return;
    handle.abandon();
    if (killAt !== null) options.sweep(task);
    const seen = group === null ? { cpuMs: 0, peakBytes: 0 } : options.usage.unwatch(group);
    end(exitEnd(exit, Math.max(exit.cpuMs ?? 0, seen.cpuMs), seen.peakBytes, options.outOfMemory));
  }

  function end(how: RunEnd): void {
    if (over) return;
    over = true;
    for (const cancel of timers) cancel();
    timers.clear();
    prepared.over();
    events.ended(how);
  }

  function force(): void {
    if (over) return;
    handle.signal('SIGKILL');
    options.sweep(task);
    later(options.unkillableAfterMs, () => {
      if (over || exit !== null) return;
      if (group !== null) options.usage.unwatch(group);
      handle.abandon();
      end(
        runEnd({ outcome: 'failed', error: 'unkillable: SIGKILL was sent and it is still there', signal: 'SIGKILL' }),
      );
    });
  }

  return {
    stop(graceMs) {
      if (over) return false;
      if (exit !== null && killAt === null) {
        // Only what it wrote is still on its way, or those who hold its streams open are there.
        finish();
        return false;
      }
      const at = clock.now() + graceMs;
      if (killAt === null) {
        handle.signal('SIGTERM');
        handle.signal('SIGCONT'); // it may be held, and would not see the other
      } else if (at >= killAt) return true;
      killAt = at;
      cancelKill?.();
      if (graceMs <= 0) force();
      else cancelKill = later(graceMs, force);
      return true;
    },
    resume(stream) {
      blocked.delete(stream);
      handle.resume(stream);
    },
    hold() {
      if (!over && killAt === null && exit === null) handle.signal('SIGSTOP');
    },
    release() {
      if (!over && killAt === null && exit === null) handle.signal('SIGCONT');
    },
  };
}

function exitEnd(exit: ProcessExit, cpuMs: number, peakBytes: number, outOfMemory: () => boolean): RunEnd {
  const { exitCode, signal } = exit;
  const base = { exitCode, signal, cpuMs, peakBytes };
  if (exitCode === 0) return runEnd({ ...base, outcome: 'succeeded' });
  if (signal === null) return runEnd({ ...base, outcome: 'failed', error: `exited with code ${exitCode}` });
  const why = signal === 'SIGKILL' && outOfMemory() ? ': the machine ran out of memory' : '';
  return runEnd({ ...base, outcome: 'failed', error: `killed by ${signal}${why}` });
}
