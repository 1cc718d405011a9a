/** What makes processes. Two ways are known: child_process (spawn.ts) and the pool of shells (shell-pool.ts). */
import type { TaskGroup } from '../task-groups.ts';
import type { StreamNumber } from './runner.ts';

/** Everything that execve wants to know. */
export interface Launch {
  argv: readonly string[];
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  /** Where to start it; null: where the agent is. */
  cwd: string | null;
  /** `cwd` had no link in it, and is to have none when the process begins there: what could replace it was not looked at. */
  unlinked?: boolean;
  /** A file to read as stdin; null: nothing to read. */
  stdin: string | null;
}

/** How the main process of a task ended: either an exit code or a signal. */
export interface ProcessExit {
  exitCode: number | null;
  signal: string | null;
  /** CPU time of the process and of its descendants that were waited for; null: not known. */
  cpuMs: number | null;
}

/** Why no process came into being. `unfit`: the machine's fault; else the task's. */
export interface NoProcess {
  unfit: boolean;
  /** What a shell would have answered: 127 not found, 126 not executable; null for other faults. */
  exitCode: number | null;
  error: string;
}

export interface ProcessEvents {
  /** Its process group, and the control group that holds it and all its descendants, where there is one. */
  started(group: number, control: TaskGroup | null): void;
  output(stream: StreamNumber, chunk: Uint8Array): boolean;
  /** Everything that wrote into both streams has closed them. */
  silent(): void;
  exited(exit: ProcessExit): void;
  /** Instead of all others. */
  refused(reason: NoProcess): void;
}

export interface ProcessHandle {
  /** To the whole group; answers whether there still was one. */
  signal(signal: NodeJS.Signals | 0): boolean;
  resume(stream: StreamNumber): void;
  /** After `exited`: gives up on what still holds the streams open. */
  abandon(): void;
}

export interface Starter {
  /** Never throws, and calls nothing before it returned. */
  start(launch: Launch, events: ProcessEvents): ProcessHandle;
  close(): void;
}

/** Keeps which process groups there are, so that a successor of this agent can end them. */
export interface GroupRegistry {
  began(group: number): void;
  gone(group: number): void;
}
