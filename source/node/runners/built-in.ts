/** Runs the tasks that every node knows: `sleep` and `noop` here, those that compute in threads. */
import { InputError, seconds } from '../../model/built-in-input.ts';
import { oneLine } from '../../model/errors.ts';
import { isBuiltIn } from '../../model/job.ts';
import type { Clock } from '../clock.ts';
import type { HeldTask } from '../held-task.ts';
import { shortText } from '../short-text.ts';
import { type RunEnd, type RunEvents, type Runner, type Running, runEnd } from './runner.ts';
import type { WorkerPool } from './worker-pool.ts';

const ended: Running = { stop: () => false, resume() {}, hold() {}, release() {} };

/** Stopping one of these needs no grace: nothing of them has anything to clean up. */
export function builtInRunner(pool: WorkerPool, clock: Clock): Runner {
  return {
    start(task, events) {
      const name = task.spec.work.task;
      if (name === 'noop') {
        events.ended(runEnd({ outcome: 'succeeded', result: 'null' }));
        return ended;
      }
      if (!isBuiltIn(name)) {
        // Another node may have it.
        events.ended(
          runEnd({ outcome: 'unfit', error: `this node has no task named ${shortText(name)}`, started: false }),
        );
        return ended;
      }
      let input: unknown;
      try {
        input = inputOf(task);
        return name === 'sleep' ? sleep(seconds(input), events, clock) : compute(name, input, events, pool);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        events.ended(runEnd({ outcome: 'failed', error: oneLine(error), started: false }));
        return ended;
      }
    },
    close: () => pool.close(),
  };
}

/** The item, where the job has items; the index, where it is an array without an input; else the job's input. Throws InputError. */
export function inputOf(task: HeldTask): unknown {
  const { spec, item } = task;
  if (item !== null) return spec.items === 'json' ? parse(item) : item;
  const array = spec.span.count > 1 || spec.span.first !== 0;
  return spec.work.input === null && array ? task.index : spec.work.input;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InputError(`the input is not JSON: ${oneLine(error)}`);
  }
}

function sleep(duration: number, events: RunEvents, clock: Clock): Running {
  let over = false;
  const end = (how: RunEnd): void => {
    if (over) return;
    over = true;
    events.ended(how);
  };
  const cancel = clock.after(duration * 1_000, () => end(runEnd({ outcome: 'succeeded', result: 'null' })));
  events.started(null);
  return {
    ...ended,
    stop() {
      if (over) return false;
      cancel();
      end(runEnd({ outcome: 'failed', error: 'stopped' }));
      return true;
    },
  };
}

function compute(name: string, input: unknown, events: RunEvents, pool: WorkerPool): Running {
  let over = false;
  const computing = pool.compute(
    { task: name, input },
    () => {
      if (!over) events.started(null);
    },
    (how) => {
      over = true;
      if ('result' in how) events.ended(runEnd({ outcome: 'succeeded', result: how.result, cpuMs: how.cpuMs }));
      else events.ended(runEnd({ outcome: 'failed', error: how.error, cpuMs: how.cpuMs }));
    },
  );
  return {
    ...ended,
    stop() {
      if (over) return false;
      over = true;
      computing.stop();
      events.ended(runEnd({ outcome: 'failed', error: 'stopped' }));
      return true;
    },
    hold: () => computing.hold(),
    release: () => computing.release(),
  };
}
