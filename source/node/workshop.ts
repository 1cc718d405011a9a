/** Everything that carries out tasks on this machine, put together: runners, what they share, and what ends it all. */
import { writeFileSync } from 'node:fs';
import { taskId } from '../model/job.ts';
import { killing } from '../model/limits.ts';
import { argumentsOf } from './arguments.ts';
import type { Clock } from './clock.ts';
import { agentMark, sharedEnvironment, taskEnvironment } from './environment.ts';
import { openGuard } from './guard.ts';
import type { HeldTask } from './held-task.ts';
import { type HouseRules, judgeBy } from './house-rules.ts';
import { outOfMemoryWatch } from './out-of-memory.ts';
import { processStat, signalGroup } from './process-stat.ts';
import { builtInRunner } from './runners/built-in.ts';
import { childrenCpu } from './runners/children-cpu.ts';
import { commandRunner } from './runners/command.ts';
import { handlerPool } from './runners/handler-pool.ts';
import { handlerRunner } from './runners/handlers.ts';
import { namedPipes } from './runners/named-pipes.ts';
import { namedTaskRunner } from './runners/named-tasks.ts';
import type { Runner } from './runners/runner.ts';
import { shellPool } from './runners/shell-pool.ts';
import { spawnStarter } from './runners/spawn.ts';
import type { Launch } from './runners/starter.ts';
import { workerPool } from './runners/worker-pool.ts';
import type { Spool } from './spool.ts';
import { stdinFiles } from './stdin-files.ts';
import { sweeper } from './sweep.ts';
import type { TaskGroups } from './task-groups.ts';
import { type Usage, usage } from './usage.ts';

export interface WorkshopOptions {
  /** The node's name and this agent's incarnation. */
  name: string;
  agent: string;
  slots: number;
  clock: Clock;
  spool: Spool;
  /** Where its private directory is made (default: with the system's temporary files). */
  dir?: string;
  /** Whether processes may be started by kept shells. */
  shells: boolean;
  /** null: the system gives us none. */
  groups: TaskGroups | null;
  /** null: this node has none. */
  handlers: Handlers | null;
  rules: HouseRules;
}

/** The handlers of a node: what exports them, how they are called, what a call may hold. */
export interface Handlers {
  file: string;
  names: readonly string[];
  memoryBytes: number;
}

export interface Workshop {
  readonly command: Runner;
  readonly named: Runner;
  readonly usage: Usage;
  /** Kills whatever this agent has started and is still there, at once. */
  endAll(): void;
  /** Removes what it kept for itself. */
  close(): void;
}

/** So many shells wait for the first tasks at most: a node with many slots may never need them all. */
const shellsReady = 4;
/** How long streams may stay open after their task's main process has ended. */
const drainMs = 1_000;

/** Throws where the directory for its pipes cannot be made. */
export function openWorkshop(options: WorkshopOptions): Workshop {
  const { name, agent, slots, clock, spool, dir, shells, groups, handlers, rules } = options;
  const { runAs: account } = rules;
  const own = sharedEnvironment(process.env, account);
  // Who cannot be held together has to be recognised.
  const shared = groups === null ? { ...own, [agentMark]: agent } : own;
  const judge = judgeBy(rules, own.PATH ?? '');
  const pipes = namedPipes(dir, account);
  const stdin = stdinFiles(pipes.dir);
  const threads = workerPool(slots, clock);
  const cpu = childrenCpu();
  const sweep = sweeper(agent, clock);
  const led = new Set<number>();
  const guard = openGuard(agent, pipes.dir, groups?.dir ?? null);
  const registry = { began, gone };
  const starter = shellPool({
    pipes,
    env: shared,
    otherwise: spawnStarter({ pipes, cpu, registry, groups, account }),
    registry,
    groups,
    cpu,
    clock,
    // A kept shell is the node's own account's.
    enabled: shells && process.platform === 'linux' && account === null,
    ready: Math.min(slots, shellsReady),
  });
  const used = usage({ helpers: starter, threads, groups });
  const named = namedTaskRunner(
    builtInRunner(threads, clock),
    handlers === null ? null : { names: handlers.names, runner: handlersOf(handlers) },
  );

  function handlersOf({ file, memoryBytes }: Handlers): Runner {
    const house = { registry, usage: used, groups };
    return handlerRunner(handlerPool({ file, memoryBytes, env: shared, house, account, clock }), name, clock);
  }

  function launchOf(task: HeldTask): { launch: Launch; over(): void } {
    const env = { ...shared, ...taskEnvironment(task, name) };
    const argv = argumentsOf(task.spec, task.item, task.index);
    const launch = judge({ argv, env, cwd: task.spec.cwd, stdin: null }, task.spec.env);
    const input = stdin.take(task.spec);
    return { launch: { ...launch, stdin: input.path }, over: input.over };
  }

  function began(group: number): void {
    led.add(group);
    guard.began(group);
    sacrifice(group);
    const startTicks = processStat(group)?.startTicks;
    if (startTicks !== undefined) spool.began({ pid: group, startTicks });
  }

  function gone(group: number): void {
    led.delete(group);
    guard.gone(group);
    spool.gone(group);
  }

  const command = commandRunner({
    launch: launchOf,
    starterFor: () => starter,
    usage: used,
    sweep(task) {
      if (groups === null)
        sweep.end([`LBTOP_TASK_ID=${taskId(task.job, task.index)}`, `LBTOP_ATTEMPT=${task.attempt}`]);
    },
    outOfMemory: outOfMemoryWatch(),
    clock,
    unkillableAfterMs: killing.unkillableAfterMs,
    drainMs,
  });

  return {
    command,
    named,
    usage: used,
    endAll() {
      for (const group of led) signalGroup(group, 'SIGKILL');
      led.clear();
      if (groups === null) sweep.endAll();
      else groups.endAll();
    },
    close() {
      command.close();
      named.close();
      starter.close();
      pipes.close();
      groups?.close();
      guard.close();
    },
  };
}

/** Where memory is short, the system is to end tasks before it ends the agent. Children inherit it. */
function sacrifice(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, '500');
  } catch {
    // Other systems do not know this, and some do not allow it.
  }
}
