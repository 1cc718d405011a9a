/** Runs tasks that this node has handlers for. */
import { oneLine } from '../../model/errors.ts';
import { taskId } from '../../model/job.ts';
import type { Clock } from '../clock.ts';
import { taskEnvironment } from '../environment.ts';
import { inputOf } from './built-in.ts';
import type { HandlerPool } from './handler-pool.ts';
import { type Runner, runEnd } from './runner.ts';

/** `node`: this node's name. */
export function handlerRunner(pool: HandlerPool, node: string, clock: Clock): Runner {
  return {
    start(task, events) {
      let began = false;
      let over = false;
      let deadline = Number.POSITIVE_INFINITY;
      let cancelKill: (() => void) | null = null;
      let input: unknown;
      try {
        input = inputOf(task);
      } catch (error) {
        events.ended(runEnd({ outcome: 'failed', error: oneLine(error), started: false }));
        return { stop: () => false, resume() {}, hold() {}, release() {} };
      }
      const request = {
        name: task.spec.work.task,
        input,
        attempt: task.attempt,
        task: taskId(task.job, task.index),
        index: task.index,
        node,
        env: taskEnvironment(task, node),
      };
      const call = pool.call(request, {
        began() {
          began = true;
          events.started(null);
        },
        output: events.output,
        progress: events.progress,
        ended({ error, ...end }) {
          over = true;
          cancelKill?.();
          events.ended(runEnd({ ...end, outcome: error === null ? 'succeeded' : 'failed', error, started: began }));
        },
      });
      return {
        stop(graceMs) {
          if (over) return false;
          call.hold(false);
          call.abort('the task is to end');
          const at = clock.now() + (began ? graceMs : 0);
          if (at < deadline) {
            deadline = at;
            cancelKill?.();
            cancelKill = clock.after(at - clock.now(), () => call.kill('stopped'));
          }
          return true;
        },
        resume: call.resume,
        hold() {
          if (!over && deadline === Number.POSITIVE_INFINITY) call.hold(true);
        },
        release: () => call.hold(false),
      };
    },
    close: () => pool.close(),
  };
}
