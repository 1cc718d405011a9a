/** Moves the output of all tasks to the coordinator: small writes gathered for a moment, large ones at once, none while it does not read. */
import type { Attempt } from '../model/node.ts';
import type { Message } from '../wire/messages.ts';
import type { Clock } from './clock.ts';
import { type OutputStream, outputStream, type Rest } from './output.ts';
import type { StreamNumber } from './runners/runner.ts';

export interface OutputPump {
  /**
   * Makes the stream of a task. `finished`: all of it has been said, its end too. `rest`: the task has ended under an
   * earlier agent, and this is what it left.
   */
  stream(of: Attempt, stream: StreamNumber, resume: () => void, finished: () => void, rest?: Rest): OutputStream;
  /** There is something new in that stream. */
  touched(stream: OutputStream): void;
  /** The coordinator reads again. */
  drained(): void;
  /** Bytes said since the start; what is said again counts again. */
  readonly saidBytes: number;
}

export interface OutputPumpOptions {
  send(message: Message): void;
  /** Whether there is a coordinator now, and how many bytes it has not taken yet. */
  open(): boolean;
  backlogBytes(): number;
  clock: Clock;
  windowBytes?: number;
  quotaBytes?: number;
}

const gatherMs = 20;
const largeBytes = 64 * 1024;
/**
 * After so much output its frames are collected: V8 lets 64 MiB of memory outside of its heap gather before it looks. Only the
 * young are looked at, which takes a millisecond.
 */
const collectBytes = 8 * 1024 * 1024;
/** Far below what a peer may owe before it is closed: heartbeats and ends want to get through. */
const backlogLimitBytes = 4 * 1024 * 1024;

export function outputPump(options: OutputPumpOptions): OutputPump {
  const dirty = new Set<OutputStream>();
  let cancel: (() => void) | null = null;
  let saidBytes = 0;

  function pumpAll(): void {
    cancel?.();
    cancel = null;
    const due = [...dirty];
    dirty.clear();
    for (const one of due) one.pump();
  }

  return {
    stream({ job, ordinal, attempt }, stream, resume, finished, rest) {
      const made: OutputStream = outputStream({
        say({ offset, data, cut }) {
          if (!options.open()) return false;
          if (options.backlogBytes() > backlogLimitBytes) {
            dirty.add(made);
            return false;
          }
          options.send({ kind: 'output', job, ordinal, attempt, stream, offset, data, cut });
          if (Math.floor(saidBytes / collectBytes) < Math.floor((saidBytes + data.length) / collectBytes))
            globalThis.gc?.({ type: 'minor' });
          saidBytes += data.length;
          return true;
        },
        resume,
        finished,
        windowBytes: options.windowBytes,
        quotaBytes: options.quotaBytes,
        rest,
      });
      return made;
    },
    touched(stream) {
      if (stream.unsaid >= largeBytes) return stream.pump();
      dirty.add(stream);
      cancel ??= options.clock.after(gatherMs, pumpAll);
    },
    drained: pumpAll,
    get saidBytes() {
      return saidBytes;
    },
  };
}
