/**
 * What our tasks use, from /proc. The total of CPU time is a sum that nothing falls out of: when a process ends, its
 * time moves from its own line to that of the parent that waited for it, in the end the agent's. (An orphan's last
 * share is lost; the total never goes down for it.)
 */
import { readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { groupMembers, type ProcessStat, parseProcessStat, processStat } from './process-stat.ts';
import type { GroupUsage } from './runners/command.ts';

export interface Usage extends GroupUsage {
  /** CPU time in ms of all tasks since the start, ended ones included, and the memory that they hold now, in bytes. */
  measure(): { cpuMs: number; memoryBytes: number };
  /** Process groups that are watched now. */
  readonly groups: number;
}

interface Seen {
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

export function usage(helpers: Helpers, threads: Threads): Usage {
  const groups = new Map<number, Seen>();
  const baseMs = processStat('self')?.childrenMs ?? 0;
  let known: number[] = [];
  let scanAfter = 0;
  let total = 0;
  let before = 0;

  function members(): ProcessStat[] {
    const began = performance.now();
    const untidy = helpers.untidy();
    if (groups.size === 0 && !untidy) return [];
    const watched = new Set([...groups.keys(), ...(untidy ? helpers.pids.keys() : [])]);
    if (began < scanAfter) {
      const pids = new Set([...known, ...watched]);
      return [...pids].flatMap((pid) => {
        const stat = processStat(pid);
        return stat !== null && watched.has(stat.group) ? [stat] : [];
      });
    }
    const found = groupMembers(watched);
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

  return {
    get groups() {
      return groups.size;
    },
    watch(group) {
      groups.set(group, { cpuMs: 0, peakBytes: 0 });
    },
    unwatch(group) {
      const seen = groups.get(group) ?? { cpuMs: 0, peakBytes: 0 };
      groups.delete(group);
      return seen;
    },
    measure() {
      let cpuMs = (processStat('self')?.childrenMs ?? 0) - baseMs + threadsMs() + helpers.totalMs();
      let memoryBytes = 0;
      const byGroup = new Map<number, { cpuMs: number; bytes: number }>();
      for (const stat of members()) {
        if (helpers.pids.has(stat.pid)) continue;
        cpuMs += stat.ownMs + stat.childrenMs;
        memoryBytes += stat.residentBytes;
        const sum = byGroup.get(stat.group) ?? { cpuMs: 0, bytes: 0 };
        sum.cpuMs += stat.ownMs + stat.childrenMs;
        sum.bytes += stat.residentBytes;
        byGroup.set(stat.group, sum);
      }
      for (const [group, sum] of byGroup) {
        const seen = groups.get(group);
        if (seen === undefined) continue;
        seen.cpuMs = Math.max(seen.cpuMs, sum.cpuMs);
        seen.peakBytes = Math.max(seen.peakBytes, sum.bytes);
      }
      total += Math.max(0, cpuMs - before);
      before = cpuMs;
      return { cpuMs: total, memoryBytes };
    },
  };
}
