/** Reads /proc/PID/stat. Where there is no /proc (other systems than Linux) everything here answers "unknown". */
import { readdirSync, readFileSync } from 'node:fs';

/** Ticks are 1/100 s on every Linux that there is a Node for. */
export const tickMs = 10;
const pageBytes = 4_096;

export interface ProcessStat {
  pid: number;
  /** One letter; Z: dead, not yet taken note of by its parent. */
  state: string;
  parent: number;
  group: number;
  session: number;
  /** CPU time of the process itself. */
  ownMs: number;
  /** CPU time of its children that ended and that it waited for, with theirs. */
  childrenMs: number;
  /** When it started, in ticks since boot: with the pid, its identity. */
  startTicks: number;
  residentBytes: number;
}

/** Parses the line of a /proc/PID/stat; null where it is none. The name in it may hold spaces and brackets. */
export function parseProcessStat(line: string): ProcessStat | null {
  const open = line.indexOf('(');
  const close = line.lastIndexOf(')');
  if (open < 0 || close < open) return null;
  const fields = line.slice(close + 2).split(' ');
  const number = (field: number): number => Number(fields[field - 3]);
  const stat = {
    pid: Number(line.slice(0, open)),
    state: fields[0] ?? '',
    parent: number(4),
    group: number(5),
    session: number(6),
    ownMs: (number(14) + number(15)) * tickMs,
    childrenMs: (number(16) + number(17)) * tickMs,
    startTicks: number(22),
    residentBytes: number(24) * pageBytes,
  };
  return Number.isFinite(stat.residentBytes) ? stat : null;
}

/** Returns what the system says of a process now; null where there is none, or no /proc. */
export function processStat(pid: number | 'self'): ProcessStat | null {
  try {
    return parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return null;
  }
}

/** Memory of one process, in bytes. */
export interface ProcessMemory {
  residentBytes: number;
  /** Of that its own: the rest are pages of files, as of the program itself, which all its processes share. */
  ownBytes: number;
  /** The most that was resident ever. */
  peakBytes: number;
}

/** Returns what the system says of a process's memory; null where there is no such process, or no /proc. */
export function processMemory(pid: number): ProcessMemory | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const bytes = (name: string): number =>
      Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0) * 1_024;
    return { residentBytes: bytes('VmRSS'), ownBytes: bytes('RssAnon'), peakBytes: bytes('VmHWM') };
  } catch {
    return null;
  }
}

/** Returns the pids of the children of a process, and theirs; some systems do not tell them. */
export function descendants(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
    return children.flatMap((child) => [child, ...descendants(child)]);
  } catch {
    return [];
  }
}

/** Returns the pids of all processes; none where there is no /proc. */
export function allPids(): number[] {
  try {
    return readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
  } catch {
    return [];
  }
}

/** Returns the living members of these process groups. Costs about 10 µs for each process of the machine. */
export function groupMembers(groups: ReadonlySet<number>): ProcessStat[] {
  if (groups.size === 0) return [];
  return allPids().flatMap((pid) => {
    const stat = processStat(pid);
    return stat !== null && groups.has(stat.group) && stat.state !== 'Z' ? [stat] : [];
  });
}

/** Sends a signal to a whole process group; answers whether there was one. */
export function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (error) {
    // A group of processes of another user (a set-uid program) is there, though it is not ours to signal.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
