/** The agent as it is now, for its own view and for logs. */
import { taskId } from '../model/job.ts';
import type { Sample } from '../model/node.ts';
import type { Clock } from './clock.ts';
import type { LinkState } from './link.ts';
import type { AgentOptions } from './options.ts';
import type { Parts } from './parts.ts';

/** What runs, for those who look. */
export interface RunningTask {
  /** `7.12` */
  task: string;
  attempt: number;
  /** Since it started. */
  ageMs: number;
  /** The command's words or the task's name. */
  what: string;
}

export interface AgentSnapshot {
  name: string;
  link: LinkState;
  /** The coordinator's `host:port`; null: none now. */
  address: string | null;
  cpuModel: string;
  cores: number;
  memoryTotal: number;
  slots: number;
  /** Slots that running tasks take, and tasks that wait for one. */
  busy: number;
  waiting: number;
  /** Outcomes that the coordinator has not settled. */
  unsettled: number;
  /** Coordinators that took it, since the start. */
  connections: number;
  /** Bytes said that the coordinator has not read. */
  backlogBytes: number;
  /** Bytes of tasks' output said to coordinators since the start. */
  outputBytes: number;
  throttle: number;
  running: RunningTask[];
  /** The last heartbeat's; null before the first. */
  sample: Sample | null;
}

const whatLength = 200;

/** Returns the state of an agent; `parts` are null as long as it starts. */
export function snapshotOf(options: AgentOptions, parts: Parts | null, clock: Clock): AgentSnapshot {
  const running = parts === null ? [] : [...parts.tasks.running()];
  const now = clock.now();
  return {
    name: options.name,
    link: parts?.link.state ?? 'connecting',
    address: parts?.link.address ?? null,
    ...(parts?.machine ?? { cpuModel: 'unknown', cores: 0, memoryTotal: 0 }),
    slots: parts?.slots ?? options.slots ?? 0,
    busy: running.reduce((sum, { task }) => sum + (task?.spec.cpus ?? 0), 0),
    waiting: parts?.tasks.waiting ?? 0,
    unsettled: parts?.tasks.unsettled ?? 0,
    connections: parts?.link.connections ?? 0,
    backlogBytes: parts?.link.backlogBytes ?? 0,
    outputBytes: parts?.pump.saidBytes ?? 0,
    throttle: parts?.throttle() ?? options.throttle,
    running: running.flatMap(({ task, startedAt }) => {
      if (task === null) return [];
      const { work } = task.spec;
      const what = (work.kind === 'task' ? work.task : work.argv.join(' ')).slice(0, whatLength);
      return [{ task: taskId(task.job, task.index), attempt: task.attempt, ageMs: now - startedAt, what }];
    }),
    sample: parts?.heartbeat.sample ?? null,
  };
}
