/**
 * What our tasks use. CPU time is counted by the control group that holds them all, where there is one. Else it is a sum
 * over /proc that nothing falls out of: when a process ends, its time moves from its own line to that of the parent that
 * waited for it, in the end the agent's. (An orphan's last share is lost; the total never goes down for it.)
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import {
  descendants,
  groupMembers,
  type ProcessMemory,
  type ProcessStat,
  parseProcessStat,
  processMemory,
  processStat,
} from './process-stat.ts';
import type { GroupUsage } from './runners/command.ts';
import type { TaskGroup, TaskGroups } from './task-groups.ts';

export interface Usage extends GroupUsage {
  /** CPU time in ms of all tasks since the start, ended ones included, and the memory that they hold now, in bytes. */
  measure(): { cpuMs: number; memoryBytes: number };
  /** Process groups that are watched now. */
  readonly groups: number;
}

interface Watched {
  control: TaskGroup | null;
  cpuMs: number;
  peakBytes: number;
}

/** Looking at all processes of a machine may cost this share of one core. */
const scanShare = 0.003;

/** Group leaders of ours that are no task, but run some. */
export interface Helpers {
  readonly pids: { has(pid: number): boolean; keys(): Iterable<number> };
  /** CPU time in ms of what they have run, as far as it is over, and their own. */
  totalMs(): number;
  /** Whether somebody may have been left behind in their groups. */
  untidy(): boolean;
  /** Is shown the members of their groups. */
  tidy(members: readonly ProcessStat[]): void;
}

/** Threads of this process that compute for tasks: their ids, and the CPU time in ms of those that have ended. */
export interface Threads {
  threads(): Iterable<number>;
  readonly endedMs: number;
}

export interface UsageOptions {
  helpers: Helpers;
  threads: Threads;
  /** null: the system gives us none. */
  groups: TaskGroups | null;
}

export function usage({ helpers, threads, groups }: UsageOptions): Usage {
  const watched = new Map<number, Watched>();
  const baseMs = processStat('self')?.childrenMs ?? 0;
  let known: number[] = [];
  let scanAfter = 0;
  let total = 0;
  let before = 0;

  /** The members of process groups that have no control group, and of those of the helpers where somebody may be left there. */
  function members(): ProcessStat[] {
    const began = performance.now();
    const untidy = helpers.untidy();
    const wanted = new Set([...watched].flatMap(([group, { control }]) => (control === null ? [group] : [])));
    if (untidy) for (const pid of helpers.pids.keys()) wanted.add(pid);
    if (wanted.size === 0) return [];
    if (began < scanAfter) {
      const pids = new Set([...known, ...wanted]);
      return [...pids].flatMap((pid) => {
        const stat = processStat(pid);
        return stat !== null && wanted.has(stat.group) ? [stat] : [];
      });
    }
    const found = groupMembers(wanted);
    known = found.map((one) => one.pid);
    const took = performance.now() - began;
    scanAfter = took < 3 ? 0 : began + took / scanShare;
    helpers.tidy(found);
    return found;
  }

  function threadsMs(): number {
    let sum = threads.endedMs;
    for (const id of threads.threads()) {
      try {
        sum += parseProcessStat(readFileSync(`/proc/self/task/${id}/stat`, 'latin1'))?.ownMs ?? 0;
      } catch {
        // It has just ended.
      }
    }
    return sum;
  }

  /** Memory of the members of one task; returns what they hold now, in bytes. */
  function look(seen: Watched, pids: readonly number[]): number {
    const memories = pids.flatMap((pid) => (helpers.pids.has(pid) ? [] : (processMemory(pid) ?? [])));
    const residentBytes = memories.reduce((sum, one) => sum + one.residentBytes, 0);
    const peak = (most: number, one: ProcessMemory): number => Math.max(most, one.peakBytes);
    seen.peakBytes = memories.reduce(peak, Math.max(seen.peakBytes, residentBytes));
    return residentBytes;
  }

  /** CPU time of all that has no control group, in ms, and the memory that it holds, in bytes. */
  function scanned(): { cpuMs: number; memoryBytes: number } {
    let cpuMs = (processStat('self')?.childrenMs ?? 0) - baseMs + helpers.totalMs();
    const pidsOf = new Map<number, number[]>();
    const cpuOf = new Map<number, number>();
    for (const { pid, group, ownMs, childrenMs } of members()) {
      if (helpers.pids.has(pid)) continue;
      cpuMs += ownMs + childrenMs;
      pidsOf.set(group, [...(pidsOf.get(group) ?? []), pid]);
      cpuOf.set(group, (cpuOf.get(group) ?? 0) + ownMs + childrenMs);
    }
    let memoryBytes = 0;
    for (const [group, pids] of pidsOf) {
      const seen = watched.get(group);
      if (seen === undefined) continue;
      seen.cpuMs = Math.max(seen.cpuMs, cpuOf.get(group) ?? 0);
      memoryBytes += look(seen, pids);
    }
    return { cpuMs, memoryBytes };
  }

  return {
    get groups() {
      return watched.size;
    },
    watch(group, control) {
      watched.set(group, { control, cpuMs: 0, peakBytes: 0 });
    },
    look(group) {
      const seen = watched.get(group);
      if (seen !== undefined) look(seen, seen.control?.members() ?? [group, ...descendants(group)]);
    },
    unwatch(group) {
      const { cpuMs, peakBytes } = watched.get(group) ?? { cpuMs: 0, peakBytes: 0 };
      watched.delete(group);
      return { cpuMs, peakBytes };
    },
    measure() {
      let { cpuMs, memoryBytes } = groups === null ? scanned() : { cpuMs: groups.usedMs(), memoryBytes: 0 };
      if (groups !== null)
        for (const seen of watched.values())
          if (seen.control !== null) memoryBytes += look(seen, seen.control.members());
      cpuMs += threadsMs();
      total += Math.max(0, cpuMs - before);
      before = cpuMs;
      return { cpuMs: total, memoryBytes };
    },
  };
}
