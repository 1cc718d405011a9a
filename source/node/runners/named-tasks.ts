/** Tasks by name: the built-in ones, and those that this node has handlers for. */
import { isBuiltIn } from '../../model/job.ts';
import type { Runner } from './runner.ts';

/** `handlers` null: this node has none. */
export function namedTaskRunner(
  builtIn: Runner,
  handlers: { names: readonly string[]; runner: Runner } | null,
): Runner {
  return {
    start(task, events) {
      const name = task.spec.work.task;
      const own = isBuiltIn(name) || !handlers?.names.includes(name) ? null : handlers.runner;
      return (own ?? builtIn).start(task, events);
    },
    close() {
      builtIn.close();
      handlers?.runner.close();
    },
  };
}
