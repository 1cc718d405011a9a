/** The limits that a container (cgroup version 1 or 2) sets to this process: then they, not the machine's, are its size. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where the numbers of the control group are read; null: not limited in that. */
export interface Container {
  cpu: {
    /** Cores that it may use, possibly a fraction. */
    cores: number;
    /** CPU time used, in ms. */
    usedMs(): number | null;
  } | null;
  memory: {
    limitBytes: number;
    /** Without what the system can take back at once. */
    usedBytes(): number | null;
  } | null;
}

/** One control group of one controller: its directory, and its parents' up to the mount. */
type Line = readonly string[];

/** Reads the limits. `root` and `self` stand for /sys/fs/cgroup and /proc/self/cgroup in tests. */
export function container(root = '/sys/fs/cgroup', self = '/proc/self/cgroup'): Container {
  const paths = controllerPaths(text(self) ?? '');
  const unified = lineOf(root, paths.get(''));
  const cpu = lineOf(join(root, 'cpu'), paths.get('cpu'));
  const accounting = lineOf(join(root, 'cpuacct'), paths.get('cpuacct'));
  const memory = lineOf(join(root, 'memory'), paths.get('memory'));
  return {
    cpu: cpuTwo(unified) ?? cpuOne(cpu, accounting),
    memory: memoryTwo(unified) ?? memoryOne(memory),
  };
}

/** `4:memory:/some/path` → memory: /some/path; version 2 has no name. */
function controllerPaths(lines: string): Map<string, string> {
  const paths = new Map<string, string>();
  for (const line of lines.split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === undefined || path === undefined) continue;
    for (const one of controllers.split(',')) paths.set(one, path);
  }
  return paths;
}

/** Inside a container the path is often that of the host, which is not mounted: then the mount itself is our group. */
function lineOf(root: string, path: string | undefined): Line {
  if (path === undefined) return [];
  const own = join(root, path);
  if (!existsSync(own) || !own.startsWith(root)) return existsSync(root) ? [root] : [];
  const line: string[] = [];
  for (let at = own; at.length >= root.length; at = join(at, '..')) line.push(at);
  return line;
}

function cpuTwo(line: Line): Container['cpu'] {
  const limits = line.flatMap((dir) => {
    const [quota, period] = (text(join(dir, 'cpu.max')) ?? 'max').split(/\s+/).map(Number);
    return quota !== undefined && period !== undefined && quota > 0 && period > 0
      ? [{ dir, cores: quota / period }]
      : [];
  });
  const tight = tightest(limits, (one) => one.cores);
  if (tight === null) return null;
  return { cores: tight.cores, usedMs: () => scaled(field(join(tight.dir, 'cpu.stat'), 'usage_usec'), 1e-3) };
}

function cpuOne(line: Line, accounting: Line): Container['cpu'] {
  const limits = line.flatMap((dir) => {
    const quota = number(join(dir, 'cpu.cfs_quota_us'));
    const period = number(join(dir, 'cpu.cfs_period_us'));
    return quota !== null && period !== null && quota > 0 && period > 0 ? [{ cores: quota / period }] : [];
  });
  const tight = tightest(limits, (one) => one.cores);
  const group = accounting[0];
  if (tight === null || group === undefined) return null;
  return { cores: tight.cores, usedMs: () => scaled(number(join(group, 'cpuacct.usage')), 1e-6) };
}

function memoryTwo(line: Line): Container['memory'] {
  return memory(line, 'memory.max', 'memory.current', 'inactive_file');
}

function memoryOne(line: Line): Container['memory'] {
  return memory(line, 'memory.limit_in_bytes', 'memory.usage_in_bytes', 'total_inactive_file');
}

/** Version 1 says "no limit" by a number near 2^63. */
const noLimitBytes = 2 ** 60;

function memory(line: Line, limit: string, usage: string, cache: string): Container['memory'] {
  const limits = line.flatMap((dir) => {
    const limitBytes = number(join(dir, limit));
    return limitBytes !== null && limitBytes < noLimitBytes ? [{ dir, limitBytes }] : [];
  });
  const tight = tightest(limits, (one) => one.limitBytes);
  if (tight === null) return null;
  return {
    limitBytes: tight.limitBytes,
    usedBytes() {
      const used = number(join(tight.dir, usage));
      return used === null ? null : Math.max(0, used - (field(join(tight.dir, 'memory.stat'), cache) ?? 0));
    },
  };
}

function tightest<T>(limits: T[], size: (one: T) => number): T | null {
  return limits.reduce<T | null>((least, one) => (least === null || size(one) < size(least) ? one : least), null);
}

function text(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}

function number(path: string): number | null {
  const value = Number(text(path)?.trim() || Number.NaN);
  return Number.isFinite(value) ? value : null;
}

function field(path: string, name: string): number | null {
  const value = Number(new RegExp(`^${name} (\\d+)`, 'm').exec(text(path) ?? '')?.[1]);
  return Number.isFinite(value) ? value : null;
}

function scaled(value: number | null, factor: number): number | null {
  return value === null ? null : value * factor;
}
