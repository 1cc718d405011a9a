/** What a task finds in its environment: never the agent's own, which may hold secrets. */
import { taskId } from '../model/job.ts';
import { type Account, accountEnvironment } from './account.ts';
import type { HeldTask } from './held-task.ts';

const passed = new Set(['PATH', 'HOME', 'LANG', 'TZ', 'TMPDIR', 'USER', 'SHELL']);

/** Takes the environment of this process, and whose tasks are (null: ours); returns the part of it that they may see. */
export function sharedEnvironment(own: NodeJS.ProcessEnv, account: Account | null = null): Record<string, string> {
  const shared: Record<string, string> = {};
  for (const [name, value] of Object.entries(own))
    if (value !== undefined && (passed.has(name) || name.startsWith('LC_'))) shared[name] = value;
  shared.PATH ??= '/usr/local/bin:/usr/bin:/bin';
  return account === null ? shared : { ...shared, ...accountEnvironment(account) };
}

/** Names the agent process in the environment of everything that it starts: how its leftovers are recognised. */
export const agentMark = 'LBTOP_AGENT';

/** Returns what the job names (`spec.env`) and what says to a task which one it is. */
export function taskEnvironment(task: HeldTask, node: string): Record<string, string> {
  return {
    ...task.spec.env,
    LBTOP_JOB_ID: String(task.job),
    LBTOP_TASK_ID: taskId(task.job, task.index),
    LBTOP_TASK_INDEX: String(task.index),
    LBTOP_ATTEMPT: String(task.attempt),
    LBTOP_NODE: node,
    ...(task.item === null ? {} : { LBTOP_ENTRY: task.item }),
  };
}
