/** Measures the machine for heartbeats. The only file that knows systeminformation. */
import os from 'node:os';
import { limits } from '../model/limits.ts';
import type { Clock } from './clock.ts';
import { type Container, container } from './container.ts';
import { keptFile } from './kept-file.ts';

/** What stands still. */
export interface Machine {
  /** Cores that this process may use, a container's limit rounded up. */
  cores: number;
  cpuModel: string;
  memoryTotal: number;
}

/** What one heartbeat says of the machine: CPU in percent (0–100) of all of it, memory in bytes. */
export interface MachineSample {
  cpu: number;
  cpuOurs: number;
  memoryUsed: number;
  load1: number;
}

export interface Sampler {
  readonly machine: Machine;
  /** Measures over the time since the last call. `oursMs`: CPU time of all our tasks since the start. */
  sample(oursMs: number): MachineSample;
  close(): void;
}

/** How much of the machine was used until now. Both in the same unit, since any fixed moment. */
interface CpuReading {
  usedMs: number;
  /** All that could have been used. */
  wholeMs: number;
}

/** Where the numbers come from. */
interface Source {
  /** null: not known yet. */
  cpu(): CpuReading | null;
  memoryUsed(): number;
  load1(): number;
  close(): void;
}

/** Shorter times say nothing: the kernel counts in hundredths of a second. */
const shortestMs = 200;

/** Looks at the machine and starts to measure. Never fails: what is not known is 0 or `unknown`. */
export async function openSampler(clock: Clock): Promise<Sampler> {
  const limited = container();
  const machine = await readMachine(limited);
  const source = process.platform === 'linux' ? linuxSource(clock, limited) : await otherSource();
  const percent = (usedMs: number, wholeMs: number): number =>
    wholeMs > 0 ? Math.min(100, Math.max(0, (100 * usedMs) / wholeMs)) : 0;

  let before = source.cpu();
  let measuredAt = clock.now();
  let oursBefore = 0;
  let last = { cpu: 0, cpuOurs: 0 };

  function cpuNow(oursMs: number): { cpu: number; cpuOurs: number } {
    const now = clock.now();
    if (now - measuredAt < shortestMs) return last;
    const reading = source.cpu();
    if (reading === null) return last;
    if (before !== null) {
      const wholeMs = reading.wholeMs - before.wholeMs;
      const cpuOurs = percent(oursMs - oursBefore, machineMs(wholeMs, now - measuredAt, limited, machine));
      // Both are counted in ticks, at different moments: ours cannot be more than all.
      last = { cpu: Math.max(cpuOurs, percent(reading.usedMs - before.usedMs, wholeMs)), cpuOurs };
    }
    before = reading;
    oursBefore = oursMs;
    measuredAt = now;
    return last;
  }

  return {
    machine,
    sample: (oursMs) => ({
      ...cpuNow(oursMs),
      memoryUsed: source.memoryUsed(),
      load1: Math.min(1e6, source.load1()),
    }),
    close: () => source.close(),
  };
}

/** CPU time of the whole machine over a period, in ms: by its own count where that is CPU time, else by the clock. */
function machineMs(wholeMs: number, elapsedMs: number, limited: Container, machine: Machine): number {
  return process.platform === 'linux' ? wholeMs : elapsedMs * (limited.cpu?.cores ?? machine.cores);
}

async function readMachine(limited: Container): Promise<Machine> {
  const cores =
    limited.cpu === null ? os.availableParallelism() : Math.min(os.availableParallelism(), limited.cpu.cores);
  return {
    cores: Math.min(65_536, Math.max(1, Math.ceil(cores))),
    cpuModel: (await cpuModel()).slice(0, limits.reasonLength),
    memoryTotal: Math.min(os.totalmem(), limited.memory?.limitBytes ?? Number.POSITIVE_INFINITY),
  };
}

/** Node knows it on most machines; the library starts programs to find it on the others. */
async function cpuModel(): Promise<string> {
  const model = os.cpus()[0]?.model.trim() ?? '';
  if (model !== '' && model !== 'unknown') return model;
  try {
    const { default: information } = await import('systeminformation');
    const { manufacturer, brand } = await information.cpu();
    return `${manufacturer} ${brand}`.trim() || 'unknown';
  } catch {
    return 'unknown';
  }
}

/** /proc, by kept descriptors: about 10 µs for all of it. */
function linuxSource(clock: Clock, limited: Container): Source {
  const files = { stat: keptFile('/proc/stat'), memory: keptFile('/proc/meminfo'), load: keptFile('/proc/loadavg') };
  return {
    cpu() {
      const { cpu } = limited;
      if (cpu === null) return parseCpuLine(files.stat?.read() ?? '');
      const usedMs = cpu.usedMs();
      return usedMs === null ? null : { usedMs, wholeMs: clock.now() * cpu.cores };
    },
    memoryUsed: () => limited.memory?.usedBytes() ?? parseMemoryUsed(files.memory?.read() ?? ''),
    load1: () => Number(files.load?.read()?.split(' ', 1)[0] ?? 0) || 0,
    close() {
      for (const file of Object.values(files)) file?.close();
    },
  };
}

const tickMs = 10;

/** Parses the first line of /proc/stat; waiting for disks is not use, time stolen by other machines of the host is. */
export function parseCpuLine(stat: string): CpuReading | null {
  const fields = /^cpu +(.*)/.exec(stat)?.[1]?.split(' ').map(Number);
  // user, nice, system, idle, iowait, irq, softirq, steal (guest times are in user and nice)
  if (fields === undefined || fields.length < 4) return null;
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, irq = 0, softIrq = 0, steal = 0] = fields;
  const used = user + nice + system + irq + softIrq + steal;
  return { usedMs: used * tickMs, wholeMs: (used + idle + ioWait) * tickMs };
}

/** Parses /proc/meminfo; returns bytes. */
export function parseMemoryUsed(meminfo: string): number {
  const kilobytes = (name: string): number => Number(new RegExp(`^${name}: *(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0);
  return Math.max(0, kilobytes('MemTotal') - kilobytes('MemAvailable')) * 1_024;
}

const refreshMs = 1_000;

/** Other systems: the library measures on its own rhythm, samples are its last answer. */
async function otherSource(): Promise<Source> {
  const { default: information } = await import('systeminformation');
  let reading: CpuReading | null = null;
  let memoryUsed = 0;
  let closed = false;
  let timer: NodeJS.Timeout | null = null;
  async function refresh(): Promise<void> {
    try {
      const [load, memory] = await Promise.all([information.currentLoad(), information.mem()]);
      reading = { usedMs: load.rawCurrentLoad, wholeMs: load.rawCurrentLoad + load.rawCurrentLoadIdle };
      memoryUsed = memory.active;
    } catch {
      // The last answer stands.
    }
    if (!closed) timer = setTimeout(() => void refresh(), refreshMs).unref();
  }
  void refresh();
  return {
    cpu: () => reading,
    memoryUsed: () => memoryUsed,
    load1: () => os.loadavg()[0] ?? 0,
    close() {
      closed = true;
      if (timer !== null) clearTimeout(timer);
    },
  };
}
