/** One process for handlers, seen from the agent: started, spoken to, measured, ended with all that it started. */
import { type ChildProcess, fork } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { type Account, identityOf } from '../account.ts';
import { processMemory, processStat, signalGroup } from '../process-stat.ts';
import type { TaskGroup, TaskGroups } from '../task-groups.ts';
import type { GroupUsage } from './command.ts';
import type { HandlerOrder, HandlerReply } from './handler-process.ts';
import type { StreamNumber } from './runner.ts';
import type { GroupRegistry } from './starter.ts';

/** What all handler processes of a node have in common. */
export interface HandlerChildOptions {
  /** What exports the handlers, absolute. */
  file: string;
  /** Of its heap: V8 ends a process that needs more. */
  memoryBytes: number;
  /** The whole environment. */
  env: Readonly<Record<string, string>>;
  /** Whose process it is; null: ours. */
  account: Account | null;
  /** null: nobody has to know of it, because it lives only for a moment. */
  house: { registry: GroupRegistry; usage: GroupUsage; groups: TaskGroups | null } | null;
}

export interface HandlerChildEvents {
  said(reply: HandlerReply): void;
  /** False: no more until `resume`. */
  output(stream: StreamNumber, chunk: Uint8Array): boolean;
  /** Once, last: its streams are closed. */
  gone(exitCode: number | null, signal: NodeJS.Signals | null): void;
}

export interface HandlerChild {
  say(order: HandlerOrder): void;
  /** Ends it and everything that it started, at once. */
  kill(): void;
  resume(stream: StreamNumber): void;
  hold(held: boolean): void;
  /** CPU time in ms and memory in bytes of the process itself. */
  measure(): { cpuMs: number; residentBytes: number };
}

const mebibyte = 1024 * 1024;
/** Who left the group of the process may hold its streams open: after this they are given up. */
const drainMs = 1_000;
const childFile = new URL(`./handler-process${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Starts a process; `gone` follows where it cannot be. */
export function handlerChild(options: HandlerChildOptions, events: HandlerChildEvents): HandlerChild {
  const { file, memoryBytes, env, account, house } = options;
  const control = house?.groups?.take() ?? null;
  // Another account's may not enter by itself.
  const enters = control !== null && account === null;
  const child = fork(childFile, enters ? [file, control.procs] : [file], {
    env: { ...env },
    execArgv: [`--max-old-space-size=${Math.ceil(memoryBytes / mebibyte)}`, '--disable-warning=ExperimentalWarning'],
    serialization: 'advanced',
    detached: true,
    ...identityOf(account),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const { pid } = child;
  if (control !== null && !enters && pid !== undefined) letIn(control, pid);
  let alive = pid !== undefined;
  if (pid !== undefined) {
    house?.registry.began(pid);
    house?.usage.watch(pid, control);
  }

  /** Its children, too: they would hold its streams open. */
  function kill(): void {
    control?.kill();
    if (alive && pid !== undefined) signalGroup(pid, 'SIGKILL');
  }

  function read(stream: StreamNumber, from: Readable | null): void {
    from?.on('data', (chunk: Buffer) => {
      if (!events.output(stream, chunk)) from.pause();
    });
    from?.on('error', () => {}); // 'close' follows
  }

  read(1, child.stdout);
  read(2, child.stderr);
  child.on('message', (reply) => events.said(reply as HandlerReply));
  child.on('error', () => {
    if (pid === undefined) events.gone(null, null);
  });
  child.once('exit', () => {
    kill();
    alive = false;
    for (const stream of [child.stdout, child.stderr]) stream?.resume();
    setTimeout(() => giveUp(child), drainMs).unref();
    if (pid === undefined) return;
    house?.registry.gone(pid);
    house?.usage.unwatch(pid);
    control?.giveBack();
  });
  if (pid === undefined) control?.giveBack();
  child.once('close', (exitCode, signal) => events.gone(exitCode, signal));

  return {
    say(order) {
      if (child.connected) child.send(order, () => {}); // it may end at this moment: `gone` tells
    },
    kill,
    resume(stream) {
      (stream === 1 ? child.stdout : child.stderr)?.resume();
    },
    hold(held) {
      if (!alive || pid === undefined) return;
      if (control === null) signalGroup(pid, held ? 'SIGSTOP' : 'SIGCONT');
      else control.hold(held);
    },
    measure: () => ({
      cpuMs: (pid === undefined ? null : processStat(pid))?.ownMs ?? 0,
      residentBytes: (pid === undefined ? null : processMemory(pid))?.residentBytes ?? 0,
    }),
  };
}

function letIn({ procs }: TaskGroup, pid: number): void {
  try {
    writeFileSync(procs, String(pid));
  } catch {
    // It has its process group all the same.
  }
}

function giveUp({ stdout, stderr }: ChildProcess): void {
  stdout?.destroy();
  stderr?.destroy();
}
