/** A node in virtual time: it runs what it is given in order of arrival, as many at once as it has slots. */
import type { NodeInfo, Sample } from '../model/node.ts';

export interface SimulatedNode {
  readonly name: string;
  readonly slots: number;
  /** A task that takes a second at speed 1 takes 1 / speed here. */
  readonly speed: number;
  /** Grows with each crash. */
  process: number;
  alive: boolean;
  /** Tasks by number. */
  readonly running: Set<number>;
  waiting: number[];
  /** `waiting` begins here. */
  head: number;
  /** Assignments since it joined. */
  seen: number;
}

/** Returns an idle node. */
export function simulatedNode(number: number, slots: number, speed: number): SimulatedNode {
  return {
    name: `node-${number + 1}`,
    slots,
    speed,
    process: 0,
    alive: true,
    running: new Set(),
    waiting: [],
    head: 0,
    seen: 0,
  };
}

/** What it says of itself. `room`: how many tasks it may be given at once. */
export function infoOf(node: SimulatedNode, room: number): NodeInfo {
  return {
    cores: node.slots,
    cpuModel: 'simulated',
    memoryTotal: 2 ** 40,
    slots: room,
    labels: {},
    resources: {},
    handlers: [],
    throttle: 1,
    cpuLimit: null,
    listen: null,
    host: node.name,
    platform: 'simulated',
    version: 'simulated',
    pid: 1,
  };
}

/** What it measures. */
export function sampleOf({ running, waiting, head, slots }: SimulatedNode): Sample {
  const cpu = Math.min(100, (100 * running.size) / slots);
  return {
    cpu,
    cpuOurs: cpu,
    memoryUsed: 0,
    memoryOurs: 0,
    load1: running.size,
    running: running.size,
    waiting: waiting.length - head,
  };
}

/** Takes the next task that waits for a slot, or undefined where none can begin. */
export function takeNext(node: SimulatedNode): number | undefined {
  if (node.running.size >= node.slots || node.head === node.waiting.length) return undefined;
  const task = node.waiting[node.head++] as number;
  if (node.head > 1_024 && 2 * node.head > node.waiting.length) {
    node.waiting = node.waiting.slice(node.head);
    node.head = 0;
  }
  return task;
}

/** Takes a waiting task back; returns false where it does not wait here. */
export function takeBack(node: SimulatedNode, task: number): boolean {
  const at = node.waiting.indexOf(task, node.head);
  if (at === -1) return false;
  node.waiting.splice(at, 1);
  return true;
}

/** Loses everything. */
export function crash(node: SimulatedNode): void {
  node.process++;
  node.alive = false;
  node.running.clear();
  node.waiting = [];
  node.head = 0;
  node.seen = 0;
}
