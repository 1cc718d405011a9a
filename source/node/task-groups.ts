/**
 * Control groups (version 2) of tasks: nobody leaves one by setsid or a double fork, so that a task can be ended, held
 * and measured as a whole. One group a kept shell or process, which holds one task at a time; all in one of this agent.
 * Linux only, and only where the agent may write to its own group (root, a delegated unit, some containers).
 */
import { execFile } from 'node:child_process';
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  open,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type KeptFile, keptDescriptor, keptFile } from './kept-file.ts';

/** The group of one task at a time. */
export interface TaskGroup {
  /** Who writes `0` into this file becomes a member, with all its future children. */
  readonly procs: string;
  /** CPU time in ms that its members, ended ones too, have used since it was made. */
  usedMs(): number;
  /** The pids of its living members. */
  members(): number[];
  /** Whether that process is its only living member. */
  alone(pid: number): boolean;
  /** Holds all members, or lets them go on. */
  hold(held: boolean): void;
  /** Kills all members at once, those that are held and those that are just being born too. */
  kill(): void;
  /** Its members have ended or are killed: another task may have it when it is empty. */
  giveBack(): void;
}

export interface TaskGroups {
  /** The directory of the group that holds them all. */
  readonly dir: string;
  /** Returns an empty group, or null where none can be made. */
  take(): TaskGroup | null;
  /** CPU time in ms of all tasks since this was opened. */
  usedMs(): number;
  /** Kills everything in all groups. */
  endAll(): void;
  /** Removes the groups, as far as they are empty by now. */
  close(): void;
}

const prefix = 'lbtop-';
/** So many empty ones are there before they are needed: to make one takes the kernel up to 15 ms where many make some. */
const ahead = 4;
/** The longest first line of cpu.stat: a name, and a number of 64 bits. */
const firstLineBytes = 32;
const run = promisify(execFile);
const openFile = promisify(open);

/**
 * Makes the group of the agent of that incarnation within the agent's own. Returns null where the system does not let
 * us, which is tried out by a process. `own` stands for the directory of the agent's own group in tests.
 */
export async function openTaskGroups(agent: string, own = ownGroup()): Promise<TaskGroups | null> {
  if (own === null) return null;
  const dir = join(own, `${prefix}${agent}`);
  try {
    accessSync(join(own, 'cgroup.procs'), constants.W_OK);
    mkdirSync(dir);
    // cgroup.kill came with Linux 5.14; without it this is of no use.
    if (!existsSync(join(dir, 'cgroup.kill')) || !existsSync(join(dir, 'cgroup.freeze'))) throw new Error('too old');
    const tried = join(dir, '0');
    mkdirSync(tried);
    await run('/bin/sh', ['-c', 'echo 0 >"$0"', join(tried, 'cgroup.procs')], { timeout: 5_000 });
    return groupsIn(dir);
  } catch {
    removeGroups(dir);
    return null;
  }
}

/**
 * Kills what is in a group that an earlier agent left, and removes it; returns how many processes there were. Blocks
 * until they have ended, at most for `longestMs`.
 */
export function endGroups(dir: string, longestMs = 1_000): number {
  const members = (): number => subgroups(dir).flatMap((one) => pidsOf(text(join(one, 'cgroup.procs')))).length;
  const before = members();
  write(join(dir, 'cgroup.kill'), '1');
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; members() > 0 && waitedMs < longestMs; waitedMs += 5) Atomics.wait(pause, 0, 0, 5);
  removeGroups(dir);
  return before;
}

function groupsIn(dir: string): TaskGroups {
  const total = keptFile(join(dir, 'cpu.stat'));
  const made: Group[] = [];
  const free: Group[] = [opened(join(dir, '0'))];
  let count = 1;
  let making = 0;
  let closed = false;

  function opened(path: string): Group {
    return keep(path, keptFile(join(path, 'cpu.stat')), keptFile(join(path, 'cgroup.procs')));
  }

  function keep(path: string, used: KeptFile | null, procs: KeptFile | null): Group {
    const fresh = group(path, used, procs);
    made.push(fresh);
    return fresh;
  }

  /** In threads of its own: the event loop goes on. */
  async function makeAhead(path: string): Promise<void> {
    const files: number[] = [];
    try {
      await mkdir(path);
      for (const name of ['cpu.stat', 'cgroup.procs']) files.push(await openFile(join(path, name), 'r'));
      const [used = null, procs = null] = files.map(keptDescriptor);
      const fresh = keep(path, used, procs);
      if (closed) fresh.close();
      else free.push(fresh);
    } catch {
      for (const one of files) closeSync(one); // there is a limit of groups, too
    }
    making--;
    if (closed) removeGroups(dir);
  }

  function refill(): void {
    for (; free.length + making < ahead && !closed; making++) void makeAhead(join(dir, String(count++)));
  }

  refill();
  return {
    dir,
    take() {
      const at = free.findIndex((one) => one.members().length === 0);
      if (at >= 0) {
        const [found] = free.splice(at, 1);
        refill();
        return found as TaskGroup;
      }
      const path = join(dir, String(count++));
      try {
        mkdirSync(path);
      } catch {
        return null; // there is a limit of groups, too
      }
      return opened(path);
    },
    usedMs: () => usedMs(total),
    endAll: () => void write(join(dir, 'cgroup.kill'), '1'),
    close() {
      closed = true;
      total?.close();
      for (const one of made) one.close();
      removeGroups(dir);
    },
  };

  function group(path: string, used: KeptFile | null, procs: KeptFile | null): Group {
    const made: Group = {
      procs: join(path, 'cgroup.procs'),
      usedMs: () => usedMs(used),
      members: () => pidsOf(procs?.read() ?? ''),
      alone: (pid) => procs?.read() === `${pid}\n`,
      hold: (held) => void write(join(path, 'cgroup.freeze'), held ? '1' : '0'),
      kill: () => void write(join(path, 'cgroup.kill'), '1'),
      giveBack: () => {
        made.hold(false);
        free.push(made);
      },
      close() {
        used?.close();
        procs?.close();
      },
    };
    return made;
  }
}

interface Group extends TaskGroup {
  close(): void;
}

/** Its first line says it. */
function usedMs(file: KeptFile | null): number {
  return Number(/^usage_usec (\d+)\n/.exec(file?.read(firstLineBytes) ?? '')?.[1] ?? 0) / 1_000;
}

function pidsOf(lines: string): number[] {
  // 0 is somebody of another namespace
  return lines
    .split('\n')
    .slice(0, -1)
    .map(Number)
    .filter((pid) => pid > 0);
}

/** The directory of the group of version 2 that this process is in; null where there is none. */
function ownGroup(): string | null {
  if (process.platform !== 'linux') return null;
  const path = /^0::(.*)$/m.exec(text('/proc/self/cgroup'))?.[1];
  const mount = /^\d+ \d+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(text('/proc/self/mountinfo'))?.[1];
  if (path === undefined || mount === undefined) return null;
  const own = join(mount, path);
  // Inside a container the path may be that of the host, which is not mounted: then the mount itself is our group.
  return existsSync(own) ? own : mount;
}

/** A group and those in it, the innermost first. */
function subgroups(dir: string): string[] {
  try {
    const inner = readdirSync(dir, { withFileTypes: true }).filter((one) => one.isDirectory());
    return [...inner.flatMap((one) => subgroups(join(dir, one.name))), dir];
  } catch {
    return [];
  }
}

/** Who was killed is a member for a moment more: then the guard, or the next agent, removes what is left. */
function removeGroups(dir: string): void {
  for (const one of subgroups(dir)) {
    try {
      rmdirSync(one);
    } catch {
      // Not empty yet.
    }
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

/** Answers whether the system took it; a group may have been removed by somebody. */
function write(path: string, what: string): boolean {
  try {
    writeFileSync(path, what);
    return true;
  } catch {
    return false;
  }
}
